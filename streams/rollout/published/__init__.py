"""Scenarios after other tools' tests and documentation: their verdict, and ours beside it."""
