"""Every field of every metadata file missing or wrong, under good signatures: refused by name."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from producers.device.trust.refusal import RefusedError
from tests.tuf_site import ROLES, Site, World, listed, signed

Path_ = tuple[str | int, ...]
MISSING: Final = object()
WRONG: Final[dict[str, Any]] = {
    "missing": MISSING,
    "null": None,
    "huge number": 10**4000,
    "nested": json.loads("[" * 900 + "]" * 900),
    "huge text": "x" * 3000,
    "negative": -1,
    "list": [],
}
BESIDE: Final[tuple[Any, ...]] = (None, 5, "x", [], {})
FREE: Final = {"consistent_snapshot", "hashes", "length", "sha256"}
"""What TUF lets a listed metadata file leave out, or lets a repository choose."""


def paths(tree: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every field of a file."""
    inner = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in inner:
        yield (*path, name)
        if isinstance(value, dict | list):
            yield from paths(value, (*path, name))


def changed(tree: Any, path: Path_, value: Any) -> Any:
    tree = copy.deepcopy(tree)
    at = tree
    for name in path[:-1]:
        at = at[name]
    if value is MISSING:
        del at[path[-1]]
    else:
        at[path[-1]] = value
    return tree


def publish(site: Site, role: str, content: Any) -> None:
    """Publish a role's content, rightly signed, and what lists it."""
    data = signed(content, (site.keys[role],))
    site.files[
        "timestamp.json" if role == "timestamp" else f"{site.versions[role]}.{role}.json"
    ] = data
    if role == "targets":
        meta = {"targets.json": listed(data, site.versions["targets"])}
        publish(site, "snapshot", site.content("snapshot", meta=meta))
    if role == "snapshot":
        meta = {"snapshot.json": listed(data, site.versions["snapshot"])}
        publish(site, "timestamp", site.content("timestamp", meta=meta))


def outcome(world: World) -> RefusedError | None:
    try:
        world.update()
    except RefusedError as error:
        return error
    return None


# One repository class reads both; only the Targets of each are read further by rules of their own.
@pytest.mark.parametrize(
    ("repo", "role"), [*(("director", role) for role in ROLES), ("images", "targets")]
)
@pytest.mark.parametrize("wrong", list(WRONG))
def test_no_wrong_field_gets_through(tmp_path: Path, repo: str, role: str, wrong: str) -> None:
    world = World(tmp_path)
    world.update()
    site: Site = getattr(world, repo)
    for each in site.versions:
        site.versions[each] += 1
    site.publish()
    name = "timestamp.json" if role == "timestamp" else f"2.{role}.json"
    content = json.loads(site.files[name])["signed"]
    for path in paths(content):
        if isinstance(path[-1], int) and wrong == "missing":
            continue
        site.publish()
        publish(site, role, changed(content, path, WRONG[wrong]))
        refused = outcome(world)
        if refused is None:
            assert (wrong == "missing" and path[-1] in FREE) or in_custom(path), path
            continue
        assert refused.repo == {"director": "director", "images": "image_repo"}[repo], path
        assert refused.role, path
        assert refused.rule, path


def in_custom(path: Path_) -> bool:
    """Fields of ours that no rule reads: the salt and the release id are any text."""
    return "custom" in path


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_field_that_belongs_to_another_role_is_refused_or_nothing(
    tmp_path: Path, role: str
) -> None:
    name = "timestamp.json" if role == "timestamp" else f"1.{role}.json"
    for field in ("keys", "roles", "delegations", "consistent_snapshot", "unheard_of"):
        for value in BESIDE:
            world = World(tmp_path / f"{field}{value!r}")
            content = json.loads(world.director.files[name])["signed"]
            publish(world.director, role, {**content, field: value})
            refused = outcome(world)
            assert (refused is not None) == (field == "delegations" and role == "targets"), field


def test_a_field_wrong_outside_the_signed_part_is_refused(tmp_path: Path) -> None:
    world = World(tmp_path)
    for body in (b"", b"[]", b"null", b"{", b"\xff", b'{"signed": {}}', b'{"a": 1, "a": 2}'):
        world.director.files["timestamp.json"] = body
        refused = outcome(world)
        assert refused is not None
        assert (refused.role, refused.reason) == ("timestamp", "malformed"), body


def test_depth_is_refused_before_it_hurts(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.director.files["timestamp.json"] = b'{"signed":' + b"[" * 7000 + b"]" * 7000 + b"}"
    refused = outcome(world)
    assert refused is not None
    assert refused.reason == "too_nested"
