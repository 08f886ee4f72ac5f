"""The two repositories, their roles, which keys stay offline, and how long metadata live."""

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Final

from tuf.api.metadata import Root, Snapshot, Targets, Timestamp

from producers.device.trust.cycle import DIRECTOR_NAME, IMAGES_NAME


class Repo(StrEnum):
    """A repository, by the name that a device's state and its refusals use."""

    DIRECTOR = DIRECTOR_NAME
    IMAGES = IMAGES_NAME


ROLES: Final = (Root.type, Targets.type, Snapshot.type, Timestamp.type)
OFFLINE: Final[Mapping[Repo, frozenset[str]]] = {
    Repo.DIRECTOR: frozenset({Root.type}),
    Repo.IMAGES: frozenset({Root.type, Targets.type}),
}
"""Roles whose keys no server holds, so that nobody who owns one can invent an image."""
LIFE: Final[Mapping[str, timedelta]] = {
    Root.type: timedelta(days=365),
    Targets.type: timedelta(days=90),
    Snapshot.type: timedelta(days=7),
    Timestamp.type: timedelta(days=1),
}


def online(repo: Repo) -> tuple[str, ...]:
    """Roles of a repository whose keys its server holds."""
    return tuple(role for role in ROLES if role not in OFFLINE[repo])


def key_name(repo: Repo, role: str) -> str:
    """File name of a role's key, without its suffix."""
    return f"{repo.value.replace('_', '-')}-{role}"
