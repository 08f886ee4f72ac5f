"""Recorded data as events: one small reader for each data set, one player for all."""
