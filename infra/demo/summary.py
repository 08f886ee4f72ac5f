"""The last words of the story: what each release was worth and what the devices did."""

from collections.abc import Iterator, Mapping
from typing import Any


def summary(report: Mapping[str, Any]) -> Iterator[str]:
    """A sentence for each release, then one for all inferences."""
    for release in report["releases"]:
        yield _release(release)
    inference = report["inference"]
    yield (
        f"{inference['count']} inferences: p50 {inference['p50_ms']} ms, "
        f"p99 {inference['p99_ms']} ms, {inference['deadline_misses']} missed their deadline"
    )


def _release(release: Mapping[str, Any]) -> str:
    accuracy = release["accuracy"]
    said = (
        f"{release['release_id']} {release['state']}: committed by "
        f"{release['devices_committed']} devices, right on {accuracy['held_back']:.1%} of "
        "held-back pictures"
    )
    gain = accuracy["minus_parent"]
    if gain is None:
        return said
    mean, low, high = (100 * gain[name] for name in ("mean", "low", "high"))
    return f"{said}, {mean:+.1f} points over {release['parent']} [{low:+.1f}, {high:+.1f}]"
