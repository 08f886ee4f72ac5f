"""What is wrong with a policy, as a linter says it: line, key, value, and what would be right."""

from decimal import Decimal
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from streams import marked_yaml
from streams.marked_yaml import Document, MarkedYamlError

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
        found = list(marked_yaml.documents(path.read_text("utf-8")))
    except OSError as error:
        raise ValueError(f"{path}: {error.strerror}; {unreadable}") from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{path}: no YAML: {error}") from error
    except MarkedYamlError as error:
        raise ValueError(f"{path}: line {error.line}: {error}") from error
    if len(found) != 1 or not isinstance(found[0].value, dict):
        raise ValueError(f"{path}: must map keys to values, once, such as {{}}")
    try:
        return model.model_validate(_plain(found[0].value))
    except ValidationError as error:
        faults = (_fault(one, found[0], model) for one in error.errors())
        raise ValueError(f"{path}: {'; '.join(faults)}") from error


def _plain(value: Any) -> Any:
    """Numbers as floats: shares, chances and seconds are not exact."""
    match value:
        case Decimal():
            return float(value)
        case dict():
            return {key: _plain(item) for key, item in value.items()}
        case list():
            return [_plain(item) for item in value]
        case _:
            return value


def _fault(one: Any, document: Document, model: type[BaseModel]) -> str:
    path: marked_yaml.Path = one["loc"]
    rule = str(one["msg"]).removeprefix("Value error, ")
    if not path:
        return rule
    key = ".".join(str(part) for part in path)
    if one["type"] == "extra_forbidden":
        keys = list(_model_at(model, path[:-1]).model_fields)
        close = get_close_matches(str(path[-1]), keys, n=1)
        right = f"did you mean {close[0]}?" if close else f"the keys are {', '.join(keys)}"
        rule = f"there is no such key; {right}"
    elif one["type"] == "model_type":
        names = ", ".join(_model_at(model, path).model_fields)
        rule = f"must map names to values, such as {{}}; the names are {names}"
    return f"line {document.line(path)}, {key}={one['input']!r}: {rule}"


def _model_at(model: type[BaseModel], path: marked_yaml.Path) -> type[BaseModel]:
    """The model that holds the last key of a path."""
    for part in path:
        annotation = model.model_fields[str(part)].annotation
        options = (annotation, *get_args(annotation))
        model = next(one for one in options if isinstance(one, type) and issubclass(one, BaseModel))
    return model
