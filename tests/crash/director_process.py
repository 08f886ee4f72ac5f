"""The director worker, killing itself with SIGKILL after its n-th write to the object store.

Usage: python -m tests.crash.director_process, and on stdin a line with n; 0: never. It imports all
there is before it reads.
"""

import logging
import sys

from infra.lean import without
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.director import run
from tests.crash.dying import at_point


def main() -> None:
    """Run the worker with settings from the environment."""
    without("pandas")
    logging.basicConfig(level=logging.INFO)
    if nth := int(sys.stdin.readline()):
        at_point(ObjectStore, "_land", lambda *_: True, before=False, nth=nth)
    run(Settings())


if __name__ == "__main__":
    main()
