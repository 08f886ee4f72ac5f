"""The same SLOs for Prometheus: rules, and promtool's tests of them."""
