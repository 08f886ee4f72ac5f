"""Latency SLO: inference-events become slo-partials, slo-partials become alerts."""
