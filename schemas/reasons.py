"""Reason codes of acknowledgements that more than the device itself must know."""

from typing import Final

ROLLBACK_ORDERED: Final = "ROLLBACK_ORDERED"
"""REVERTED by the order of the log, which is no failure."""
SAFETY: Final = "SAFETY"
"""It was about safety: no statistics, a person looks."""
DOWNLOAD_FAILED: Final = "DOWNLOAD_FAILED"
"""The model file was not to be had."""
INTERRUPTED: Final = "INTERRUPTED"
"""The power went during the trial."""
NO_SPACE: Final = "NO_SPACE"
"""The device's disk was full."""
STORAGE_FAILED: Final = "STORAGE_FAILED"
"""The device's storage did not do what it was told."""

TRANSIENT: Final = frozenset({DOWNLOAD_FAILED, INTERRUPTED, NO_SPACE, STORAGE_FAILED})
"""A failure for one of these is tried again, and what follows in time replaces it. After any
other code the device does not try again, and has failed whatever it says later."""
