"""Real series with known faults, as counts for SLOs."""
