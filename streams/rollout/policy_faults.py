"""What is wrong with a policy, as a linter says it: key, value, rule, and what would be right."""

from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ValidationError

Model = TypeVar("Model", bound=BaseModel)


def read_model(path: Path, model: type[Model], *, unreadable: str) -> Model:
    """Read a YAML file that holds a policy, or what contains one.

    Args:
        path: The file.
        model: What it holds.
        unreadable: What to do when it cannot be read.

    Raises:
        ValueError: It cannot be read, or a key or value is wrong; the message says which.
    """
    try:
        loaded = yaml.safe_load(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {unreadable}") from error
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"{path}: not YAML: {error}") from error
    if not isinstance(loaded, dict):
        raise ValueError(f"{path}: must map keys to values, not {type(loaded).__name__}")  # noqa: TRY004 - a file's content is no argument's type
    try:
        return model.model_validate(loaded)
    except ValidationError as error:
        raise ValueError(f"{path}: {faults(error, model)}") from error


def faults(error: ValidationError, model: type[BaseModel]) -> str:
    """Every fault of a policy, one after the other."""
    return "; ".join(_fault(one, model) for one in error.errors())


def _fault(one: Any, model: type[BaseModel]) -> str:
    path: Sequence[int | str] = one["loc"]
    key, rule = ".".join(str(part) for part in path), one["msg"].removeprefix("Value error, ")
    if one["type"] == "extra_forbidden":
        keys = list(_model_at(model, path[:-1]).model_fields)
        close = get_close_matches(str(path[-1]), keys, n=1)
        right = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(keys)}"
        return f"{key}={one['input']!r}: there is no such key; {right}"
    if one["type"] == "model_type":
        names = ", ".join(_model_at(model, path).model_fields)
        rule = f"must map names to values, such as {{}}; the names are {names}"
    return f"{key}={one['input']!r}: {rule}" if key else rule


def _model_at(model: type[BaseModel], path: Sequence[int | str]) -> type[BaseModel]:
    """The model that holds the last key of a path."""
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        options = (annotation, *get_args(annotation))
        model = next(one for one in options if isinstance(one, type) and issubclass(one, BaseModel))
    return model
