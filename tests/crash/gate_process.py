"""The rollout worker, killing itself with SIGKILL at a named point."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from infra.kafka.publisher import Publisher
from infra.lean import without
from infra.settings import Settings
from schemas.records import Alert, ModelRelease, PartialKind, ReleaseKind, RolloutPartial
from schemas.topics import OTA_ACKS, ROLLOUT_PARTIALS
from streams.checkpoints import Checkpoints
from streams.rollout.agent import processor
from streams.runner import Runner
from streams.worker import run
from tests.crash.dying import at_point

NEVER: Final = "NEVER"
KINDS: Final = (
    ReleaseKind.VERIFIED,
    ReleaseKind.REJECTED,
    ReleaseKind.APPROVED,
    ReleaseKind.SHADOW_OPENED,
    ReleaseKind.WAVE_OPENED,
    ReleaseKind.SUPERSEDED,
    ReleaseKind.PAUSED,
    ReleaseKind.RESUMED,
    ReleaseKind.ROLLBACK_ORDERED,
    ReleaseKind.HELD,
    ReleaseKind.ABORTED,
    ReleaseKind.WAVE_EXTENDED,
    ReleaseKind.ROLLBACK_STALLED,
    ReleaseKind.ROLLBACK_DONE,
    ReleaseKind.COMPLETED,
)
"""Every decision of the gate, in the order in which the story comes to them."""


class Point(NamedTuple):
    """Where the process dies: before a call of the method that `passes`, or after it."""

    owner: type
    method: str
    passes: Callable[..., bool]
    before: bool


def _decision(kind: ReleaseKind) -> Callable[..., bool]:
    return lambda _self, _topic, one, **_: isinstance(one, ModelRelease) and one.kind is kind


def _partial(kind: PartialKind) -> Callable[..., bool]:
    return lambda _self, _topic, one, **_: isinstance(one, RolloutPartial) and one.kind is kind


def _alert(_self: Any, _topic: Any, one: Any, **_: Any) -> bool:
    return isinstance(one, Alert)


def _batch(topic: str) -> Callable[..., bool]:
    return lambda _self, fetched: fetched.topic == topic


def _state(topic: str) -> Callable[..., bool]:
    return lambda _self, of, _partition, _checkpoint: of == topic


_PLUMBING: Final[dict[str, tuple[type, str, Callable[..., bool]]]] = {
    "acks folded": (Runner, "take", _batch(OTA_ACKS.name)),
    "cell published": (Publisher, "publish", _partial(PartialKind.CELL)),
    "progress published": (Publisher, "publish", _partial(PartialKind.PROGRESS)),
    "partials folded": (Runner, "take", _batch(ROLLOUT_PARTIALS.name)),
    "acks stored": (Checkpoints, "save", _state(OTA_ACKS.name)),
    "partials stored": (Checkpoints, "save", _state(ROLLOUT_PARTIALS.name)),
    "alert published": (Publisher, "publish", _alert),
}
_DECISIONS: Final = {str(kind): (Publisher, "publish", _decision(kind)) for kind in KINDS}
POINTS: Final = {
    f"{side} {name}": Point(*place, side == "before")
    for name, place in {**_DECISIONS, **_PLUMBING}.items()
    for side in ("before", "after")
}
"""Each transition and each step of the plumbing, before and after."""


def main(point: str, nth: str, name: str) -> int:
    """Run the worker with settings from the environment.

    It dies at the nth passing of the point. With a name it is a gate of another group, which
    decides about the same releases.
    """
    without("pandas")
    if point != NEVER:
        at_point(*POINTS[point], int(nth))
    settings = Settings()
    gate = processor(settings)
    if name:
        gate.name = name  # type: ignore[misc]  # its group and its state, for this test only
    return run(gate, settings)
