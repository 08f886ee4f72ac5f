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
from streams.rollout.ledger import Ledger

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
    return read_ledger(settings).book


def read_ledger(settings: Settings, monitor_s: float | None = None) -> Ledger:
    """The same, and from when each release is history; see `Ledger`."""
    ledger = Ledger(load_keyring(settings.keys_dir), monitor_s)
    ledger.observe(read_whole(settings, MODEL_RELEASES))
    voids = ledger.book.voids
    if total := voids.total():
        rules = ", ".join(f"{count} by {rule}" for rule, count in sorted(voids.items()))
        say(f"{total} records of {MODEL_RELEASES.name} do not count: {rules}")
    return ledger
