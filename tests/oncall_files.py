"""On-call files for tests: one webhook, and no long waits."""

from pathlib import Path

import yaml

QUICK = {"group_wait": "200ms", "group_interval": "200ms", "repeat_interval": "4h"}


def oncall_file(folder: Path, url: str) -> Path:
    """Write one whose only receiver is `webhook` at this address; its place."""
    told = {
        "receivers": [{"name": "webhook", "kind": "webhook", "url": url}],
        "page": QUICK,
        "ticket": QUICK,
    }
    path = folder / "oncall.yaml"
    path.write_text(yaml.safe_dump(told, sort_keys=False))
    return path
