"""Kills the children of a parent that ended without stopping them: `python guard.py`.

Reads lines from standard input: `+PGID` watches a process group, `-PGID` forgets it. The end of
the input means the parent is gone, however it went: then every group still watched is killed,
grandchildren included.
"""

import os
import signal
import sys
from collections.abc import Iterable


def watched(lines: Iterable[str]) -> set[int]:
    """Process groups that are left when the input ends."""
    groups: set[int] = set()
    for line in lines:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    return groups


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
