"""What the log holds at the end of the story: valid records and distinct ids by topic."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from infra.demo.malformed import Malformed
from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.settings import KafkaSettings
from schemas.codec import Codec
from schemas.topics import TOPICS


def valid_records(kafka: KafkaSettings, malformed: Sequence[Malformed]) -> Mapping[str, int]:
    """Records on the log by topic, without those that were made wrong on purpose."""
    found: Counter[str] = Counter()
    for (topic, _), end in Admin(kafka).end_offsets(list(TOPICS)).items():
        found[topic] += end
    bad = Counter(specimen.topic.name for specimen in malformed)
    return {topic: found[topic] - bad[topic] for topic in TOPICS}


def distinct_ids(kafka: KafkaSettings, codec: Codec) -> Mapping[str, int]:
    """Distinct event ids of each derived topic; a worker that died may repeat a record."""
    derived = [spec for spec in TOPICS.values() if not spec.from_devices]
    ids: defaultdict[str, set[str]] = defaultdict(set)
    follower = Follower(kafka, codec, derived)
    try:
        for fact in follower.catch_up(timeout_s=60.0):
            ids[fact.topic].add(fact.record.event_id)
    finally:
        follower.close()
    return {spec.name: len(ids[spec.name]) for spec in derived}
