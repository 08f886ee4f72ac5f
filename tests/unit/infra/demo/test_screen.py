"""The live view fits its terminal; plain lines say the same."""

import io
import re
from collections import Counter

import pytest
from rich.console import Console

from infra.demo.screen import LiveScreen, PlainScreen
from infra.demo.telling import Tally

LONG = "perception-1: VERIFIED: counter rises, strata and deadlines are known, " + "word " * 12


@pytest.mark.parametrize("width", [80, 100])
def test_nothing_is_wider_than_the_terminal(width: int) -> None:
    out = io.StringIO()
    console = Console(file=out, width=width, height=24, force_terminal=True, color_system=None)
    tally = Tally(
        committed=Counter({(f"perception-{n}", hw): 120 for n in (1, 2) for hw in ("AI5", "HW3")}),
        returned=Counter({("perception-2", "HW3"): 37}),
        edge_cases=Counter(FLIP=900, LOW_CONFIDENCE=700, MARGIN=200, RANDOM=90),
    )
    with LiveScreen(console) as screen:
        screen.say(LONG)
        screen.update(tally)
    lines = re.sub(r"\x1b\[[?\d]*[A-Za-z]", "", out.getvalue()).splitlines()
    assert max(map(len, lines)) == width
    folded = [line for line in lines if line.startswith(" " * 10) and "word" in line]
    assert folded, "a long sentence goes on below itself"
    assert any("perception-2" in line and "120, 37 back" in line for line in lines)


def test_plain_lines_carry_the_seconds(capsys: pytest.CaptureFixture[str]) -> None:
    times = iter([10.0, 12.5])
    with PlainScreen(lambda: next(times)) as screen:
        screen.say("it begins")
    assert capsys.readouterr().out == "   2.5 s  it begins\n"
