"""Devices that each report a window a second, evenly over the second; releases turn bad in turn.

Arguments: a `Plan` as JSON. Says on stdout how many records were sent in how many seconds.
"""

import json
import sys
import time
from dataclasses import asdict, dataclass
from typing import Self

from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.registry import FileRegistry
from schemas.topics import INFERENCE_EVENTS
from tests.bench.slo_load import SECOND_US, Moment, Template, devices, late

SLICES = 100


@dataclass(frozen=True, slots=True)
class Plan:
    """What the devices do.

    Attributes:
        seconds: How long they report.
        bad_from_s: When the first release turns bad, and stays so.
        bad_every_s: Time between one release's turn and the next one's.
        bad_releases: How many turn bad.
    """

    devices: int
    releases: int
    seconds: float
    bad_from_s: float
    bad_every_s: float
    bad_releases: int

    @classmethod
    def of(cls, text: str) -> Self:
        """Read what `text()` wrote."""
        return cls(**json.loads(text))

    def text(self) -> str:
        """As an argument."""
        return json.dumps(asdict(self))

    def bad(self, at_s: float) -> int:
        """How many releases are bad by then."""
        turned = int((at_s - self.bad_from_s) / self.bad_every_s) + 1
        return min(max(turned, 0), self.bad_releases) if at_s >= self.bad_from_s else 0


def report(plan: Plan, publisher: Publisher) -> tuple[int, float]:
    """Report until the time is over; records sent and seconds taken."""
    fleet = devices(plan.devices, plan.releases)
    templates = [Template.of(event) for event in fleet]
    bad = {
        number: Template.of(late(event))
        for number, event in enumerate(fleet)
        if number % plan.releases < plan.bad_releases
    }
    began, sent, number = time.monotonic(), 0, 0
    while (at_s := time.monotonic() - began) < plan.seconds:
        turn, part = divmod(number, SLICES)
        moment = Moment.at(turn, time.time_ns() // 1_000, SECOND_US)
        turned = plan.bad(at_s)
        for device in range(part, plan.devices, SLICES):
            one = (bad if device % plan.releases < turned else templates)[device]
            publisher.publish_bytes(INFERENCE_EVENTS, one.key, moment.value(one))
            sent += 1
        number += 1
        time.sleep(max(0.0, began + number / SLICES - time.monotonic()))
    publisher.flush()
    return sent, time.monotonic() - began


def main() -> None:
    """Report as the plan says."""
    plan = Plan.of(sys.argv[1])
    with Publisher(Settings().kafka, Codec(FileRegistry()), "bench-devices") as publisher:
        sent, seconds = report(plan, publisher)
    sys.stdout.write(f"sent {sent} in {seconds:.2f} s\n")


if __name__ == "__main__":
    main()
