"""Attacks that the published vectors leave out; each begins with a device that has verified."""

import hashlib
from datetime import timedelta
from pathlib import Path

import pytest

from producers.device.trust.predicate import Identity
from producers.device.trust.refusal import RefusedError
from tests.tuf_site import ME, MODEL, NOW, Site, TestKey, World, listed, predicate, signed

Refusal = tuple[str, str, str]


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World(tmp_path)
    world.update()
    return world


def refused(world: World, me: Identity = ME) -> Refusal:
    with pytest.raises(RefusedError) as caught:
        world.update(me=me)
    return caught.value.repo, caught.value.role, caught.value.reason.value


def test_a_second_cycle_and_a_newer_release_are_accepted(world: World) -> None:
    world.update()
    world.offer("r2", counter=4, model=b"the next one")
    world.renew()
    assert world.update().target.length == len(b"the next one")
    assert world.state.counter == 4


# The Director's Timestamp and Snapshot


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_an_expired_role_of_the_director_stops_a_cycle(world: World, role: str) -> None:
    world.director.days[role] = -1
    world.director.renew()
    assert refused(world) == ("director", role, "expired")


@pytest.mark.parametrize("role", ["snapshot", "targets"])
def test_what_a_device_keeps_expires_although_a_new_timestamp_names_it(
    tmp_path: Path, role: str
) -> None:
    world = World(tmp_path)
    world.director.days[role] = 1
    world.director.publish()
    world.update()
    world.director.versions["timestamp"] += 1
    meta = {"snapshot.json": listed(world.director.files["1.snapshot.json"], 1)}
    world.director.put("timestamp", world.director.content("timestamp", meta=meta))
    world.update()
    with pytest.raises(RefusedError) as caught:
        world.update(now=NOW + timedelta(days=2))
    assert (caught.value.role, caught.value.reason.value) == (role, "expired")


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
def test_a_role_of_the_director_signed_by_another_role_counts_for_nothing(
    world: World, role: str
) -> None:
    world.director.keys[role] = TestKey("a thief")
    root = world.director.files["1.root.json"]
    world.director.renew()
    world.director.files["1.root.json"] = root
    assert refused(world) == ("director", role, "unmet_threshold")


def test_a_snapshot_that_goes_back_is_refused_at_the_timestamp(world: World) -> None:
    world.director.renew()
    world.update()
    world.director.versions |= {"timestamp": 3, "snapshot": 1}
    world.director.publish()
    assert refused(world) == ("director", "snapshot", "bad_version")


def test_targets_that_go_back_are_refused_at_the_snapshot(world: World) -> None:
    world.director.renew()
    world.update()
    world.director.versions |= {"timestamp": 3, "snapshot": 3, "targets": 1}
    world.director.publish()
    assert refused(world) == ("director", "targets", "bad_version")


def test_a_snapshot_that_lets_a_role_vanish_is_refused(world: World) -> None:
    site = world.director
    site.renew()
    meta = {"targets.json": listed(site.files["2.targets.json"], 2), "more.json": {"version": 1}}
    snapshot = site.put("snapshot", site.content("snapshot", meta=meta))
    site.put("timestamp", site.content("timestamp", meta={"snapshot.json": listed(snapshot, 2)}))
    world.update()
    site.renew()
    assert refused(world) == ("director", "snapshot", "inconsistent")


def test_another_snapshot_of_the_same_version_is_mix_and_match(world: World) -> None:
    site = world.director
    site.renew()
    meta = {"targets.json": listed(b"something else", 2)}
    site.put("snapshot", site.content("snapshot", meta=meta))
    role, reason = refused(world)[1:]
    assert role == "snapshot"
    assert reason in {"hash_mismatch", "too_large"}


def test_a_timestamp_of_the_same_version_cannot_point_elsewhere(world: World) -> None:
    site = world.director
    meta = {"snapshot.json": listed(b"something else", 9)}
    site.put("timestamp", site.content("timestamp", meta=meta))
    world.update()
    assert b'"version": 9' not in (world.state.director.get("timestamp") or b"")


# Replays


@pytest.mark.parametrize(("of", "repo"), [("director", "director"), ("images", "image_repo")])
def test_an_older_repository_replayed_whole_is_refused(world: World, of: str, repo: str) -> None:
    site: Site = getattr(world, of)
    older = dict(site.files)
    world.renew()
    world.update()
    site.files = older
    assert refused(world) == (repo, "timestamp", "bad_version")


def test_another_image_of_the_same_size_is_refused(world: World) -> None:
    name = next(name for name in world.images.files if name.endswith(".model"))
    world.images.files[name] = bytes(len(world.images.files[name]))
    assert refused(world) == ("image_repo", "target", "hash_mismatch")


def test_an_update_that_broke_off_leaves_the_rollback_protection(world: World) -> None:
    """The Timestamp is kept as soon as it is verified, also where no Snapshot followed."""
    older = dict(world.director.files)
    world.director.renew()
    del world.director.files["2.snapshot.json"]
    assert refused(world) == ("director", "snapshot", "missing_file")
    world.state.director.drop("snapshot")
    world.director.files = older
    assert refused(world) == ("director", "timestamp", "bad_version")


# Release counters


@pytest.mark.parametrize("counter", [1, None])
def test_a_release_counter_never_goes_back(world: World, counter: int | None) -> None:
    world.offer("r0", counter=counter)
    world.renew()
    assert refused(world) == ("image_repo", "targets", "counter_rollback")
    assert world.state.counter == 2


