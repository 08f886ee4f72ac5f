"""What is applied is never changed, and numbers leave no gap."""

import re

import pytest

from infra.clickhouse.migrate import Migration, MigrationError, numbered, plan, stored

REPEATABLE = re.compile(r"IF (?:NOT )?EXISTS|\b(?:MODIFY (?:QUERY|SETTING|COLUMN))\b")

ONE = Migration(1, "0001_a.sql", "CREATE TABLE a (x Int8) ENGINE = Memory;\n")
TWO = Migration(2, "0002_b.sql", "-- two\nCREATE TABLE b\n(x Int8);\n\nSELECT ';' AS c;\n")


def test_what_is_missing_is_planned_in_order() -> None:
    assert plan((ONE, TWO), {}, where="db") == (ONE, TWO)
    assert plan((ONE, TWO), {ONE.name: ONE.checksum}, where="db") == (TWO,)
    assert plan((ONE,), {ONE.name: ONE.checksum}, where="db") == ()


def test_a_changed_file_is_refused_by_name() -> None:
    with pytest.raises(MigrationError, match=r"0001_a\.sql was changed after it was applied to db"):
        plan((ONE, TWO), {ONE.name: "0" * 64}, where="db")


def test_a_database_newer_than_the_program_is_refused() -> None:
    with pytest.raises(MigrationError, match=r"0009_z\.sql was applied to db and is not in this"):
        plan((ONE,), {"0009_z.sql": "0" * 64}, where="db")


def test_statements_end_with_a_semicolon_at_the_end_of_a_line() -> None:
    assert TWO.statements == ("CREATE TABLE b\n(x Int8)", "SELECT ';' AS c")


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["0001_a.sql", "0003_c.sql"], "0003_c.sql: number 0002 is next"),
        (["0001_a.sql", "0001_b.sql"], "0001_b.sql: number 0002 is next"),
        (["first.sql"], "first.sql: name it like"),
    ],
)
def test_numbers_leave_no_gap_and_no_choice(names: list[str], message: str) -> None:
    with pytest.raises(MigrationError, match=message):
        numbered(dict.fromkeys(names, "SELECT 1;"))


def test_the_packaged_migrations_are_numbered_and_all_idempotent() -> None:
    for migration in stored():
        for statement in migration.statements:
            assert REPEATABLE.search(statement), (migration.name, statement)


def test_no_view_is_altered_any_more() -> None:
    """It would give its blocks other tokens after a restart: docs/decisions/0006."""
    altered = {
        migration.number
        for migration in stored()
        if any("MODIFY QUERY" in statement for statement in migration.statements)
    }
    assert altered == {7, 14}  # 0017 made their view anew
