"""The acknowledgements of a device: every step of an attempt, numbered, with what held then."""

from collections.abc import Callable

from producers.device.flash import Flash
from producers.device.identity import EventIds, Send, Who
from schemas.records import AckState, DeviceConditions, OtaAck
from schemas.topics import OTA_ACKS


class Acks:
    """Writes ota-acks of one device: into the outbox of its flash, and from there to the log.

    Args:
        conditions: What holds on the device at a time in UTC microseconds.
        head: Head of the device's evidence now; None: it keeps none.
    """

    def __init__(
        self,
        who: Who,
        flash: Flash,
        ids: EventIds,
        *,
        conditions: Callable[[int], DeviceConditions],
        send: Send,
        head: Callable[[], str | None] = lambda: None,
    ) -> None:
        self._who, self._flash, self._ids = who, flash, ids
        self.conditions, self._send = conditions, send
        self._head = head
        self.device_id = who.device_id

    def say(
        self, release_id: str, wave: int, state: AckState, now_us: int, reason: str = ""
    ) -> None:
        """Note a step of the last attempt at a release; digest and slot are what runs now."""
        tried = self._flash.count_ack(release_id)
        running = self._flash.slots.running
        ack = OtaAck(
            event_id=self._ids.next(OTA_ACKS),
            **self._who.common(),
            release_id=release_id,
            model_digest=None if running is None else running.digest,
            attempt=max(1, tried.attempt),
            seq=tried.acks,
            state=state,
            reason_code=reason,
            slot=self._flash.slots.active,
            boot_id=str(self._ids.boot),
            wave=wave,
            preconditions=self.conditions(now_us),
            device_ts=now_us,
            evidence_head=self._head(),
        )
        self._flash.outbox += (ack,)

    def post(self) -> None:
        """Send what was noted since the last time; after a boot, all that is in the outbox."""
        for ack in self._flash.outbox[self._flash.posted :]:
            self._send(OTA_ACKS, ack)
        self._flash.posted = len(self._flash.outbox)

    def take_back(self, count: int) -> None:
        """The last ones noted did not happen; the caller restores the flash."""
        self._ids.take_back(OTA_ACKS, count)
