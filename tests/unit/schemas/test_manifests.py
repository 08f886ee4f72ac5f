"""The manifest: same examples, same bytes; nothing that breaks a rule gets in or out."""

import dataclasses

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from schemas.examples import Example, Split
from schemas.manifests import ManifestError, from_parquet, to_parquet


def example(number: int, split: Split = Split.TRAIN) -> Example:
    return Example(
        example_id=f"e{number:03}",
        encounter_id=f"d/{number}",
        device_id="d",
        split=split,
        label="stop",
        frame_uri=f"file:///f/{number}.png",
        frame_digest="ab" * 32,
        source_topic="edge-cases",
        source_topic_id="t1",
        source_partition=2,
        source_offset=number,
    )


def test_round_trip_keeps_examples_and_metadata() -> None:
    rows = [example(1), example(2, Split.VALIDATION)]
    manifest = from_parquet(to_parquet(rows, {"classes": '["stop"]'}))
    assert tuple(manifest.examples) == tuple(rows)
    assert manifest.metadata == {"classes": '["stop"]'}


def test_order_of_examples_and_metadata_does_not_change_the_bytes() -> None:
    rows = [example(number) for number in range(40)]
    first = to_parquet(rows, {"a": "1", "b": "2"})
    assert to_parquet(reversed(rows), {"b": "2", "a": "1"}) == first


def test_an_empty_manifest_is_a_manifest() -> None:
    assert len(from_parquet(to_parquet([], {})).examples) == 0


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([example(1), example(1)], "e001: stands twice"),
        (
            [example(1), dataclasses.replace(example(1, Split.VALIDATION), example_id="x")],
            "encounter d/1: stands on both sides",
        ),
        ([dataclasses.replace(example(1), weight=0.0)], r"weight=0\.0: must be above 0"),
        ([dataclasses.replace(example(1), weight=float("nan"))], "weight=nan"),
        ([dataclasses.replace(example(1), label="")], "e001: label"),
    ],
)
def test_a_broken_rule_is_refused_by_name(rows: list[Example], message: str) -> None:
    with pytest.raises(ManifestError, match=message):
        to_parquet(rows, {})


def test_reserved_metadata_is_refused() -> None:
    with pytest.raises(ManifestError, match="'format'"):
        to_parquet([], {"format": "mine"})


def _parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    body: bytes = sink.getvalue().to_pybytes()
    return body


def test_other_bytes_are_refused() -> None:
    with pytest.raises(ManifestError, match="4 bytes: not Parquet"):
        from_parquet(b"oops")
    with pytest.raises(ManifestError, match="format=None"):
        from_parquet(_parquet(pa.table({"a": [1]})))
    foreign = pa.table({"a": [1]}).replace_schema_metadata({"format": "fleetloop.manifest/1"})
    with pytest.raises(ManifestError, match=r"columns \['a'\]"):
        from_parquet(_parquet(foreign))


def test_an_unknown_split_is_refused_by_name() -> None:
    table = pq.read_table(pa.BufferReader(to_parquet([example(1)], {})))
    at = table.schema.get_field_index("split")
    broken = table.set_column(at, table.schema.field(at), pa.array(["TEST"]))
    with pytest.raises(ManifestError, match="e001: split='TEST'"):
        from_parquet(_parquet(broken))
