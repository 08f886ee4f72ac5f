"""Durations, as the SLO file writes them."""

from schemas.durations import SECOND_US, UNITS_US, parse, spell

__all__ = ["SECOND_US", "UNITS_US", "parse", "spell"]
