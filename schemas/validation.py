"""What records must keep to beyond their types, checked for a whole batch at once."""

import dataclasses
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from schemas import topics
from schemas.arrow import arrow_schema
from schemas.catalogue import CATALOGUE
from schemas.columns import Refusal
from schemas.errors import ErrorClass, RecordError
from schemas.leaves import Leaves, paths
from schemas.rules import (
    AtMostCharacters,
    AtMostItems,
    HexDigest,
    Holds,
    Mask,
    NotAhead,
    OneOf,
    Rule,
    Within,
    row_sums,
)
from schemas.shapes import parse_record
from schemas.versions import Topic, stored_versions, topic_name

MAX_CHARACTERS: Final = 1_024
MAX_ITEMS: Final = 4_096
MAX_AHEAD_US: Final = 2 * 3_600 * 1_000_000
MAX_WINDOW_US: Final = 10 * 60 * 1_000_000
ITEM_LIMITS: Final[Mapping[tuple[str, str], int]] = {
    (topics.INFERENCE_EVENTS.name, "exemplars"): 8,
    (topics.INFERENCE_EVENTS.name, "latency.counts"): 160,
    (topics.INFERENCE_EVENTS.name, "confidence"): 10,
    (topics.INFERENCE_EVENTS.name, "shadow_encounters"): 256,
    (topics.INFERENCE_EVENTS.name, "shadow_differing"): 256,
    (topics.EDGE_CASES.name, "embedding"): 512,
    (topics.SLO_PARTIALS.name, "latency.counts"): 160,
    (topics.SLO_PARTIALS.name, "exemplars"): 20,
    (topics.DRIFT_PARTIALS.name, "confidence"): 10,
}
"""Longest list or map of a path; `MAX_ITEMS` for all others."""
CHARACTER_LIMITS: Final[Mapping[tuple[str, str], int]] = {
    (topics.INCIDENTS.name, "narrative"): 8_192,  # published reports reach 3,598
}
"""Longest string of a path; `MAX_CHARACTERS` for all others."""
EVENT_TIMES: Final[Mapping[str, str]] = {
    topics.DEVICES.name: "updated_ts",
    topics.OTA_ACKS.name: "device_ts",
    topics.INFERENCE_EVENTS.name: "window_end",
    topics.EDGE_CASES.name: "captured_ts",
    topics.DISENGAGEMENTS.name: "event_ts",
    topics.LABEL_REVIEWS.name: "reviewed_ts",
}
"""The field that says when what a record tells of happened."""

_COUNTS: Final[Mapping[str, str]] = {
    topics.DEVICES.name: "heartbeat_interval_ms",
    topics.MODEL_RELEASES.name: (
        "decision_seq counter rate_per_min artifact.bytes deadline_us.{} "
        "evidence.n evidence.failures_low evidence.failures_high"
    ),
    topics.OTA_ACKS.name: "attempt seq",
    topics.INFERENCE_EVENTS.name: (
        "expected produced warmup late latency.zero_count latency.counts.[] latency.sum_us "
        "latency.min_us latency.max_us energy_j distance_m confidence.[] classes.[] flips "
        "disagreements exemplars.[].latency_us exemplars.[].top1 shadow_encounters.[] "
        "shadow_differing.[] shadow_judged shadow_late shadow_busy_us"
    ),
    topics.EDGE_CASES.name: "frame.bytes frame.width frame.height top1 entropy uplink_bytes",
    topics.LABEL_REQUESTS.name: "review",
    topics.LABEL_REVIEWS.name: "seconds_spent",
    topics.DATASET_MANIFESTS.name: (
        "seq counts.{} label_cost budget slices.{} excluded.{} leakage_audit.checked reviews "
        "second_reviews agreement.encounters agreement.agreeing"
    ),
    topics.SLO_PARTIALS.name: (
        "source_partition total bad latency.zero_count latency.counts.[] latency.sum_us "
        "latency.min_us latency.max_us exemplars.[].latency_us"
    ),
    topics.ROLLOUT_PARTIALS.name: (
        "source_partition offered accepted committed failed silent deferred critical "
        "rolled_back exposure_m events windows_judged windows_over shadow_devices shadow_failed "
        "shadow_slices.[].encounters shadow_slices.[].differing"
    ),
    topics.DRIFT_PARTIALS.name: ("source_partition windows frames confidence.[] classes.[] flips"),
    topics.ALERTS.name: (
        "seq tiers.[].n_long tiers.[].bad_long tiers.[].n_short tiers.[].bad_short "
        "suspects.[].bad suspects.[].total late_events flap_count"
    ),
    topics.COLLECTION_CAMPAIGNS.name: "quota uplink_bytes_limit",
    topics.INCIDENTS.name: "report_version",
    topics.DEAD_LETTERS.name: "partition offset attempt",
}
_PROBABILITIES: Final[Mapping[str, str]] = {
    topics.MODEL_RELEASES.name: "share preconditions.min_state_of_charge",
    topics.OTA_ACKS.name: "preconditions.state_of_charge",
    topics.INFERENCE_EVENTS.name: "exemplars.[].confidence",
    topics.EDGE_CASES.name: "confidence margin",
    topics.LABEL_REQUESTS.name: "confidence",
    topics.ALERTS.name: "slo.objective",
    topics.COLLECTION_CAMPAIGNS.name: "share",
}
_DIGESTS: Final = frozenset(
    {
        "digest",
        "model_digest",
        "manifest_digest",
        "questions_digest",
        "slot_a_digest",
        "slot_b_digest",
        "evidence_head",
        "rollback_to_digest",
    }
)


