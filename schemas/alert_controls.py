"""The one reader of `alert-controls`: which silences and acknowledgements hold, and for what."""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from schemas.records import AlertControl, ControlKind, Matcher

OPERATORS: Final = ("=~", "!~", "!=", "=")


def matches(matchers: Sequence[Matcher], labels: Mapping[str, str]) -> bool:
    """Whether all matchers hold; a label that is not there has the value "".

    Regular expressions are RE2, as Alertmanager's, and must match the whole value.
    """
    return all(_holds(one, labels.get(one.name, "")) for one in matchers)


def matcher(text: str) -> Matcher:
    """Read a matcher as it is typed: `hardware=HW3`, `slo!=a`, `region=~"eu-.*"`, `region!~us`.

    Raises:
        ValueError: It is none, or its regular expression is not RE2.
    """
    places = [(at, -len(op), op) for op in OPERATORS if (at := text.find(op)) > 0]
    if not places:
        raise ValueError(f"{text!r} is no matcher; write for example hardware=HW3 or slo=~'lat.*'")
    at, _, op = min(places)
    value = text[at + len(op) :].strip()
    if len(value) > 1 and value[0] == value[-1] == '"':
        value = value[1:-1]
    found = Matcher(name=text[:at].strip(), op=op, value=value)
    if (problem := _problem(found)) is not None:
        raise ValueError(problem)
    return found


def spell(matchers: Sequence[Matcher]) -> str:
    """Matchers as Alertmanager prints them."""
    return ", ".join(f'{one.name}{one.op}"{one.value}"' for one in matchers)


def problem(control: AlertControl) -> str | None:
    """Why a control can never be used; None: it can.

    As in Alertmanager at least one matcher must not match the empty string, or the control would
    be about alerts that nobody had in mind.
    """
    for one in control.matchers:
        if (found := _problem(one)) is not None:
            return found
    if not any(not _holds(one, "") for one in control.matchers):
        return "at least one matcher must not match the empty string"
    if control.end_ts is not None and control.end_ts < control.start_ts:
        return f"it ends ({control.end_ts}) before it starts ({control.start_ts})"
    return None


class ControlBook:
    """The latest version of each control; one that can never be used is left out.

    Attributes:
        refused: By control id, why it was left out.
    """

    def __init__(self) -> None:
        self._last: dict[str, AlertControl] = {}
        self.refused: dict[str, str] = {}

    def observe(self, record: AlertControl) -> None:
        """Take note of the next record in log order."""
        found = problem(record)
        if found is None:
            self._last[record.control_id] = record
            self.refused.pop(record.control_id, None)
        else:
            self._last.pop(record.control_id, None)
            self.refused[record.control_id] = found

    def active(self, kind: ControlKind, now_us: int) -> Iterator[AlertControl]:
        """Controls that hold at a time, from their start until just before their end."""
        return (one for one in self if one.kind is kind and holds(one, now_us))

    def __iter__(self) -> Iterator[AlertControl]:
        return iter(self._last.values())


def holds(control: AlertControl, now_us: int) -> bool:
    """Whether a control holds at a time."""
    return control.start_ts <= now_us and (control.end_ts is None or now_us < control.end_ts)


def _holds(one: Matcher, value: str) -> bool:
    if one.op in {"=", "!="}:
        return (value == one.value) is (one.op == "=")
    return _full_match(one.value, value) is (one.op == "=~")


@lru_cache(maxsize=65_536)
def _full_match(pattern: str, value: str) -> bool:
    # Arrow's engine is RE2: no pattern of an operator can make the notifier hang.
    return bool(pc.match_substring_regex(pa.array([value]), f"^(?:{pattern})$")[0].as_py())


def _problem(one: Matcher) -> str | None:
    if not one.name:
        return f"matcher {spell([one])}: the label name is missing"
    if one.op not in OPERATORS:
        return f"matcher {spell([one])}: operator {one.op!r} is none of {', '.join(OPERATORS)}"
    if one.op in {"=~", "!~"}:
        try:
            _full_match(one.value, "")
        except pa.ArrowInvalid as error:
            return f"matcher {spell([one])}: {error}"
    return None
