"""Settings as FLEETLOOP_* variables: what a child process or a shell needs to know of a stack."""

import json
import os
import re
import shlex
from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import BaseModel

from infra.settings import Settings

_PREFIX: Final = "FLEETLOOP_"
_DEEPER: Final = "__"
# Options of commands and of the tests by environment.
_NO_SETTINGS: Final = ("BROKER", "REGISTRY", "SHARED", "TEST_")
# Kubernetes tells every container of every service; one may be called fleetloop-something.
_SERVICE: Final = re.compile(r"\w+_(SERVICE_(HOST|PORT\w*)|PORT(_\d+_(TCP|UDP)\w*)?)")


def variables(settings: Settings) -> dict[str, str]:
    """The variables that give a child exactly these settings; what is None has none."""
    return dict(sorted(_flat(_PREFIX, settings).items()))


def child_environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings instead of any that it carries."""
    kept = {key: value for key, value in os.environ.items() if not _is_setting(key)}
    return {**kept, **variables(settings)}


def shell_lines(values: Mapping[str, str]) -> str:
    """Text of an env file that a shell can `source`."""
    return "".join(f"export {name}={shlex.quote(value)}\n" for name, value in values.items())


def unknown(names: Iterable[str]) -> list[str]:
    """FLEETLOOP_* variables that nothing reads: a typing error would go unnoticed."""
    ours = (name for name in names if name.upper().startswith(_PREFIX))
    others = tuple(_PREFIX + name for name in _NO_SETTINGS)
    return sorted(
        name
        for name in ours
        if not (_is_setting(name) or name.startswith(others) or _SERVICE.fullmatch(name))
    )


def _is_setting(key: str) -> bool:
    name, _, _ = key.upper().removeprefix(_PREFIX).partition(_DEEPER)
    return key.upper().startswith(_PREFIX) and name.lower() in Settings.model_fields


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
