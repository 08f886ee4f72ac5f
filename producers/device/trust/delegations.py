"""Finding a target: through the delegations in their order, most trusted first (TUF 5.6.7)."""

from tuf.api.metadata import TargetFile, Targets

from producers.device.trust.documents import Delegator
from producers.device.trust.refusal import Reason
from producers.device.trust.repository import Repository


def find(repository: Repository, path: str, most: int) -> TargetFile:
    """The target of a path, by the most trusted role that names it.

    Preorder, depth first; a terminating delegation ends the search outside itself; a role is
    visited once, so that a circle ends.

    Args:
        repository: Refreshed.
        path: The target's path.
        most: Roles visited at most.

    Raises:
        RefusedError: No role names it, or a role on the way breaks a rule.
    """
    waiting: list[tuple[str, Delegator]] = [("targets", repository.root.signed)]
    visited: set[str] = set()
    while waiting and len(visited) <= most:
        role, delegator = waiting.pop()
        if role in visited:
            continue
        targets = repository.targets if role == "targets" else repository.load(role, delegator)
        signed = targets.signed
        if path in signed.targets:
            return signed.targets[path]
        visited.add(role)
        if signed.delegations is not None:
            children, ends = _children(signed, path)
            if ends:
                waiting.clear()
            waiting.extend((child, signed) for child in reversed(children))
    rule = f"no role that may name {path[:120]!r} does"
    raise repository.targets.refuse(Reason.TARGET_NOT_FOUND, rule)


def _children(signed: Targets, path: str) -> tuple[list[str], bool]:
    """Roles asked next, in order, and whether the search ends with them."""
    if signed.delegations is None:
        return [], False
    children: list[str] = []
    for name, terminating in signed.delegations.get_roles_for_target(path):
        children.append(name)
        if terminating:
            return children, True
    return children, False
