"""The two-minute story: the whole loop on real engines, told as it happens, checked at the end."""
