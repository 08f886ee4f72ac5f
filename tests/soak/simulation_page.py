"""The tables of docs/rollout-simulation.md, of what `make soak NAME=rollout_simulation` wrote.

`python -m tests.soak.simulation_page build/soak/rollout_simulation.json` puts them into the page,
between its marks.
"""

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from streams.rollout.simulation.gates import Name
from tests.soak.rollout_simulation import HEADLINE

PAGE: Final = Path(__file__).parents[2] / "docs" / "rollout-simulation.md"
BEGIN: Final = "<!-- tables: make soak NAME=rollout_simulation -->\n"
END: Final = "<!-- end -->"
_Run = Mapping[str, Any]


def tables(report: Mapping[str, Any]) -> str:
    """Exposure in the headline and the other harmful scenarios, then what was stopped wrongly."""
    runs: Sequence[_Run] = report["runs"]
    headline = [one for one in runs if one["scenario"] in HEADLINE]
    others = [one for one in runs if one["harmful"] and one not in headline]
    kept = [one for one in runs if any(_errs(at) for at in one["gates"]) or not one["harmful"]]
    fleets = runs[0]["gates"][0]["runs"]
    parts = [
        f"Mean of exposed failing devices of {fleets} fleets, 95 % interval; fewest in bold.",
        f"Ours has the fewest in **{report['headline']}**.\n",
        _table(("kind", "scenario"), [((HEADLINE[o["scenario"]],), o) for o in headline], _exposed),
        "\nThe other harmful scenarios:\n",
        _table(("scenario",), [((), one) for one in others], _exposed),
        "\nStopped although the stratum keeps to the ceiling: rollbacks / holds, % of rollouts:\n",
        _table(("scenario",), [((), one) for one in kept], _wrongly),
        "\nA person was asked (a stratum held, a job paused or cancelled), % of rollouts:\n",
        _table(("scenario",), [((), one) for one in runs], _asked),
        "\nHow the gates were set: threshold, days between waves; for ours, median days to all:\n",
        _table(("scenario",), [((), one) for one in runs if _sets(one)], _setting),
    ]
    return "\n".join(parts) + "\n"


def _table(heads: Sequence[str], rows: Sequence[tuple[tuple[str, ...], _Run]], cell: Any) -> str:
    lines = [[*heads, *Name], ["---"] * (len(heads) + len(Name))]
    lines += [[*named, f"`{one['scenario']}`", *cell(one)] for named, one in rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _exposed(one: _Run) -> Iterator[str]:
    for at in one["gates"]:
        low, high = at["exposed_95"]
        mean = f"{at['exposed_failing']:,}"
        told = f"**{mean}**" if at["gate"] == one["fewest"] else mean
        yield f"{told} ({low:,.0f} to {high:,.0f})"


def _wrongly(one: _Run) -> Iterator[str]:
    return (
        f"{_percent(at['false_rollbacks'])} / {_percent(at['false_holds'])}" for at in one["gates"]
    )


def _asked(one: _Run) -> Iterator[str]:
    return (_percent(at["held"]) for at in one["gates"])


def _setting(one: _Run) -> Iterator[str]:
    for at in one["gates"]:
        ours = at["gate"] == Name.OURS
        never = at["threshold"] is not None and at["threshold"] > 1_000
        set_to = "never" if never else at["threshold"]
        yield f"{at['days_to_all']} to all" if ours else f"{set_to}, {at['days_between_waves']}"


def _sets(one: _Run) -> bool:
    """The scenarios the rivals' times were taken from; one for each fleet."""
    return one["scenario"] in {"good", "good_generations"}


def _errs(at: Mapping[str, Any]) -> bool:
    return bool(at["false_rollbacks"] or at["false_holds"])


def _percent(share: float) -> str:
    return f"{100 * share:.3g}"


if __name__ == "__main__":
    told = tables(json.loads(Path(sys.argv[1]).read_text()))
    before, rest = PAGE.read_text().split(BEGIN)
    PAGE.write_text(before + BEGIN + told + END + rest.split(END, 1)[1])
