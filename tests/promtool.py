"""promtool as the judge of a series: its rules, its counters, and what is expected each minute."""

import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from schemas.records import Severity
from streams.slo.backtest.replay import Key
from streams.slo.objectives import Slo
from streams.slo.prometheus.files import dump
from streams.slo.prometheus.promtool import Minute, minutes, unit_tests
from streams.slo.prometheus.rules import rules
from tests.promtool_series import Case, Minutes

PROMTOOL: Final = "promtool"
RULE_FILE: Final = "rules.yaml"


def judged(case: Case, counts: Mapping[Key, Minutes]) -> list[Minute]:
    """The engine's minutes, from the one before any event on."""
    return [Minute(0, (), ()), *minutes(case.slo, counts)]


def as_prometheus(slo: Slo, engine: Sequence[Minute]) -> list[Minute]:
    """The engine's tiers with the alerts that Prometheus makes of them.

    An alert is resolved once its expression has been false for keep_firing_for, data or no data.
    """
    return list(_alerted(slo, engine))


def _alerted(slo: Slo, engine: Sequence[Minute]) -> Iterator[Minute]:
    false_since: dict[tuple[Severity, Key], int | None] = {}
    for minute in engine:
        true = {(tier.severity, key) for tier, key in minute.active}
        for name in true:
            false_since[name] = None
        for name in [one for one in false_since if one not in true]:
            since = false_since[name]
            false_since[name] = since = minute.number if since is None else since
            if (minute.number - since) * slo.bucket_us >= slo.keep_firing_us[name[0]]:
                del false_since[name]
        yield replace(minute, firing=tuple(false_since))


def compare(
    folder: Path, case: Case, counts: Mapping[Key, Minutes], told: Sequence[Minute]
) -> subprocess.CompletedProcess[str]:
    """Let promtool compare every minute told; exit code 0: it agrees with each."""
    document = unit_tests(case.slo, RULE_FILE, counts, told, case.resets)
    (folder / RULE_FILE).write_text(dump(rules(case.slo)))
    (folder / "test.yaml").write_text(dump(document))
    return promtool(folder, "test", "rules", "test.yaml")


def promtool(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What promtool says and how it ends."""
    return subprocess.run(
        [PROMTOOL, *words], cwd=folder, capture_output=True, text=True, check=False
    )
