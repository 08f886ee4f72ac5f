"""Scenario files: YAML, every error named by key, value and rule."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from producers.scenario.scenario import Scenario
from producers.scenario.values import ScenarioError


def parse(text: str, where: str) -> Scenario:
    """Read a scenario from YAML text; `where` names it in errors.

    Raises:
        ScenarioError: Not YAML, an unknown key, or a value that breaks a rule.
    """
    try:
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ScenarioError(f"{where}: not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ScenarioError(f"{where}: a mapping of settings is needed, not {content!r}")
    try:
        return Scenario.model_validate(content)
    except ValidationError as error:
        lines = [_line(dict(detail)) for detail in error.errors(include_url=False)]
        raise ScenarioError(f"{where}: " + "; ".join(lines)) from error


def load(path: Path) -> Scenario:
    """Read a scenario file; paths in it are relative to the file.

    Raises:
        ScenarioError: The file cannot be read or is not a scenario.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ScenarioError(f"scenario {path}: {error}; name a readable YAML file") from error
    scenario = parse(text, f"scenario {path}")
    if isinstance(scenario.camera, Path) and not scenario.camera.is_absolute():
        return scenario.model_copy(update={"camera": path.parent / scenario.camera})
    if scenario.microphone is not None:
        beside = scenario.microphone.beside(path.parent)
        return scenario.model_copy(update={"microphone": beside})
    return scenario


def _line(detail: Mapping[str, Any]) -> str:
    name = ".".join(str(part) for part in detail["loc"])
    message = str(detail["msg"]).removeprefix("Value error, ")
    if not name:
        return message
    if detail["type"] == "extra_forbidden":
        return f"{name}: unknown key; remove it or correct its name"
    if detail["type"] == "missing":
        return f"{name}: missing; give it"
    return f"{name} = {detail['input']!r}: {message}"
