"""What deciding about encounters costs a device a frame, beside its inference in the same run."""

import hashlib
import time
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from producers.camera.camera import Encounter, EncounterRequest
from producers.camera.mix import FLEET_MIX, pick
from producers.camera.rendered import RenderedCamera
from producers.campaigns.book import CampaignBook
from producers.device.edge_cases import EdgeCases
from producers.device.encounters import Meeting
from producers.device.engine import Answers, Engine
from producers.device.identity import EventIds
from producers.device.slots import Model
from producers.device.triggers import Seen
from producers.model.proving import with_prototypes
from producers.scenario.equipment import Triggers
from tests.bench.figures import figure, tell
from tests.bench.fleet import START_US, scenario, trained
from tests.unit.producers.device import kit

ENCOUNTERS: Final = 1_500
ROUNDS: Final = 5
MODEL: Final = Model(release_id="r1", digest="0" * 64, uri="file:///m", deadline_us=50_000, wave=0)


def decide(
    engine: Engine, encounters: Sequence[Encounter], answered: Sequence[Answers], rules: Triggers
) -> int:
    """CPU nanoseconds of all that is done with the answers of a device's encounters."""
    who = kit.who()
    cases = EdgeCases(
        who,
        EventIds(who.device_id, 1),
        rules,
        seed=1,
        pictures=kit.Album(),
        campaigns=CampaignBook(),
    )
    known = engine.prototypes
    began = time.thread_time_ns()
    for number, (encounter, answers) in enumerate(zip(encounters, answered, strict=True)):
        meeting = Meeting(encounter)
        for row in range(len(encounter.frames)):
            meeting.look()
            meeting.answer(
                answers.top1[row],
                answers.confidence[row],
                answers.margin[row],
                answers.entropy[row],
                answers.emb[row],
            )
        glimpse = meeting.glimpse()
        if glimpse is None:
            continue
        novelty = known.novelty(glimpse.embedding) if known is not None else 0.0
        seen = Seen(
            model=MODEL,
            classes=engine.classes,
            encounter=encounter,
            glimpse=glimpse,
            speed_mps=14.0,
            taken_over=False,
            novelty=novelty,
        )
        cases.consider(seen, START_US + number * 3_000_000)
    return time.thread_time_ns() - began


def main() -> None:
    """Measure and tell."""
    playing = scenario(8)
    frames = playing.drive.frames_per_encounter
    camera = RenderedCamera(playing.seed, frames)
    model = trained(camera)
    drive = camera.seed(200)
    pictures = np.concatenate([one.frames for one in drive])
    labels = np.array([one.label for one in drive], np.int64).repeat(frames)
    groups = np.arange(len(drive), dtype=np.int64).repeat(frames)
    model = with_prototypes(model, pictures, labels, groups, pictures, groups)
    engine = Engine(model, hashlib.sha256(model).hexdigest())
    met = camera.encounters([_ask(number) for number in range(ENCOUNTERS)])
    answered = [engine.answer(_alone(one)) for one in met]
    inference_us = sum(sum(one.cpu_ns) for one in answered) / ENCOUNTERS / frames / 1_000
    rules, nothing = Triggers(), Triggers(burst=1.0, per_hour=0.0)
    whole = min(decide(engine, met, answered, rules) for _ in range(ROUNDS))
    deciding = min(decide(engine, met, answered, nothing) for _ in range(ROUNDS))
    whole_us, deciding_us = (one / ENCOUNTERS / frames / 1_000 for one in (whole, deciding))
    tell(
        "triggers",
        {
            "inference": figure(inference_us, "us CPU a frame", None),
            "triggers": figure(deciding_us, "us CPU a frame", None),
            "triggers and film strips sent": figure(whole_us, "us CPU a frame", None),
            "triggers over inference": figure(
                100 * deciding_us / inference_us, "%", 10, at_most=True
            ),
            "with film strips sent": figure(100 * whole_us / inference_us, "%", None),
        },
    )


def _ask(number: int) -> EncounterRequest:
    mix = FLEET_MIX[list(FLEET_MIX)[number % len(FLEET_MIX)]]
    return EncounterRequest("bench", number, pick(mix, number % 97 / 97))


def _alone(one: Encounter) -> list[npt.NDArray[np.uint8]]:
    return [np.ascontiguousarray(frame) for frame in one.frames]


if __name__ == "__main__":
    main()
