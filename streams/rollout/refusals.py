"""Dead letters of acknowledgements that mean what cannot be."""

from typing import Any, Final

from infra.kafka.dead_letters import code_version, letter_id
from schemas.codec import Codec
from schemas.errors import ErrorClass
from schemas.framing import unframe
from schemas.records import AckState, DeadLetter, DeviceClass, DeviceConditions, OtaAck, Slot
from schemas.topics import OTA_ACKS
from streams.rollout.ack_fold import Refused

STAGE: Final = "rollout"


def dead_letter(refused: Refused, topic_id: str, partition: int, codec: Codec) -> DeadLetter:
    """The dead letter of a refused acknowledgement; writing it again gives the same id.

    A fold sees columns, so the body is the acknowledgement encoded again by the newest schema:
    the device's own bytes when it wrote by that schema. Headers stay with the original.
    """
    ack = _ack(refused.row)
    body = codec.encode(OTA_ACKS, ack)
    return DeadLetter(
        event_id=letter_id(topic_id, partition, refused.offset, STAGE),
        source=ack.source,
        topic=OTA_ACKS.name,
        topic_id=topic_id,
        partition=partition,
        offset=refused.offset,
        ts=refused.stamp_us,
        schema_id=unframe(body)[0],
        key=ack.device_id.encode(),
        headers={},
        body=body,
        stage=STAGE,
        error_class=ErrorClass.REFUSED.value,
        field=refused.field,
        reason=refused.reason,
        code_version=code_version(),
        attempt=1,
    )


def _ack(row: dict[str, Any]) -> OtaAck:
    typed = {
        "device_class": DeviceClass(row["device_class"]),
        "state": AckState(row["state"]),
        "slot": Slot(row["slot"]),
        "preconditions": DeviceConditions(**row["preconditions"]),
    }
    return OtaAck(**{**row, **typed})
