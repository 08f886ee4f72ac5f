"""Settings in YAML: read to a mapping, and what pydantic finds wrong told in one line."""

from collections.abc import Container
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError


class YamlFileError(ValueError):
    """A file that holds no mapping; the message says why and what to do."""


def read_mapping(path: Path, *, example: str) -> dict[str, Any]:
    """What a YAML file holds.

    Args:
        path: The file.
        example: A file to look at when this one is no mapping.

    Raises:
        YamlFileError: It cannot be read, is no YAML, or no mapping.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise YamlFileError(f"{error.strerror}; make it readable") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise YamlFileError(f"no YAML: {error}") from error
    if not isinstance(content, dict):
        raise YamlFileError(f"is no mapping; see {example}")
    return content


def first_fault(error: ValidationError, *, secret: Container[str] = ()) -> str:
    """Field, value and rule of the first fault.

    Args:
        error: What pydantic found.
        secret: Fields whose value is not shown; that of an unknown field never is.
    """
    found = error.errors(include_url=False)[0]
    field = ".".join(str(part) for part in found["loc"]) or "the whole"
    if found["type"] == "extra_forbidden":
        return f"{field}: unknown key; remove it or correct its spelling"
    value = found["input"]
    large = isinstance(value, BaseModel) or (isinstance(value, dict | list) and bool(value))
    hidden = large or field.rpartition(".")[2] in secret
    shown = "" if hidden else f"={value!r}"
    return f"{field}{shown}: {found['msg'].removeprefix('Value error, ')}"
