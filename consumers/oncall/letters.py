"""The dead letter of a notification that a receiver never took."""

import json
from typing import Final

from consumers.oncall.delivery import Answer
from consumers.oncall.notification import Notification
from consumers.oncall.webhook import body
from infra.kafka.dead_letters import REASON_CHARACTERS, code_version, letter_id
from schemas.errors import ErrorClass
from schemas.records import DeadLetter
from schemas.topics import ALERTS

STAGE: Final = "oncall"


def letter(notification: Notification, receiver: str, answer: Answer, topic_id: str) -> DeadLetter:
    """The letter; its body is what the webhook would have been sent and holds no secret.

    Args:
        notification: What was not taken.
        receiver: Name of the receiver.
        answer: How it ended.
        topic_id: Identity of the `alerts` log.
    """
    step = notification.news[0]
    return DeadLetter(
        event_id=letter_id(topic_id, step.partition, step.offset, f"{STAGE}/{receiver}"),
        source=step.alert.source,
        topic=ALERTS.name,
        topic_id=topic_id,
        partition=step.partition,
        offset=step.offset,
        ts=step.stamp_us,
        key=step.alert.fingerprint.encode(),
        headers={"receiver": receiver.encode()},
        body=json.dumps(body(notification, receiver)).encode(),
        stage=STAGE,
        error_class=ErrorClass.REFUSED.value,
        reason=f"{receiver}: {answer.error}"[:REASON_CHARACTERS],
        code_version=code_version(),
        attempt=answer.attempts,
    )