def _counts_fit(leaves: Leaves) -> Mask:
    produced = leaves["produced"].numbers().astype(np.int64)
    judged = leaves["warmup"].numbers().astype(np.int64) + leaves["late"].numbers()
    fits: Mask = (judged <= produced) & (produced <= leaves["expected"].numbers())
    return fits


def _histogram_adds_up(leaves: Leaves) -> Mask:
    sums = row_sums(leaves["latency.counts.[]"], len(leaves))
    sums = sums + leaves["latency.zero_count"].numbers()
    produced = leaves["produced"].numbers().astype(np.int64)
    adds: Mask = sums == produced - leaves["warmup"].numbers()
    return adds


def _window_is_sound(leaves: Leaves) -> Mask:
    start, end = leaves["window_start"].numbers(), leaves["window_end"].numbers()
    length = end - start  # wraps below 0 when it does not fit 64 bits
    sound: Mask = (end > start) & (length > 0) & (length <= MAX_WINDOW_US)
    return sound


def _shadow_differs_within(leaves: Leaves) -> Mask:
    encounters, differing = leaves["shadow_encounters.[]"], leaves["shadow_differing.[]"]
    sizes, others = np.diff(encounters.offsets[0]), np.diff(differing.offsets[0])
    within: Mask = sizes == others
    seen, differ = encounters.numbers(), differing.numbers()
    if within.all():
        within[encounters.rows(np.flatnonzero(differ > seen))] = False
        return within
    for row in np.flatnonzero(within):
        here = slice(encounters.offsets[0][row], encounters.offsets[0][row + 1])
        there = slice(differing.offsets[0][row], differing.offsets[0][row + 1])
        within[row] = bool(np.all(differ[there] <= seen[here]))
    return within


def _shadow_late_within(leaves: Leaves) -> Mask:
    within: Mask = leaves["shadow_late"].numbers() <= leaves["shadow_judged"].numbers()
    return within


def _bad_within_total(leaves: Leaves) -> Mask:
    within: Mask = leaves["bad"].numbers() <= leaves["total"].numbers()
    return within


def _answers_add_up(leaves: Leaves) -> Mask:
    told: Mask = row_sums(leaves["confidence.[]"], len(leaves)) == leaves["frames"].numbers()
    return told


