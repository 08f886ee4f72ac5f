"""Kills the children of a parent that ended without stopping them: `python guard.py`.

Each line of standard input names all process groups to watch. The end of the input means the
parent is gone, however it went: then every group of the last line is killed, grandchildren
included.
"""

import os
import signal
import sys
from collections.abc import Iterable


def watched(lines: Iterable[str]) -> list[int]:
    """Process groups that are left when the input ends."""
    last = ""
    for line in lines:
        last = line
    return [int(group) for group in last.split()]


def main() -> None:
    """Wait for the end of the input, then kill what is left."""
    # A Ctrl-C is for the parent, which stops its children in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for group in watched(sys.stdin):
        try:
            os.killpg(group, signal.SIGKILL)
        except ProcessLookupError:
            continue


if __name__ == "__main__":
    main()
