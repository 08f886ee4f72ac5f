"""The processor of the gate: which state is bound to what."""

from schemas.topics import DISENGAGEMENTS, INFERENCE_EVENTS, OTA_ACKS, ROLLOUT_PARTIALS
from tests.rollout_world import DEMO_POLICY, Logs, Worker


def tally_generation(ota_acks_id: str) -> str:
    processor = Worker(Logs(), DEMO_POLICY).processor
    processor.generation(OTA_ACKS, ota_acks_id)
    processor.generation(INFERENCE_EVENTS, "events")
    processor.generation(DISENGAGEMENTS, "disengagements")
    return processor.generation(ROLLOUT_PARTIALS, "partials")


def test_a_tally_is_made_again_for_another_count_of_a_source() -> None:
    """The trace of a new version: a tally of the old one passed over the new one's first cells."""
    assert tally_generation("acks") == tally_generation("acks")
    assert tally_generation("acks") != tally_generation("other acks")
