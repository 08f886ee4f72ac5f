"""How a topic's Avro schema becomes the columns of its ClickHouse table; pure."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

Avro = str | Mapping[str, Any] | Sequence[Any]

# Text with few different values: stored and sent as a dictionary.
LOW_CARDINALITY: Final = frozenset(
    {
        *("source", "hardware", "region", "release_id", "model_digest", "stratum", "signer"),
        *("parent_release_id", "rollback_to_release_id", "rollback_to_digest", "shadow_release_id"),
        *("slot_a_digest", "slot_b_digest", "topic", "topic_id", "source_topic", "stage"),
        *("error_class", "field", "code_version", "reason_code", "preconditions_network"),
        *("campaign_id", "frame_media_type", "context_weather", "context_light"),
        *("mode_before", "mode_after", "cause", "cause_model", "road_type", "label", "reviewer"),
        *("guideline_version", "budget_line", "line", "generation", "slo", "slo_name"),
        *("alertname", "artifact_format", "artifact_runtime", "operator", "severity", "state"),
    }
)

_SCALARS: Final = {
    "string": "String",
    "bytes": "String",
    "int": "Int32",
    "long": "Int64",
    "float": "Float32",
    "double": "Float64",
    "boolean": "Bool",
    "timestamp-micros": "DateTime64(6, 'UTC')",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column of a topic's table.

    Attributes:
        name: Field names joined by underscores: `latency_sum_us`.
        path: The same field in the record: `("latency", "sum_us")`.
        type: ClickHouse type.
        comment: The field's doc in the schema, with its unit.
        low_cardinality: Sent as an Arrow dictionary.
    """

    name: str
    path: tuple[str, ...]
    type: str
    comment: str
    low_cardinality: bool = False


def table_name(topic: str) -> str:
    """Table of a topic: dashes are not plain SQL names."""
    return topic.replace("-", "_")


def columns(schema: str) -> tuple[Column, ...]:
    """Columns of a record schema (Avro JSON), nested records flattened by prefix.

    Raises:
        ValueError: Two fields would share a column, or a type has no column type.
    """
    found = tuple(_record(json.loads(schema), (), nullable=False))
    names = [column.name for column in found]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"columns {doubled} come from more than one field; rename one field")
    return found


def _record(schema: Mapping[str, Any], path: tuple[str, ...], *, nullable: bool) -> list[Column]:
    """A record that may be null has nullable scalars; its arrays and maps are then empty."""
    found: list[Column] = []
    for field in schema["fields"]:
        here = (*path, field["name"])
        inner, optional = _without_null(field["type"])
        optional = optional or nullable
        if isinstance(inner, Mapping) and inner["type"] == "record":
            found += _record(inner, here, nullable=optional)
        else:
            found.append(_column(here, inner, field["doc"], nullable=optional))
    return found


def _column(path: tuple[str, ...], inner: Avro, doc: str, *, nullable: bool) -> Column:
    name = "_".join(path)
    low = _kind(inner) == "enum" or (_kind(inner) == "string" and name in LOW_CARDINALITY)
    text = _type(inner, where=name)
    if nullable and _kind(inner) not in {"array", "map"}:
        text = f"Nullable({text})"
    if low:
        text = f"LowCardinality({text})"
    return Column(name=name, path=path, type=text, comment=doc, low_cardinality=low)


def _type(schema: Avro, *, where: str) -> str:
    """ClickHouse type of a schema that is not a union."""
    kind = _kind(schema)
    if kind == "enum":
        return "String"
    if kind in _SCALARS:
        return _SCALARS[kind]
    if isinstance(schema, Mapping) and kind == "array":
        return f"Array({_element(schema['items'], where=where)})"
    if isinstance(schema, Mapping) and kind == "map":
        return f"Map(String, {_element(schema['values'], where=where)})"
    if isinstance(schema, Mapping) and kind == "record":
        parts = (f"{f['name']} {_element(f['type'], where=where)}" for f in schema["fields"])
        return f"Tuple({', '.join(parts)})"
    raise ValueError(f"column {where}: Avro type {schema!r} has no ClickHouse type")


def _element(schema: Avro, *, where: str) -> str:
    inner, optional = _without_null(schema)
    text = _type(inner, where=where)
    return f"Nullable({text})" if optional else text


def _kind(schema: Avro) -> str:
    if isinstance(schema, str):
        return schema
    if isinstance(schema, Mapping):
        return str(schema.get("logicalType", schema["type"]))
    return "union"


def _without_null(schema: Avro) -> tuple[Avro, bool]:
    """The one type beside null, and whether null is allowed."""
    if isinstance(schema, (str, Mapping)):
        return schema, False
    rest = [branch for branch in schema if branch != "null"]
    return (rest[0], len(rest) < len(schema)) if len(rest) == 1 else (schema, False)
