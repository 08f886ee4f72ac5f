"""One simulated fleet, many gates: which of them exposes how many devices."""
