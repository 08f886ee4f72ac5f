"""The scores of the real series: by hand where they are known, on the data where it is there."""

import pytest

from tests.bench import slo_real
from tests.bench.slo_series import nab, nezha
from tests.bench.slo_series.nab import Labelled


def labelled(*windows: tuple[int, int]) -> Labelled:
    return Labelled("made", range(0, 1_000, 1), [0.0] * 1_000, windows)


def test_to_say_nothing_is_0_and_to_hit_the_first_row_of_each_window_is_100() -> None:
    series = labelled((200, 299), (600, 699))
    assert nab.score([(series, [])], nab.STANDARD) == 0
    assert nab.score([(series, [200, 600])], nab.STANDARD) == pytest.approx(100)
    late = nab.score([(series, [200, 690])], nab.STANDARD)
    assert 50 < late < 100, "a late hit earns less"


def test_a_false_alert_costs_its_weight_less_when_close_behind_a_window() -> None:
    series = labelled((500, 599))
    perfect = nab.raw_score(series, [500], nab.STANDARD)
    assert nab.raw_score(series, [300, 500], nab.STANDARD) == pytest.approx(perfect - 0.11)
    assert nab.raw_score(series, [300, 500], nab.LOW_FP) == pytest.approx(perfect - 0.22)
    close = nab.raw_score(series, [500, 605], nab.STANDARD)
    assert perfect - 0.11 < close < perfect
    assert nab.raw_score(series, [100, 500], nab.STANDARD) == pytest.approx(perfect), "probation"


def test_ranges_are_learnt_from_what_came_before() -> None:
    values = [float(at % 10) for at in range(200)]
    values[100] = 50.0
    values[120] = 50.0
    series = Labelled("made", range(200), values, ())
    assert [row.at_us for row in nab.fixed(series) if row.bad] == [100, 120]
    assert [row.at_us for row in nab.trailing(series) if row.bad] == [100]


def test_the_share_of_slow_requests_is_that_of_the_quantiles() -> None:
    quantiles = [1.0, 2.0, 4.0, 8.0]
    for threshold, share in ((1.0, 0.5), (2.0, 0.1), (4.0, 0.05), (8.0, 0.01), (1.5, 0.3)):
        assert nezha.slow_share(quantiles, threshold) == pytest.approx(share)
    assert nezha.slow_share(quantiles, 80.0) == pytest.approx(0.001)


def test_nezha_is_found_better_than_its_floor_on_both_counts() -> None:
    folder = slo_real.SHARED / "nezha_latency"
    if not folder.is_dir():
        pytest.skip(f"needs the series in {folder} (FLEETLOOP_SHARED)")
    figures = slo_real.nezha_figures(folder)
    assert figures["nezha faults found of 24"]["value"] == 15
    assert figures["nezha minutes outside"]["value"] == 19
    assert all(one["met"] for one in figures.values())
