"""Checkpoints: what was saved comes back, and nothing else is taken for it."""

import json
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from infra.objects import ObjectStore
from streams.checkpoints import (
    KEPT_FOR,
    Checkpoint,
    CheckpointError,
    Checkpoints,
    OtherLogError,
)


def checkpoint(
    through: int = 9, *, topic_id: str = "log-1", build: str = "g1", state: bytes = b"{}"
) -> Checkpoint:
    return Checkpoint(
        topic_id=topic_id,
        generation=build,
        applied_through=through,
        high_stamp_us=5,
        state=state,
    )


def written(one: Checkpoint) -> bytes:
    """As it stands in the store."""
    return b"".join(one.parts())


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(f"file://{tmp_path}/objects")


@given(st.binary(max_size=200))
def test_bytes_come_back_whatever_the_state_is(state: bytes) -> None:
    saved = checkpoint(state=state)
    assert Checkpoint.from_bytes(written(saved)) == saved


def test_the_last_one_saved_is_loaded(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "slo")
    checkpoints.save("t", 0, checkpoint(9))
    checkpoints.save("t", 0, checkpoint(12))
    checkpoints.save("t", 1, checkpoint(3))
    assert checkpoints.load("t", 0, topic_id="log-1", generation="g1") == checkpoint(12)


def test_another_generation_begins_afresh(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "slo")
    checkpoints.save("t", 0, checkpoint())
    assert checkpoints.load("t", 0, topic_id="log-1", generation="g2") is None


def test_processors_do_not_see_each_other(store: ObjectStore) -> None:
    Checkpoints(store, "slo").save("t", 0, checkpoint())
    assert Checkpoints(store, "gate").load("t", 0, topic_id="log-2", generation="g1") is None


def test_another_log_of_the_name_is_refused_with_both_ids(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "slo")
    checkpoints.save("t", 0, checkpoint())
    with pytest.raises(OtherLogError, match=r"log-1.*log-2.*--adopt-new-topic"):
        checkpoints.load("t", 0, topic_id="log-2", generation="g2")


def test_another_log_is_adopted_on_purpose_and_then_known(store: ObjectStore) -> None:
    Checkpoints(store, "slo").save("t", 0, checkpoint())
    adopting = Checkpoints(store, "slo", adopt_new_topic=True)
    assert adopting.load("t", 0, topic_id="log-2", generation="g2") is None
    adopting.save("t", 0, checkpoint(topic_id="log-2", build="g2"))
    later = Checkpoints(store, "slo")
    assert later.load("t", 0, topic_id="log-2", generation="g3") is None


def test_state_of_other_builds_is_kept_for_a_week(store: ObjectStore) -> None:
    checkpoints = Checkpoints(store, "slo")
    for build in ("g1", "g2"):
        checkpoints.save("t", 0, checkpoint(build=build))
    checkpoints.save("t", 1, checkpoint(build="g1"))
    assert checkpoints.retire("t", 0, keep="g2") == []
    week_ago = (datetime.now(UTC) - KEPT_FOR).timestamp() - 60
    for name in store.list("checkpoints"):
        path = store.uri(name).removeprefix("file://")
        os.utime(path, (week_ago, week_ago))
    assert checkpoints.retire("t", 0, keep="g2") == ["checkpoints/slo/t/0/g1"]
    assert store.list("checkpoints") == ["checkpoints/slo/t/0/g2", "checkpoints/slo/t/1/g1"]


def test_state_written_before_blindness_was_noted_is_read() -> None:
    head, _, state = written(checkpoint()).partition(b"\n")
    old = json.dumps({k: v for k, v in json.loads(head).items() if k != "blind_before_us"})
    assert Checkpoint.from_bytes(old.encode() + b"\n" + state).blind_before_us == 0


def test_damaged_state_is_refused_by_name(store: ObjectStore) -> None:
    store.put_named("checkpoints/slo/t/0/g1", written(checkpoint(state=b"[1]"))[:-1] + b"2")
    with pytest.raises(CheckpointError, match=r"checkpoints/slo/t/0/g1 is damaged.*digest"):
        Checkpoints(store, "slo").load("t", 0, topic_id="log-1", generation="g1")


@pytest.mark.parametrize("body", [b"", b"{}", b"not json\n", b'{"format": 2}\n'])
def test_what_is_no_checkpoint_is_refused(store: ObjectStore, body: bytes) -> None:
    store.put_named("checkpoints/slo/t/0/g1", body)
    with pytest.raises(CheckpointError, match="damaged"):
        Checkpoints(store, "slo").load("t", 0, topic_id="log-1", generation="g1")


def test_a_checkpoint_under_a_foreign_name_is_refused(store: ObjectStore) -> None:
    store.put_named("checkpoints/slo/t/0/g1", written(checkpoint(build="g7")))
    with pytest.raises(CheckpointError, match="g7"):
        Checkpoints(store, "slo").load("t", 0, topic_id="log-1", generation="g1")
