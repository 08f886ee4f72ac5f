"""Questions as Label Studio takes them: its tasks in JSON and its labelling configuration in XML.

Format: https://labelstud.io/guide/tasks (data, meta), /guide/predictions (predictions with
model_version and score), /tags/choices, /tags/image, /tags/audio.
"""

import base64
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import Any, Final
from xml.etree import ElementTree as ET

from schemas.media import PICTURES, SOUND, Medium
from schemas.question_book import Asked

CONTROL: Final = "class"
"""Name of the tag that holds the choices: `from_name` of every result."""
LINEAGE: Final = ("edge_case_id", "encounter_id", "device_id", "ask_id", "budget_line")
"""What a task's `meta` says of where its question comes from."""
_TAGS: Final = {PICTURES.name: ("Image", "image"), SOUND.name: ("Audio", "audio")}


def medium_of(asked: Asked) -> Medium:
    """What a question shows, by the suffix of its frames."""
    suffix = PurePosixPath(asked.request.frames[0]).suffix
    return SOUND if suffix == SOUND.suffix else PICTURES


def config(medium: Medium, classes: Iterable[str]) -> str:
    """The labelling configuration of a project with questions of one line."""
    view = ET.Element("View")
    tag, name = _TAGS[medium.name]
    shown = {"name": name, "value": f"${name}"}
    ET.SubElement(view, tag, shown | ({"zoom": "true"} if tag == "Image" else {}))
    choices = ET.SubElement(
        view, "Choices", {"name": CONTROL, "toName": name, "choice": "single-radio"}
    )
    for label in classes:
        ET.SubElement(choices, "Choice", {"value": label})
    ET.indent(view)
    return ET.tostring(view, encoding="unicode") + "\n"


def task(asked: Asked, address: str, classes: Sequence[str]) -> dict[str, Any]:
    """One question as a task; the device's own answer is its prediction.

    Args:
        asked: The question.
        address: Where Label Studio finds the frames: an address, or a data URI.
        classes: Of the line; a prediction outside of them is left out.
    """
    request, (_, name) = asked.request, _TAGS[medium_of(asked).name]
    made: dict[str, Any] = {
        "data": {name: address},
        "meta": {field: getattr(request, field) for field in LINEAGE},
    }
    if request.predicted is not None and request.predicted in classes:
        made["predictions"] = [
            {
                "model_version": request.release_id or request.model_digest or "unknown",
                "score": request.confidence,
                "result": [result(request.predicted, name)],
            }
        ]
    return made


def result(label: str, shown: str) -> dict[str, Any]:
    """A choice as annotations and predictions hold it."""
    return {
        "from_name": CONTROL,
        "to_name": shown,
        "type": "choices",
        "value": {"choices": [label]},
    }


def data_uri(body: bytes, medium: Medium) -> str:
    """Frames as an address that holds them."""
    return f"data:{medium.media_type};base64,{base64.b64encode(body).decode()}"
