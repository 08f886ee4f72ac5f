"""Erasure: what is kept of a device goes, step by step, each of which may be repeated."""
