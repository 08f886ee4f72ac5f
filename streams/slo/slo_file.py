"""The SLO file: text in, SLOs out, or every problem with its line, field, value and rule."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fractions import Fraction
from pathlib import Path as FilePath
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from schemas.durations import UNITS_US
from schemas.records import Severity
from streams.marked_yaml import Document, MarkedYamlError, Path, documents
from streams.slo.objectives import NO_DATA_AFTER_US, Slo, Tier
from streams.slo.slo_parts import SloObject, keys
from streams.slo.slo_rules import broken

DEFAULT_FILE: Final = FilePath(__file__).with_name("default.yaml")
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing wrong with an SLO file.

    Attributes:
        line: Line of the file, from 1.
        field: Where in the document, as spec.alerting.tiers[0].short.
        value: What stands there; empty when it says nothing.
        rule: What is wrong with it and what would be right.
    """

    file: str
    line: int
    field: str
    value: str
    rule: str

    def __str__(self) -> str:
        value = f"={self.value}" if self.value else ""
        return f"SLO file {self.file}, line {self.line}, {self.field}{value}: {self.rule}"


class SloFileError(ValueError):
    """An SLO file that cannot be used.

    Attributes:
        problems: All of them, in order of lines; empty when the file could not be read at all.
    """

    def __init__(self, message: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(message)
        self.problems = tuple(problems)


def load(path: FilePath | None) -> tuple[Slo, ...]:
    """Read an SLO file; None: the one that ships with the project.

    Raises:
        SloFileError: It cannot be read, or breaks a rule.
    """
    path = path or DEFAULT_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SloFileError(f"SLO file {path}: {error}; make it a readable text file") from error
    return parse(text, str(path))


def parse(text: str, name: str) -> tuple[Slo, ...]:
    """Read the text of an SLO file; `name` stands in the messages.

    Raises:
        SloFileError: It breaks a rule; the message has one line for each problem.
    """
    found: list[tuple[Document, SloObject]] = []
    problems: list[Problem] = []
    try:
        for document in documents(text):
            made, wrong = _read(document, name)
            problems += wrong
            found += [(document, made)] if made else []
    except MarkedYamlError as error:
        problems.append(_problem(name, error.line, (), None, str(error)))
    problems += _doubled(found, name)
    if not found and not problems:
        problems.append(_problem(name, 1, (), None, "no SLO in it; write at least one document"))
    if problems:
        problems.sort(key=lambda one: one.line)
        raise SloFileError("\n".join(map(str, problems)), problems)
    return tuple(_meaning(one) for _, one in found)


def _read(document: Document, name: str) -> tuple[SloObject | None, list[Problem]]:
    try:
        made = SloObject.model_validate(document.value)
    except ValidationError as error:
        errors = error.errors(include_url=False)
        return None, [_told(name, document, one) for one in errors if not _follows(one, errors)]
    return made, [
        _problem(name, document.line(("spec", *path)), ("spec", *path), None, rule)
        for path, rule in broken(made.spec)
    ]


def _follows(error: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether a list is told too short only because its one item is wrong."""
    path = error["loc"]
    inside = (one["loc"] for one in others if len(one["loc"]) > len(path))
    return error["type"] == "too_short" and any(one[: len(path)] == path for one in inside)


def _doubled(found: Sequence[tuple[Document, SloObject]], name: str) -> Iterator[Problem]:
    seen: dict[str, int] = {}
    for document, one in found:
        line = document.line(("metadata", "name"))
        first = seen.setdefault(one.metadata.name, line)
        if first != line:
            rule = f"stands twice, first in line {first}; a name is given once"
            yield _problem(name, line, ("metadata", "name"), one.metadata.name, rule)


def _told(name: str, document: Document, error: ErrorDetails) -> Problem:
    path = tuple(error["loc"])
    rule = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        rule = f"unknown key; {_meant(str(path[-1]))}"
    elif error["type"] == "missing":
        rule = "is missing; write it"
    elif error["type"] in {"model_type", "dict_type"}:
        rule = "must be a map of keys and values"
    elif error["type"] == "tuple_type":
        rule = "must be a list"
    return _problem(name, document.line(path), path, error["input"], rule)


def _meant(key: str) -> str:
    close = get_close_matches(key, keys(), n=1)
    return f"is {close[0]} meant?" if close else "remove it"


def _problem(file: str, line: int, path: Path, value: Any, rule: str) -> Problem:
    field = ""
    for part in path:
        field += f"[{part}]" if isinstance(part, int) else f".{part}"
    shown = "" if value is None or isinstance(value, dict | BaseModel) else ascii(_plain(value))
    if len(shown) > _SHOWN:
        shown = f"{shown[:_SHOWN]}... ({len(shown)} characters)"
    return Problem(
        file=file, line=line, field=field.lstrip(".") or "document", value=shown, rule=rule
    )


def _plain(value: Any) -> Any:
    """Numbers as they were written."""
    return value if isinstance(value, str | list | tuple | bool) else str(value)


def _meaning(read: SloObject) -> Slo:
    spec, alerting = read.spec, read.spec.alerting
    tiers = tuple(
        Tier(
            severity=Severity(tier.severity.upper()),
            long_us=tier.long,
            short_us=tier.short,
            factor=spec.factor(tier),
            limit=spec.factor(tier) * spec.budget,
        )
        for tier in alerting.enabled
    )
    for_us = alerting.for_.by_severity()
    return Slo(
        name=read.metadata.name,
        service=spec.service,
        objective=Fraction(spec.objectives[0].target),
        threshold_us=spec.objectives[0].value,
        period_us=spec.timeWindow[0].duration,
        group_by=tuple(sorted(alerting.group_by)),
        min_bad=alerting.min_bad,
        min_events=alerting.min_events,
        bucket_us=alerting.bucket_us,
        lateness_us=alerting.lateness,
        tiers=tiers,
        keep_firing_us=alerting.keep_firing_for.by_severity(),
        for_us=for_us,
        mode=alerting.mode,
        expected_events=alerting.expected_events,
        no_data_after_us=alerting.no_data_after or _absent(tiers[0], for_us),
        max_keys=alerting.max_keys,
        owner=alerting.owner,
        runbook_url=alerting.runbook_url,
        shadow=alerting.notify.mode == "shadow",
    )


def _absent(tier: Tier, for_us: dict[Severity, int]) -> int:
    """How long it takes the first tier to fire when silence counts as bad, as Pyrra has it."""
    minute = UNITS_US["m"]
    whole = round((tier.limit * tier.long_us + for_us[tier.severity]) / minute) * minute
    return max(NO_DATA_AFTER_US, whole)