_RELATIONS: Final[Mapping[str, tuple[Rule, ...]]] = {
    topics.INFERENCE_EVENTS.name: (
        Within("deadline_us", 1),
        Within("latency.scale", -10, 20),
        Holds(
            "window_end",
            f"is after window_start, by at most {MAX_WINDOW_US // 60_000_000} minutes",
            _window_is_sound,
            ("window_start", "window_end"),
        ),
        Holds(
            "produced",
            "warmup + late <= produced <= expected",
            _counts_fit,
            ("expected", "produced", "warmup", "late"),
        ),
        Holds(
            "latency.counts",
            "zero_count and the counts add up to produced - warmup",
            _histogram_adds_up,
            ("produced", "warmup", "latency.zero_count", "latency.counts"),
        ),
        Holds(
            "shadow_differing",
            "has one count for each of shadow_encounters, and none above it",
            _shadow_differs_within,
            ("shadow_encounters", "shadow_differing"),
        ),
        Holds(
            "shadow_late",
            "is at most shadow_judged",
            _shadow_late_within,
            ("shadow_judged", "shadow_late"),
        ),
    ),
    topics.SLO_PARTIALS.name: (Holds("bad", "bad <= total", _bad_within_total, ("total", "bad")),),
    topics.DRIFT_PARTIALS.name: (
        Holds(
            "confidence", "its counts add up to frames", _answers_add_up, ("frames", "confidence")
        ),
    ),
    topics.DATASET_MANIFESTS.name: (Within("leakage_audit.violations", 0, 0),),
}


@cache
def rules(topic: str) -> tuple[Rule, ...]:
    """All rules of a topic's records, those named first that say most.

    Raises:
        UnknownSchemaError: There is no such topic.
    """
    found = paths(_columns_of(topic))
    made: list[Rule] = [Within(path, 0) for path in _COUNTS.get(topic, "").split()]
    made += [Within(path, 0, 1) for path in _PROBABILITIES.get(topic, "").split()]
    made += _RELATIONS.get(topic, ())
    made += [HexDigest(path) for path in found if path.rpartition(".")[2] in _DIGESTS]
    if topics.TOPICS[topic].from_devices:
        made += [
            OneOf("hardware", tuple(CATALOGUE.hardware)),
            OneOf("region", CATALOGUE.regions),
        ]
    if topic in EVENT_TIMES:
        made.append(NotAhead(EVENT_TIMES[topic], MAX_AHEAD_US))
    for path, kind in found.items():
        if pa.types.is_list(kind) or pa.types.is_map(kind):
            made.append(AtMostItems(path, ITEM_LIMITS.get((topic, path), MAX_ITEMS)))
        elif pa.types.is_string(kind):
            limit = CHARACTER_LIMITS.get((topic, path), MAX_CHARACTERS)
            made.append(AtMostCharacters(path, limit))
    return tuple(made)


def validate(topic: Topic, batch: pa.RecordBatch, stamps_us: npt.ArrayLike) -> list[Refusal]:
    """Rows of a batch that break a rule: one refusal each, of the first rule it breaks.

    Args:
        topic: The topic the batch is of.
        batch: Columns as `schemas.columns` makes them.
        stamps_us: int64[rows], the broker's stamp of each row, UTC microseconds.

    Returns:
        Refusals by rising position, which is the row's index in `batch`.
    """
    stamps = np.asarray(stamps_us, np.int64)
    if len(stamps) != batch.num_rows:
        raise ValueError(f"{len(stamps)} stamps for {batch.num_rows} rows: one stamp a row")
    leaves = Leaves(batch)
    refused: dict[int, RecordError] = {}
    for rule in rules(topic_name(topic)):
        for breach in rule.breaches(leaves, stamps):
            refused.setdefault(
                breach.row, RecordError(ErrorClass.INVALID, rule.field, breach.value, rule.text)
            )
    return [Refusal(row, refused[row]) for row in sorted(refused)]


def check(topic: Topic, record: Any, stamp_us: int) -> None:
    """Hold one record to the same rules.

    Raises:
        RecordError: INVALID: the first rule it breaks.
    """
    for refusal in check_all(topic, [record], [stamp_us]):
        raise refusal.error


def check_all(topic: Topic, records: Sequence[Any], stamps_us: Sequence[int]) -> list[Refusal]:
    """Hold records to the same rules all at once, which costs little more than one of them.

    Returns:
        Refusals by rising position, which is the index in `records`.
    """
    name = topic_name(topic)
    rows = [_row(record) for record in records]
    return validate(name, pa.RecordBatch.from_pylist(rows, schema=_columns_of(name)), stamps_us)


@cache
def _columns_of(topic: str) -> pa.Schema:
    return arrow_schema(parse_record(stored_versions(topic)[-1].text))


def _row(value: Any) -> Any:
    if dataclasses.is_dataclass(value):
        return {field.name: _row(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return [(name, _row(item)) for name, item in value.items()]
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        return [_row(item) for item in value]
    return value
