"""Which columns of a rollup stay right when the same rows are merged into it again."""

import pytest

from consumers.clickhouse.rollups import repeatable


@pytest.mark.parametrize(
    "kind",
    [
        "SimpleAggregateFunction(max, Int64)",
        "SimpleAggregateFunction(min, Nullable(DateTime64(6, 'UTC')))",
        "SimpleAggregateFunction(groupUniqArrayArray, Array(String))",
        "SimpleAggregateFunction(maxMap, Map(String, Int64))",
        "AggregateFunction(uniqExact, String)",
        "AggregateFunction(argMax, String, Tuple(DateTime64(6, 'UTC'), Int64))",
    ],
)
def test_maxima_minima_sets_and_newest_are_the_same_when_added_twice(kind: str) -> None:
    assert repeatable(kind)


@pytest.mark.parametrize(
    "kind",
    [
        "SimpleAggregateFunction(sum, UInt64)",
        "SimpleAggregateFunction(sumMap, Map(Int32, Int64))",
        "AggregateFunction(count)",
        "AggregateFunction(avg, Float64)",
        "AggregateFunction(quantilesTDigestWeighted(0.5, 0.99), Float64, UInt64)",
        "AggregateFunction(groupArray, String)",
        "UInt64",
        "String",
    ],
)
def test_sums_counts_quantiles_and_plain_columns_are_not(kind: str) -> None:
    assert not repeatable(kind)
