"""Cameras: what a device sees, rendered or recorded, and the truth only a reviewer may ask."""
