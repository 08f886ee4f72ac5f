"""Absence and self-watch: silent devices, stalled pipeline, lag, wrong clocks and wrong counts."""
