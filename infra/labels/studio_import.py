"""Label Studio's JSON export, read strictly: who answered what, in which order; pure.

Format: https://labelstud.io/guide/export (JSON) and /guide/task_format. A task has `data`, `meta`
and `annotations`; an annotation `id`, `result`, `was_cancelled` (skipped), `lead_time` in seconds,
`created_at`, and `completed_by`, a user's number or, as exports without that setting have it, an
object with `id` and `email`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from infra.labels.studio_tasks import CONTROL
from schemas.records import SKIP

_LONGEST_LEAD_S: Final = 86_400.0


class ExportError(ValueError):
    """An export that is not what it must be; the message names task, field and rule."""


@dataclass(frozen=True, slots=True)
class Annotation:
    """One person's answer to one task.

    Attributes:
        task: Its place in the export, for messages.
        annotation_id: Of Label Studio; one answer has one, whatever is changed in it.
        seconds: Time it took.
    """

    task: str
    annotation_id: str
    edge_case_id: str
    reviewer: str
    label: str
    seconds: float


def annotations(text: str) -> list[Annotation]:
    """All answers of an export, in the order in which they were given.

    Raises:
        ExportError: The first fault found; nothing of such an export is to be used.
    """
    try:
        tasks = json.loads(text)
    except ValueError as error:
        raise ExportError(f"export: not JSON: {error}") from error
    if not isinstance(tasks, list):
        raise ExportError("export: must be a list of tasks; choose JSON, not JSON-MIN or CSV")
    found: list[tuple[str, Annotation]] = []
    for place, task in enumerate(tasks):
        found += _of_task(place, task)
    found.sort(key=lambda each: each[0])
    return [one for _, one in found]


def _of_task(place: int, task: Any) -> list[tuple[str, Annotation]]:
    name = f"task {task['id']}" if isinstance(task, dict) and "id" in task else f"task [{place}]"
    edge_case = _field(_field(task, name, "meta", dict), f"{name}: meta", "edge_case_id", str)
    answers = _field(task, name, "annotations", list)
    return [
        _annotation(name, f"{name}: annotations[{number}]", edge_case, one)
        for number, one in enumerate(answers)
    ]


def _annotation(task: str, where: str, edge_case: str, one: Any) -> tuple[str, Annotation]:
    number = _field(one, where, "id", (int, str))
    cancelled = _field(one, where, "was_cancelled", bool, default=False)
    seconds = float(_field(one, where, "lead_time", (int, float), default=0.0))
    if not seconds >= 0:
        raise ExportError(f"{where}: lead_time={seconds}: must be seconds, at least 0")
    made = Annotation(
        task=task,
        annotation_id=str(number),
        edge_case_id=edge_case,
        reviewer=_reviewer(one, where),
        label=SKIP if cancelled else _choice(one, where),
        seconds=min(seconds, _LONGEST_LEAD_S),  # a task left open over night is no work
    )
    return _field(one, where, "created_at", str, default=""), made


def _choice(one: Any, where: str) -> str:
    """The single choice; an annotation that was submitted empty says nothing: SKIP."""
    results = _field(one, where, "result", list)
    if not results:
        return SKIP
    if len(results) > 1:
        raise ExportError(f"{where}: result: {len(results)} of them; one choice is wanted")
    first = f"{where}: result[0]"
    if _field(results[0], first, "from_name", str) != CONTROL:
        raise ExportError(
            f"{first}: from_name={results[0]['from_name']!r}: must be {CONTROL!r}; is the project "
            "that of `labels export`?"
        )
    value = _field(results[0], first, "value", dict)
    choices = _field(value, f"{first}: value", "choices", list)
    if len(choices) != 1 or not isinstance(choices[0], str):
        raise ExportError(f"{first}: value.choices={choices!r}: one class name is wanted")
    label: str = choices[0]
    return label


def _reviewer(one: Any, where: str) -> str:
    """Who answered: the address where the export has it, else the number."""
    said = _field(one, where, "completed_by", (int, dict))
    if isinstance(said, int):
        return f"label-studio/{said}"
    return str(said.get("email") or f"label-studio/{_field(said, where, 'id', int)}")


def _field(
    holder: Any, where: str, name: str, kind: type | tuple[type, ...], *, default: Any = None
) -> Any:
    if not isinstance(holder, Mapping):
        raise ExportError(f"{where}: is {type(holder).__name__}; an object is wanted")
    value = holder.get(name)
    if value is None and default is not None:
        return default
    is_flag = isinstance(value, bool) and kind is not bool
    if value is None or is_flag or not isinstance(value, kind):
        raise ExportError(f"{where}: {name}={value!r}: missing or of another type")
    return value
