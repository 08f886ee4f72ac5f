"""Who is named: values of the key over all keys, values outside the key within it."""

from dataclasses import replace

import pytest

from schemas import histograms
from schemas.records import AlertState, SideCount
from streams.slo.engine import Engine
from streams.slo.evidence import Evidence
from streams.slo.phases import BURNING
from tests.slo_log import SECOND, START_US, Loop, cell, slo, window

KEY = {"hardware": "HW3", "release_id": "release-1"}


def test_a_region_outside_the_key_is_named_when_it_carries_the_burn() -> None:
    loop = Loop([slo()])
    for second in range(1, 30):
        for number, region in enumerate(("city", "coast", "north")):
            late = 9 if region == "coast" and second > 8 else 0
            end = START_US + second * SECOND
            loop.arrive(
                number % 2, [window(f"dev-{number}", second, end, late=late, region=region)]
            )
        loop.pass_time(SECOND)
    fired = loop.alerts[0]
    assert "region" not in fired.labels
    (suspect,) = fired.suspects
    assert (suspect.label, suspect.value) == ("region", "coast")
    share, others = suspect.bad / suspect.total, 0.5 / (2 * suspect.total)
    assert suspect.lift == pytest.approx(share / others)
    assert "Suspect: region coast" in fired.annotations["description"]
    assert {one.device_id for one in fired.exemplars} == {"dev-1"}


def test_sides_of_all_source_partitions_and_only_of_the_shortest_window_count() -> None:
    engine = Engine(slo())
    for second, partition, bad in ((0, 0, 9), (8, 0, 5), (8, 1, 5), (9, 1, 5)):
        sides = tuple(
            SideCount(label="region", value=value, total=10, bad=bad if value == "city" else 1)
            for value in ("city", "coast")
        )
        engine.observe(cell(second * SECOND, 20, 20, partition=partition, sides=sides))
        engine.advance((second + 1) * SECOND + 1, 0)
    found = engine.transition(KEY, slo().severities[0], AlertState.FIRING, BURNING)
    regions = [one for one in found.suspects if one.label == "region"]
    assert [(one.value, one.bad, one.total) for one in regions] == [("city", 15, 30)]
    assert regions[0].lift == 5


def test_the_packed_window_is_the_merge_of_its_histograms() -> None:
    shapes = [
        histograms.from_ratios([30_000, 80_000, 0], 50_000),
        histograms.from_ratios([10] * 300 + [9_000_000], 50_000, scale=3),
        histograms.from_ratios([45_000] * 70_000, 50_000, scale=7),
        histograms.empty(),
        histograms.from_ratios([0, 0], 50_000),
    ]
    evidence = Evidence(10)
    for number, shape in enumerate(shapes):
        record = cell(0, 10, 1, partition=number, latency=shape)
        evidence.put(number % 3, 0, record, None)
    assert evidence.summary(0, 5).latency == histograms.merge(shapes)
    assert evidence.summary(1, 5).latency == histograms.merge([])


def test_an_older_version_of_a_cell_is_not_shown_instead_of_a_newer_one() -> None:
    evidence = Evidence(10)
    newer = cell(0, 2, 1, latency=histograms.from_ratios([80_000, 90_000], 50_000))
    older = replace(newer, total=1, latency=histograms.from_ratios([80_000], 50_000))
    for record in (newer, older):
        evidence.put(0, 0, record, None)
    assert histograms.count(evidence.summary(0, 1).latency) == 2
