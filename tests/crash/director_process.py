"""The director worker, killing itself with SIGKILL after its n-th write to the object store."""

import logging

from infra.lean import without
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.director import run
from tests.crash.dying import at_point


def main(nth: str) -> None:
    """Run the worker with settings from the environment; with 0 it does not die."""
    without("pandas")
    logging.basicConfig(level=logging.INFO)
    if int(nth):
        at_point(ObjectStore, "_land", lambda *_: True, before=False, nth=int(nth))
    run(Settings())
