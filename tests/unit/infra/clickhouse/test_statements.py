"""Statements are read by their words, and nothing of their text is lost."""

import pytest

from infra.clickhouse.cluster import ClusterRewriter
from infra.clickhouse.evolution import made_columns
from infra.clickhouse.migrate import stored
from infra.clickhouse.statements import Statement, StatementError

TABLE = """CREATE TABLE IF NOT EXISTS t
(
    `a` Tuple(device_id String, n Int8) COMMENT 'FROM t, it\\'s no (column',
    b String -- ENGINE = Log
)
ENGINE = ReplacingMergeTree
ORDER BY (b, a)
SETTINGS non_replicated_deduplication_window = 7"""


@pytest.mark.parametrize("text", [s for migration in stored() for s in migration.statements])
def test_what_is_parsed_is_written_as_it_was(text: str) -> None:
    assert str(Statement.parse(text)) == text


def test_keywords_in_quotes_comments_and_brackets_mean_nothing() -> None:
    made = Statement.parse(TABLE)
    assert made.name()[1] == "t"
    assert made.columns() == {"a", "b"}
    assert made.tokens[made.after("ENGINE")].text == "="
    assert made_columns(
        [TABLE, "ALTER TABLE t ADD COLUMN IF NOT EXISTS c Int8, DROP COLUMN b"]
    ) == {"t": {"a", "b", "c"}}


def test_a_table_becomes_a_replicated_one_and_its_spread() -> None:
    local, spread = ClusterRewriter("fleet").rewrite(TABLE)
    assert local.startswith("CREATE TABLE IF NOT EXISTS t_local ON CLUSTER `fleet`\n(")
    assert "ENGINE = ReplicatedReplacingMergeTree('/clickhouse/tables/{shard}/" in local
    assert "-- ENGINE = Log" in local
    assert local.endswith("window = 7, replicated_deduplication_window_seconds = 604800")
    assert spread.endswith("Distributed(`fleet`, currentDatabase(), t_local, cityHash64(b , a))")


def test_a_view_reads_its_shard_and_keeps_the_names_of_its_columns() -> None:
    rewriter = ClusterRewriter("fleet")
    list(rewriter.rewrite(TABLE))
    view = "CREATE MATERIALIZED VIEW IF NOT EXISTS v TO t AS SELECT t.b, 'FROM t' FROM t WHERE 1"
    (inside,) = rewriter.rewrite(view)
    assert " v ON CLUSTER `fleet` TO t_local AS SELECT t.b, 'FROM t' FROM t_local AS t " in inside
    drop = "DROP TABLE IF EXISTS t"
    assert list(rewriter.rewrite(drop)) == [
        "DROP TABLE IF EXISTS t ON CLUSTER `fleet` SYNC",
        "DROP TABLE IF EXISTS t_local ON CLUSTER `fleet` SYNC",
    ]
    assert list(rewriter.rewrite(drop)) == ["DROP TABLE IF EXISTS t ON CLUSTER `fleet` SYNC"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("INSERT INTO t SELECT 1", "no rule says how a cluster runs it"),
        ("CREATE TABLE d.t (a Int8) ENGINE = MergeTree ORDER BY a", "of its own database"),
        ("CREATE TABLE t (a Int8) ENGINE = Memory", "only engines of the MergeTree family"),
        ("CREATE TABLE t (a Int8) ENGINE = MergeTree() ORDER BY a", "without arguments"),
        ("CREATE TABLE t (a Int8 COMMENT 'x) ENGINE = MergeTree", "a quote is not closed"),
        ("DROP TABLE", "no rule says"),
    ],
)
def test_a_form_that_is_not_known_is_refused(text: str, message: str) -> None:
    with pytest.raises(StatementError, match=message):
        list(ClusterRewriter("fleet").rewrite(text))
