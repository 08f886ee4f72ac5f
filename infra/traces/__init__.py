"""Traces of rollouts, cut from the log or from ClickHouse."""
