"""The update client of a device: what it stores, what it may do next, and what it tells."""
