"""Columns of a schema: prefixes, nulls, tuples, and refusal of what has no column."""

import json

import pytest

from consumers.clickhouse.layout import columns, table_name

TS = {"type": "long", "logicalType": "timestamp-micros"}


def schema(*fields: tuple[str, object]) -> str:
    listed = [{"name": name, "type": kind, "doc": f"{name} in m."} for name, kind in fields]
    return json.dumps({"type": "record", "name": "R", "fields": listed})


def record(name: str, *fields: tuple[str, object]) -> dict[str, object]:
    listed = [{"name": field, "type": kind, "doc": "d"} for field, kind in fields]
    return {"type": "record", "name": name, "fields": listed}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("string", "String"),
        (["null", "bytes"], "Nullable(String)"),
        (TS, "DateTime64(6, 'UTC')"),
        (["null", TS], "Nullable(DateTime64(6, 'UTC'))"),
        ({"type": "enum", "name": "E", "symbols": ["A"]}, "LowCardinality(String)"),
        ({"type": "array", "items": "float"}, "Array(Float32)"),
        ({"type": "map", "values": "bytes"}, "Map(String, String)"),
        (
            {"type": "array", "items": record("I", ("ts", TS), ("x", ["null", "double"]))},
            "Array(Tuple(ts DateTime64(6, 'UTC'), x Nullable(Float64)))",
        ),
    ],
)
def test_each_avro_type_has_its_column_type(kind: object, expected: str) -> None:
    (column,) = columns(schema(("f", kind)))
    assert (column.type, column.comment) == (expected, "f in m.")


def test_nested_records_become_prefixed_columns() -> None:
    found = columns(schema(("latency", record("L", ("sum_us", "long")))))
    assert [(column.name, column.path) for column in found] == [
        ("latency_sum_us", ("latency", "sum_us"))
    ]


def test_a_record_that_may_be_null_has_nullable_scalars_and_plain_arrays() -> None:
    inner = record("L", ("n", "long"), ("counts", {"type": "array", "items": "int"}))
    found = {column.name: column.type for column in columns(schema(("l", ["null", inner])))}
    assert found == {"l_n": "Nullable(Int64)", "l_counts": "Array(Int32)"}


def test_two_fields_for_one_column_are_refused() -> None:
    with pytest.raises(ValueError, match=r"columns \['a_b'\] come from more than one field"):
        columns(schema(("a_b", "int"), ("a", record("A", ("b", "int")))))


def test_a_type_without_a_column_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="column f: Avro type"):
        columns(schema(("f", ["int", "string"])))


def test_tables_are_plain_sql_names() -> None:
    assert table_name("inference-events") == "inference_events"
