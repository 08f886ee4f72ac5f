"""Metadata bytes as a tree of JSON that cannot hurt: no depth, no floats, no key said twice."""

import json
from typing import Any, Final, NoReturn

from producers.device.trust.refusal import Reason, RefusedError

Tree = dict[str, Any]
_TOO_DEEP: Final = "may be nested {} deep at most"


def parse(data: bytes, role: str, nesting: int) -> Tree:
    """Read one metadata file.

    Args:
        data: The file, already bounded in size.
        role: The role it is expected to be, for the message.
        nesting: Depth of objects and lists allowed.

    Raises:
        RefusedError: It is no JSON object, is nested deeper, names a key twice, or holds a number
            that canonical JSON does not have.
    """
    try:
        tree = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_once,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
    except RecursionError:
        raise RefusedError(role, Reason.TOO_NESTED, _TOO_DEEP.format(nesting)) from None
    except ValueError as error:
        raise RefusedError(role, Reason.MALFORMED, f"must be JSON: {error}") from None
    if not isinstance(tree, dict):
        raise RefusedError(role, Reason.MALFORMED, "must be a JSON object")
    if _deeper(tree, nesting):
        raise RefusedError(role, Reason.TOO_NESTED, _TOO_DEEP.format(nesting))
    return tree


def _once(pairs: list[tuple[str, Any]]) -> Tree:
    tree = dict(pairs)
    if len(tree) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"{twice[:80]!r} stands twice in one object")
    return tree


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text[:40]} is no integer, and canonical JSON has no other numbers")


def _deeper(tree: Tree, nesting: int) -> bool:
    """Whether it is nested deeper, level by level: a recursion could be made to fail."""
    level: list[Any] = [tree]
    for _ in range(nesting):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True
