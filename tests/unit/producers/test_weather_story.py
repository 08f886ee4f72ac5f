"""Snow falls on a fleet with a real model: drift is said and its campaign collects."""

import numpy as np

from producers.camera.rendered import RenderedCamera
from schemas.facts import Fact
from schemas.records import CollectionCampaign, ModelRelease, Trigger
from schemas.references import to_metrics
from schemas.topics import COLLECTION_CAMPAIGNS, EDGE_CASES, INFERENCE_EVENTS
from streams.drift.wording import CAMPAIGN
from tests import factories
from tests.drift_log import DriftLoop, proposed
from tests.drift_runs import Pool, rendered_worlds
from tests.unit.producers.device.fleet_kit import Stage

HELD_BACK = 400
SNOW_FROM_S = 60
MINUTES = 8
"""Within which it is said."""
HOUR = 3_600_000_000
USUAL = {"CLEAR": 0.5, "RAIN": 0.15, "SNOW": 0.22, "FOG": 0.13}
"""About what the held-back pictures have."""


class Weather(Stage):
    """Four devices in a city where snow comes, what they report compared by the minute."""

    def __init__(self, model: bytes, camera: RenderedCamera) -> None:
        self.campaigns: list[CollectionCampaign] = []
        super().__init__(
            devices={"HW3": 4},
            camera=camera,
            weather={"city": USUAL},
            drift=[{"region": "city", "from_s": SNOW_FROM_S, "over_s": 1, "weather": {"SNOW": 1}}],
            drive={"frames_per_second": 4, "frames_per_encounter": 6},
            reporting={"window_s": 5},
            triggers={"per_hour": 600, "bytes_per_hour": 33_554_432},
        )
        self.release("release-1", body=model)
        self.drift = DriftLoop()
        self.drift.decide(self._as_validated(model, camera))
        self._compared = 0

    def poll(self, timeout_s: float = 0.0) -> list[Fact]:
        new, self.campaigns = self.campaigns, []
        return [*super().poll(timeout_s), *map(_fact, new)]

    def minute(self) -> None:
        self.play(60)
        windows = self.outbox.on(INFERENCE_EVENTS)
        log = self.drift.logs[INFERENCE_EVENTS.name, 0]
        log.extend((one, self.drift.now_us) for one in windows[self._compared :])
        self._compared = len(windows)
        self.drift.minute(devices=0)

    def _as_validated(self, model: bytes, camera: RenderedCamera) -> ModelRelease:
        usual = Pool.of(model, rendered_worlds(camera, HELD_BACK, ["fleet mix"])["fleet mix"])
        return proposed(metrics=to_metrics(usual.reference(np.arange(HELD_BACK))))


def _fact(campaign: CollectionCampaign) -> Fact:
    return Fact(topic=COLLECTION_CAMPAIGNS.name, partition=0, offset=0, stamp_us=0, record=campaign)


def test_snow_is_said_and_its_campaign_collects_what_it_was(
    small_model: bytes, camera: RenderedCamera
) -> None:
    stage = Weather(small_model, camera)
    stage.minute()
    assert stage.drift.told() == []
    for _ in range(MINUTES):
        stage.minute()
        if stage.drift.alerts:
            break
    assert stage.drift.told() == [("release-1/city/HW3", "FIRING")]
    wanted = stage.drift.alerts[0].annotations[CAMPAIGN]
    assert wanted.startswith('region == "city" and hardware == "HW3" and ')
    stage.campaigns.append(
        factories.collection_campaign(
            campaign_id="snow", predicate=wanted, share=1.0, quota=20, expires_ts=stage.now + HOUR
        )
    )
    stage.minute()
    sent = [one for one in stage.outbox.on(EDGE_CASES) if one.campaign_id == "snow"]
    assert 5 <= len(sent) <= 20
    told = {(one.trigger, one.context.weather) for one in sent}
    assert told == {(Trigger.CAMPAIGN, "SNOW")}
