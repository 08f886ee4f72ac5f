"""What deciding about an encounter costs a device, against the inferences of that encounter."""

import hashlib
import time
from collections.abc import Callable
from typing import Final

import numpy as np

from producers.camera.rendered import RenderedCamera
from producers.campaigns.book import CampaignBook
from producers.campaigns.collecting import Collecting
from producers.campaigns.predicate import parse
from producers.campaigns.signals import Signals
from producers.device.engine import Engine
from schemas.records import CollectionCampaign
from tests.bench.figures import figure, tell
from tests.bench.fleet import START_US, scenario, trained

CAMPAIGNS: Final = 4
RUNS: Final = 20_000
PREDICATE: Final = (
    'margin < 0.05 and flips >= 2 and light == "NIGHT" and not weather in ["RAIN", "FOG"] '
    "or speed_mps > 99 and confidence < 0.1"
)
"""Six comparisons, all of which are evaluated but the last."""
SIGNALS: Final = Signals(
    confidence=0.4,
    margin=0.01,
    entropy=1.2,
    flips=2,
    late=0,
    speed_mps=12.5,
    top1="stop",
    last_top1="stop",
    weather="RAIN",
    light="NIGHT",
    region="city",
    hardware="HW3",
    device_class="VEHICLE",
)


def best_us(work: Callable[[], object], runs: int, rounds: int = 5) -> float:
    """CPU microseconds of one call, the best of some rounds."""
    found = []
    for _ in range(rounds):
        began = time.process_time_ns()
        for _ in range(runs):
            work()
        found.append((time.process_time_ns() - began) / runs / 1_000)
    return min(found)


def main() -> None:
    """Measure and tell."""
    playing = scenario(8)
    frames = playing.drive.frames_per_encounter
    camera = RenderedCamera(playing.seed, frames)
    model = trained(camera)
    engine = Engine(model, hashlib.sha256(model).hexdigest())
    pictures = [np.ascontiguousarray(one) for one in camera.seed(4)[0].frames]
    inference = [engine.answer(pictures).cpu_ns for _ in range(200)]
    inference_us = float(np.median(inference)) / 1_000
    predicate = parse(PREDICATE)
    evaluation_us = best_us(lambda: predicate.holds(SIGNALS), RUNS)
    book = CampaignBook()
    for number in range(CAMPAIGNS):
        book.observe(_campaign(number))
    collecting = Collecting("d", book)
    deciding_us = best_us(lambda: collecting.wanting(SIGNALS, START_US), RUNS)
    tell(
        "campaigns",
        {
            "inference": figure(inference_us, "us CPU", None),
            "predicate evaluation": figure(evaluation_us, "us CPU", None),
            f"deciding on {CAMPAIGNS} campaigns": figure(deciding_us, "us an encounter", None),
            "share of the encounter's inference time": figure(
                100 * deciding_us / (frames * inference_us), "%", 10, at_most=True
            ),
        },
    )


def _campaign(number: int) -> CollectionCampaign:
    return CollectionCampaign(
        event_id=f"c{number}/1",
        source="live",
        campaign_id=f"c{number}",
        predicate=PREDICATE,
        share=1.0,
        salt="s",
        quota=10,
        expires_ts=START_US + 3_600_000_000,
        uplink_bytes_limit=1_000_000,
    )


if __name__ == "__main__":
    main()
