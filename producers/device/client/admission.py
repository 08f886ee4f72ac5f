"""Whether a device believes what it was told to run: both repositories must let it have it."""

from datetime import UTC, datetime
from typing import Final

from producers.device.client.attempt import Attempt
from producers.device.client.storage import FailedError
from producers.device.slots import Model
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.paths import image_path, shadow_path, way_back_path
from producers.device.trust.refusal import RefusedError
from producers.device.trust.store import TrustStateError
from schemas.records import AckState

TARGET_MISMATCH: Final = "TARGET_MISMATCH"
TRUST_DAMAGED: Final = "TRUST_DAMAGED"


class Admission:
    """Verifies one model at a time.

    Args:
        cycle: Verifies the metadata of both repositories for this device.
    """

    def __init__(self, cycle: UpdateCycle) -> None:
        self._cycle = cycle
        self._verified: Verified | None = None

    def verify(self, at: Attempt, now_us: int) -> Verified:
        """Verify that the device may have what an attempt wants.

        Raises:
            RefusedError: A rule is broken.
            FailedError: They name another file than the decision, or the trust is damaged.
            OSError: The trust cannot be kept.
        """
        self._verified = None
        self._verified = self._verify(_path(at), at.wanted.model, now_us)
        return self._verified

    def verify_beside(self, model: Model, now_us: int) -> None:
        """Verify that the device may run a model beside its own, outputs unused.

        Its counter bars nothing: what was only looked at can be left for something older.

        Raises: As `verify`.
        """
        release_id = model.release_id
        self._verify(image_path(release_id), model, now_us, ordered_as=shadow_path(release_id))

    def _verify(
        self, path: str, model: Model, now_us: int, *, ordered_as: str | None = None
    ) -> Verified:
        now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
        try:
            verified = self._cycle.verify(path, now, ordered_as=ordered_as)
        except TrustStateError as error:
            raise FailedError(AckState.REJECTED, TRUST_DAMAGED, str(error), again=True) from error
        if not _names(verified, model):
            found = verified.target.hashes.get("sha256")
            why = f"the repositories name SHA-256 {found}, the decision {model.digest}"
            raise FailedError(AckState.REJECTED, TARGET_MISMATCH, why, again=True)
        return verified

    def verified(self, at: Attempt, now_us: int) -> Verified:
        """What `verify` found of this model; anew after a reboot. Raises as it does."""
        last = self._verified
        if last is not None and _names(last, at.wanted.model):
            return last
        return self.verify(at, now_us)

    def accept(self, verified: Verified) -> None:
        """Go back behind this image no more, which the device has, whole."""
        self._cycle.accept(verified)


def rejected(error: RefusedError) -> FailedError:
    """A broken rule as the end of an attempt; asked again, for as long as the order stands."""
    return FailedError(AckState.REJECTED, error.reason.value.upper(), str(error), again=True)


def _names(verified: Verified, model: Model) -> bool:
    return verified.target.hashes.get("sha256") == model.digest


def _path(at: Attempt) -> str:
    """A way back is signed under a counter of its own, above that of what it leaves."""
    if at.wanted.way_back_of is not None:
        return way_back_path(at.wanted.way_back_of)
    return image_path(at.wanted.model.release_id)
