"""The pages about rollouts say what the code does: the state table is its own, so are the keys."""

from pathlib import Path

import yaml

from infra.cli.release_rows import transition_row
from schemas.transitions import TABLE
from streams.rollout.policy import Policy

DOCS = Path(__file__).parents[2] / "docs"


def in_markdown() -> str:
    """The table as the page must have it."""
    rows = [list(transition_row(row).values()) for row in TABLE]
    heads = list(transition_row(TABLE[0]))
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def test_the_state_table_is_the_codes() -> None:
    told = (DOCS / "rollout.md").read_text().split("<!-- table: fleetloop rollout states -->\n")[1]
    assert told.split("\n<!-- end -->")[0] == in_markdown(), f"put this in:\n{in_markdown()}"


def test_every_policy_key_is_there_with_its_default() -> None:
    page = (DOCS / "rollout-policy.md").read_text().split("## Policy keys")[1].split("\n## ")[0]
    rows = [row.split(" | ") for row in page.splitlines()]
    told = dict(
        pair
        for names, defaults, *_ in (row for row in rows if row[0].startswith("| `"))
        for pair in _pairs(names.strip("| "), defaults)
    )

    assert told == Policy().model_dump(mode="json")


def _pairs(names: str, defaults: str) -> list[tuple[str, object]]:
    """Keys of one row; several have their defaults in the same order, one may have a list."""
    keys = [name.strip("`") for name in names.split(", ")]
    values = yaml.safe_load(f"[{defaults}]")
    return list(zip(keys, values, strict=True)) if len(keys) > 1 else [(keys[0], _one(values))]


def _one(values: list[object]) -> object:
    return values[0] if len(values) == 1 else values
