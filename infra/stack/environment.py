"""Settings as FLEETLOOP_* variables: what a child process or a shell needs to know of a stack."""

import json
import os
import shlex
from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from infra.settings import Settings

_PREFIX: Final = "FLEETLOOP_"
_DEEPER: Final = "__"


def variables(settings: Settings) -> dict[str, str]:
    """The variables that give a child exactly these settings; what is None has none."""
    return dict(sorted(_flat(_PREFIX, settings).items()))


def child_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings instead of any that it carries."""
    names = tuple(f"{_PREFIX}{name}".upper() for name in type(settings).model_fields)
    kept = {key: value for key, value in os.environ.items() if not _is_setting(key, names)}
    return {**kept, **variables(settings)}


def shell_lines(values: Mapping[str, str]) -> str:
    """Text of an env file that a shell can `source` after `set -a`."""
    return "".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items())


def _is_setting(key: str, names: tuple[str, ...]) -> bool:
    return any(key.upper() == name or key.upper().startswith(name + _DEEPER) for name in names)


def _flat(prefix: str, model: BaseModel) -> dict[str, str]:
    plain = model.model_dump(mode="json")
    flat: dict[str, str] = {}
    for name in type(model).model_fields:
        inner = getattr(model, name)
        key = f"{prefix}{name}".upper()
        if isinstance(inner, BaseModel):
            flat |= _flat(key + _DEEPER, inner)
        elif inner is not None:
            flat[key] = _text(plain[name])
    return flat


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
