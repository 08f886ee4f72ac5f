"""Named queries tell what they answer, and refuse parameters they do not know."""

import re

import pytest

from infra.clickhouse import migrate
from infra.clickhouse.queries import QueryError, named, parse, stored

HEAD = "-- title: T\n-- answers: A.\n-- unit: rows\n-- from: alerts\n"
TABLES = {
    name
    for migration in migrate.stored()
    for statement in migration.statements
    for name in re.findall(r"^CREATE (?:TABLE|VIEW) IF NOT EXISTS (\w+)", statement)
}


def test_every_packaged_query_is_told_and_there_are_the_promised_ones() -> None:
    queries = stored()
    promised = {
        *("latency_compare", "devices_below", "dataset_from_device", "loop_time"),
        *(
            "oncall_hour",
            "missing",
            "release_latency",
            "rollout_funnel",
            "devices_by_digest",
            "edge_case_yield",
        ),
        *("label_cost", "alert_history", "dead_letters_by_reason", "completeness"),
    }
    assert promised <= queries.keys()
    for query in queries.values():
        assert query.title
        assert query.answers.endswith(".")
        assert query.unit
    assert len(queries) >= 20


@pytest.mark.parametrize("name", stored())
def test_a_query_names_the_tables_it_reads(name: str) -> None:
    query = named(name)
    assert set(re.findall(r"(?:FROM|JOIN) (\w+)", query.sql)) & TABLES == set(query.tables)


def test_a_wrong_name_lists_those_there_are() -> None:
    with pytest.raises(QueryError, match=r"no query 'nope'; there are: .*release_latency"):
        named("nope")


def test_defaults_fill_what_is_not_given() -> None:
    assert named("release_latency").bind({"hours": "3"}) == {"hours": "3", "release": ""}


@pytest.mark.parametrize(
    ("name", "given", "message"),
    [
        ("release_latency", {"hour": "3"}, "no parameter 'hour'; allowed: hours, release"),
        ("completeness", {"x": "1"}, "no parameter 'x'; allowed: hours"),
        ("release_latency", {"hours": "-1"}, "hours='-1' is not a whole number"),
        ("release_latency", {"hours": "1000000"}, "at most 5 digits"),
        ("release_decisions", {}, "needs --param release=... "),
    ],
)
def test_a_parameter_that_does_not_fit_is_refused_with_the_rule(
    name: str, given: dict[str, str], message: str
) -> None:
    with pytest.raises(QueryError) as refused:
        named(name).bind(given)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT 1", "header answers, from, title, unit is missing"),
        (
            HEAD + "-- maybe\nSELECT 1",
            "'-- maybe' is not title, answers, unit, from, whole or param",
        ),
        (HEAD + "-- param a: Blob -- x\nSELECT 1", "one of the types String"),
        (HEAD + "-- param a: String -- x\nSELECT 1", "parameters in the SQL are []"),
        (HEAD + "-- whole: other\nSELECT 1", "whole names a table that is not in from"),
        (HEAD + "SELECT {a:String}", "parameters in the SQL are ['a']"),
    ],
)
def test_a_file_that_does_not_say_what_it_is_is_refused(text: str, message: str) -> None:
    with pytest.raises(QueryError) as refused:
        parse("q", text)
    assert message in str(refused.value)
