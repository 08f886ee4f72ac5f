"""What commands print is what the records hold."""

import json

import pytest

from infra.cli.output import Format, show


def test_values_are_shown_letter_by_letter(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"reason": "in [bold]city[/] at :smile:", "none": None}], Format.TABLE)
    assert "in [bold]city[/] at :smile:" in capsys.readouterr().out


def test_a_value_cannot_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"reason": "a\x1b[2Jb\nc", "greek": "μ"}], Format.TABLE)
    printed = capsys.readouterr().out
    assert "a\\x1b[2Jb\\nc" in printed
    assert "μ" in printed


def test_a_line_for_a_program_is_never_folded(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"a": "x" * 150, "b": "y" * 150}], Format.TABLE)
    assert len(capsys.readouterr().out.splitlines()) == 2


def test_json_says_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    show([{"n": 1, "s": "[x]"}], Format.JSON)
    assert json.loads(capsys.readouterr().out) == [{"n": 1, "s": "[x]"}]
