"""Roots: which keys speak for each role of a repository. Pure: what the next Root says."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from securesystemslib.signer import SSlibKey
from tuf.api.metadata import Role, Root

from infra.trust.signed_file import expiry, holder

OFFLINE: Final[Mapping[str, Sequence[str]]] = {
    "director": ("root",),
    "images": ("root", "targets"),
}
"""Roles whose keys people hold, by repository; all others are the online host's."""
ROLES: Final = ("root", "targets", "snapshot", "timestamp")


class RootError(ValueError):
    """A Root cannot be made so; the message says why."""


@dataclass(frozen=True, slots=True)
class Holders:
    """The people who hold offline keys, and how many of them must sign."""

    keys: Sequence[SSlibKey]
    threshold: int


def online_name(repository: str, role: str, number: int) -> str:
    """Name of the online host's key of a role; a rotation counts up."""
    return f"{repository}-{role}-{number}"


def first_root(
    repository: str, holders: Holders, online: Mapping[str, SSlibKey], now: datetime
) -> Root:
    """The Root that devices leave the factory with, unsigned.

    Args:
        repository: director or images.
        holders: Who holds the offline roles.
        online: The online host's key by role, for the other roles.
        now: UTC.

    Raises:
        RootError: The threshold is not between 1 and the number of people.
    """
    if not 1 <= holders.threshold <= len({key.keyid for key in holders.keys}):
        raise RootError(
            f"threshold {holders.threshold}: must be from 1 to the number of different keys, "
            f"{len({key.keyid for key in holders.keys})}"
        )
    root = Root(version=1, expires=expiry("root", now), consistent_snapshot=True)
    for role in ROLES:
        offline = role in OFFLINE[repository]
        keys = holders.keys if offline else [online[role]]
        root.roles[role] = Role([], holders.threshold if offline else 1)
        for key in keys:
            root.add_key(key, role)
    return root


def replaced(root: Root, now: datetime, *, out: Sequence[str], into: Sequence[SSlibKey]) -> Root:
    """The next Root, with keys of some holders replaced by others in every role they had.

    Args:
        root: The one before.
        now: UTC.
        out: Names of the holders whose keys go.
        into: Keys that come in their places; fewer: the roles have fewer keys.

    Raises:
        RootError: Nobody of that name has a key, or a role is left with fewer keys than its
            threshold.
    """
    going = {key.keyid for key in root.keys.values() if holder(key) in out}
    if unknown := set(out) - {holder(root.keys[key_id]) for key_id in going}:
        known = ", ".join(sorted(map(holder, root.keys.values())))
        raise RootError(f"no key of {', '.join(sorted(unknown))} in this Root; it has {known}")
    after = deepcopy(root)  # `to_dict` would share its lists with the Root before
    after.version, after.expires = root.version + 1, expiry("root", now)
    for name in ROLES:
        lost = going & set(root.roles[name].keyids)
        for key_id in lost:
            after.revoke_key(key_id, name)
        for key in into if lost else ():
            after.add_key(key, name)
        role = after.roles[name]
        if len(role.keyids) < role.threshold:
            raise RootError(
                f"role {name} would have {len(role.keyids)} keys and needs {role.threshold} "
                "signatures; bring a new key in the same step: keys rotate"
            )
    return after
