"""On-call files for tests: one webhook, and no long waits."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

QUICK = {"group_wait": "200ms", "group_interval": "200ms", "repeat_interval": "4h"}


def oncall_file(folder: Path, url: str, group_by: Sequence[str] = ()) -> Path:
    """Write one whose only receiver is `webhook` at this address; its place."""
    told: dict[str, Any] = {
        "receivers": [{"name": "webhook", "kind": "webhook", "url": url}],
        "page": QUICK,
        "ticket": QUICK,
    }
    if group_by:
        told["group_by"] = list(group_by)
    path = folder / "oncall.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return path
