"""What a release is tested by: the names that policies, records and people use."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from schemas.topics import DISENGAGEMENTS, EDGE_CASES, INFERENCE_EVENTS, OTA_ACKS


class Metric(StrEnum):
    """One test of a release; those of SHADOW are made before it is opened."""

    UPDATES = "updates"
    LATENCY = "latency"
    DISENGAGEMENTS = "disengagements"
    EDGE_CASES = "edge_cases"
    SHADOW = "shadow"


SHARES: Final[Mapping[Metric, str]] = {
    Metric.UPDATES: OTA_ACKS.name,
    Metric.LATENCY: INFERENCE_EVENTS.name,
}
"""Tests of the share of devices that fail, with the topic that tells of their outcomes."""

RATES: Final[Mapping[Metric, str]] = {
    Metric.DISENGAGEMENTS: DISENGAGEMENTS.name,
    Metric.EDGE_CASES: EDGE_CASES.name,
}
"""Tests of events per distance against the parent's, with the topic that tells of the events."""
