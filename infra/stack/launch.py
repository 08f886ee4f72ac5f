"""Becomes a child program that dies with its parent: `python launch.py PARENT_PID ARGV...`.

Asks the kernel (Linux) for SIGKILL when the parent ends, then replaces itself by the program.
Elsewhere the guard does it alone. Imports little: it runs before every child.
"""

import os
import sys

_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def die_with_parent(parent: int) -> None:
    """Ask the kernel to end this process when `parent` ends; leave at once if it is gone."""
    if sys.platform == "linux":
        import ctypes  # noqa: PLC0415 - costs 5 ms where it is not needed

        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) refused")
    if os.getppid() != parent:  # it died before the kernel was asked
        sys.exit(f"fleetloop: parent {parent} is gone")


def main(arguments: list[str]) -> None:
    """Become the program."""
    die_with_parent(int(arguments[0]))
    try:
        os.execvp(arguments[1], arguments[1:])  # noqa: S606 - the program is given as a list
    except OSError as error:
        sys.exit(f"fleetloop: cannot start {arguments[1]}: {error.strerror}")


if __name__ == "__main__":
    main(sys.argv[1:])
