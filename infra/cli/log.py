"""Reading small topics whole, for commands that show what was decided."""

from typing import Final

from infra.kafka.follower import Follower
from infra.settings import Settings
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.topics import TopicSpec

READ_S: Final = 60.0


def read_whole(settings: Settings, topic: TopicSpec) -> list[Fact]:
    """Every readable record of a topic, in log order."""
    codec = Codec(registry_from(settings.registry_url))
    follower = Follower(settings.kafka, codec, [topic], "fleetloop")
    try:
        return follower.catch_up(READ_S)
    finally:
        follower.close()