def test_the_parent_comes_back_under_the_next_counter(world: World) -> None:
    world.offer("r0-again", counter=3, model=b"the parent")
    world.renew()
    world.update()
    assert world.state.counter == 3


def test_a_counter_is_not_raised_for_an_image_that_never_came(world: World) -> None:
    world.offer("r2", counter=9, model=b"never sent")
    world.renew()
    world.images.files = {n: b for n, b in world.images.files.items() if b != b"never sent"}
    assert refused(world) == ("image_repo", "target", "missing_file")
    assert world.state.counter == 2


# Metadata of another device


def test_an_order_for_another_ecu_is_refused(world: World) -> None:
    world.director.targets["model"]["custom"] = {"ecuIdentifiers": {"car-2": {"hardwareId": "HW4"}}}
    world.director.renew()
    assert refused(world) == ("director", "targets", "bad_ecu_id")


def test_an_order_for_another_generation_is_refused(world: World) -> None:
    other = Identity(ecu="car-1", hardware="HW3")
    assert refused(world, other) == ("director", "targets", "bad_hardware_id")


def test_a_device_outside_the_wave_installs_nothing(world: World) -> None:
    world.director.targets["model"]["custom"]["release"] = predicate("r1", share=0.0)
    world.director.renew()
    assert refused(world) == ("director", "targets", "bad_ecu_id")


# Stolen keys


def test_a_stolen_timestamp_key_cannot_name_another_snapshot(world: World) -> None:
    site, thief = world.director, TestKey("a thief")
    site.versions["snapshot"] = 7
    meta = {"targets.json": listed(b"", 7)}
    snapshot = site.put("snapshot", site.content("snapshot", meta=meta), thief)
    site.versions["timestamp"] = 7
    meta = {"snapshot.json": listed(snapshot, 7)}
    site.put("timestamp", site.content("timestamp", meta=meta))
    assert refused(world) == ("director", "snapshot", "unmet_threshold")


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
def test_a_new_key_by_the_root_ends_what_a_stolen_one_did(world: World, role: str) -> None:
    site = world.director
    site.versions |= {"timestamp": 10**9, "snapshot": 10**9}
    site.publish()
    world.update()
    site.versions |= {"root": 2, "timestamp": 3, "snapshot": 3}
    old_root_key = site.keys["root"]
    site.keys["snapshot"] = TestKey("new snapshot")
    if role == "timestamp":
        site.keys["timestamp"] = TestKey("new timestamp")
    site.publish()
    site.put("root", site.root(), old_root_key)
    world.update()
    assert b'"version": 3' in (world.state.director.get("snapshot") or b"")


def test_repositories_that_have_no_hash_in_common_do_not_agree(world: World) -> None:
    world.director.targets["model"]["hashes"] = {"sha512": hashlib.sha512(MODEL).hexdigest()}
    world.director.renew()
    assert refused(world) == ("image_repo", "targets", "target_mismatch")


def test_stolen_director_keys_cannot_invent_an_image(world: World) -> None:
    world.director.targets["model"]["hashes"]["sha256"] = "ab" * 32
    world.director.renew()
    assert refused(world) == ("image_repo", "targets", "target_mismatch")


def test_stolen_director_keys_cannot_order_what_the_offline_keys_never_signed(
    world: World,
) -> None:
    world.images.targets = {}
    world.renew()
    assert refused(world) == ("image_repo", "targets", "target_not_found")


def test_a_stolen_director_key_cannot_aim_at_hardware_the_image_is_not_made_for(
    world: World,
) -> None:
    world.director.targets["model"]["custom"]["release"] = predicate("r1", hardware="HW3")
    world.director.renew()
    other = Identity(ecu="car-1", hardware="HW3")
    assert refused(world, other) == ("image_repo", "targets", "bad_hardware_id")


@pytest.mark.parametrize("rewritten", ["another field", "capitals"])
def test_one_key_under_two_names_is_one_signature(world: World, rewritten: str) -> None:
    """A thief of one key must not fill a threshold of two by naming it twice."""
    site = world.director
    twin = TestKey("director/timestamp")
    public = twin.public["keyval"]["public"]
    keyval = {"public": public, "x": "y"} if rewritten != "capitals" else {"public": public.upper()}
    twin.public = {**twin.public, "keyval": keyval}
    twin.id = TestKey.id_of(twin.public)
    site.versions["root"] = 2
    root = site.root()
    root["keys"][twin.id] = twin.public
    root["roles"]["timestamp"] = {"keyids": [site.keys["timestamp"].id, twin.id], "threshold": 2}
    site.put("root", root)
    site.versions["timestamp"] = 2
    meta = {"snapshot.json": listed(site.files["1.snapshot.json"], 1)}
    content = site.content("timestamp", meta=meta)
    site.files["timestamp.json"] = signed(content, (site.keys["timestamp"], twin))
    assert refused(world) == ("director", "timestamp", "unmet_threshold")


# Time


def test_a_clock_that_jumps_stops_updates_only_while_it_is_wrong(world: World) -> None:
    with pytest.raises(RefusedError, match="expired"):
        world.update(NOW + timedelta(days=365))
    world.update()


def test_the_messages_name_repository_role_version_and_rule(world: World) -> None:
    world.director.days["snapshot"] = -1
    world.director.renew()
    with pytest.raises(RefusedError, match=r"^director: snapshot version 2: expired: expired at"):
        world.update()
