"""No processor and no consumer knows a device class or a medium: lines and catalogue say it all."""

import ast
from functools import cache
from pathlib import Path

from schemas.media import MEDIA
from schemas.tasks import TASKS

ROOT = Path(__file__).parents[2]
NAMED = {"ROBOT", "VEHICLE"}
MADE_UP = {"streams/rollout/made_records.py", "streams/rollout/published/device_trace.py"}
"""They make records of vehicles up, for figures and published cases; they decide nothing."""
OF_ONE_MEDIUM = {"PICTURES", "SOUND", "to_png", "from_png", "to_wav", "from_wav", "fingerprint"}


@cache
def modules() -> tuple[tuple[str, ast.Module], ...]:
    return tuple(
        (str(path.relative_to(ROOT)), ast.parse(path.read_text()))
        for folder in ("streams", "consumers")
        for path in sorted((ROOT / folder).rglob("*.py"))
    )


def test_no_processor_has_a_branch_for_a_device_class() -> None:
    found = [
        f"{name}:{node.lineno}"
        for name, module in modules()
        if name not in MADE_UP
        for node in ast.walk(module)
        if (isinstance(node, ast.Attribute) and node.attr in NAMED)
        or (isinstance(node, ast.Constant) and node.value in NAMED)
    ]
    assert found == []


def test_no_processor_names_a_medium_or_a_task() -> None:
    words = {*MEDIA, *TASKS, *(medium.suffix for medium in MEDIA.values())}
    found = [
        f"{name}:{node.lineno}"
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.Constant) and node.value in words
    ]
    imported = [
        f"{name}:{alias.name}"
        for name, module in modules()
        for node in ast.walk(module)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("schemas.")
        for alias in node.names
        if alias.name in OF_ONE_MEDIUM
    ]
    assert (found, imported) == ([], [])


def test_what_is_looked_for_would_be_found() -> None:
    robot = ast.parse("if event.device_class is DeviceClass.ROBOT: pass")
    assert any(isinstance(node, ast.Attribute) and node.attr in NAMED for node in ast.walk(robot))
    assert {name for name, _ in modules()} >= {*MADE_UP, "streams/dataset/sift.py"}
