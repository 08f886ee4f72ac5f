"""What an SLO would have said of the past, and how good that would have been."""
