"""Reading small topics whole, for commands that show what was decided."""

from typing import Final

from infra.cli.output import say
from infra.kafka.follower import Follower
from infra.keys import load_keyring
from infra.settings import Settings
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.facts import Fact
from schemas.registry import registry_from
from schemas.topics import MODEL_RELEASES, TopicSpec

READ_S: Final = 60.0


def read_whole(settings: Settings, topic: TopicSpec) -> list[Fact]:
    """Every readable record of a topic, in log order."""
    codec = Codec(registry_from(settings.registry_url))
    follower = Follower(settings.kafka, codec, [topic], "fleetloop")
    try:
        return follower.catch_up(READ_S)
    finally:
        follower.close()


def read_book(settings: Settings) -> ReleaseBook:
    """Every release as the valid decisions have it; what is void is told.

    Raises:
        KeysError: The keyring is missing or wrong.
    """
    book = ReleaseBook(load_keyring(settings.keys_dir))
    for fact in read_whole(settings, MODEL_RELEASES):
        book.observe(fact.record, offset=fact.offset, stamp_us=fact.stamp_us)
    if voids := book.voids.total():
        rules = ", ".join(f"{count} by {rule}" for rule, count in sorted(book.voids.items()))
        say(f"{voids} records of {MODEL_RELEASES.name} do not count: {rules}")
    return book
