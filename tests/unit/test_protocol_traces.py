"""docs/protocol-traces.md names a test for every story, and each is there."""

import re
from pathlib import Path

TESTS = Path(__file__).parent
PAGE = TESTS.parents[1] / "docs" / "protocol-traces.md"


def test_every_story_is_played_by_a_test_that_is_there() -> None:
    rows = [row for row in PAGE.read_text().splitlines() if row.startswith("| ")][1:]
    assert rows
    for row in rows:
        named = re.findall(r"`([\w/]+\.py)::(\w+)`", row)
        assert named, row
        missing = [name for file, name in named if not _has(TESTS / file, name)]
        assert missing == []


def _has(file: Path, name: str) -> bool:
    return file.exists() and f"def {name}(" in file.read_text()
