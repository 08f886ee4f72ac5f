"""What comes to a device from outside: believed after verification, fetched part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from producers.device.buckets import TokenBucket
from producers.device.client.attempt import Attempt
from producers.device.client.files import Files
from producers.device.client.layout import download_file, patch_file
from producers.device.client.part_file import PartFile
from producers.device.client.storage import FailedError
from producers.device.fetch.image import Base, ImageFetch
from producers.device.slots import Model
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.paths import image_path, way_back_path
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source
from producers.device.trust.store import TrustStateError
from schemas.records import AckState

TARGET_MISMATCH: Final = "TARGET_MISMATCH"
TRUST_DAMAGED: Final = "TRUST_DAMAGED"
DOWNLOAD_FAILED: Final = "DOWNLOAD_FAILED"
DIGEST_MISMATCH: Final = "DIGEST_MISMATCH"

_PASSING: Final = frozenset({Reason.UNREACHABLE, Reason.TOO_SLOW, Reason.MISSING_FILE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where updates come from.

    Attributes:
        cycle: Verifies the metadata of both repositories.
        images: The image repository, for the bytes.
        link: What may be fetched; None: as fast as it comes.
    """

    cycle: UpdateCycle
    images: Source
    link: TokenBucket | None = None


class Intake:
    """Verifies one model at a time and brings it.

    Args:
        running: What a patch may start from, now.
    """

    def __init__(self, origin: Origin, files: Files, running: Callable[[], Base | None]) -> None:
        self._origin, self._files, self._running = origin, files, running
        self._verified: Verified | None = None
        self._fetch: ImageFetch | None = None

    def admit(self, at: Attempt, now_us: int) -> Verified:
        """Verify the metadata.

        Raises:
            RefusedError: A rule is broken.
            FailedError: They name another file than the decision, or the trust is damaged.
            OSError: The trust cannot be kept.
        """
        self._fetch, model = None, at.wanted.model
        now = datetime.fromtimestamp(now_us // 1_000_000, UTC)
        try:
            verified = self._origin.cycle.verify(_path(at), now)
        except TrustStateError as error:
            raise FailedError(AckState.REJECTED, TRUST_DAMAGED, str(error), again=True) from error
        found = verified.target.hashes.get("sha256")
        if found != model.digest:
            why = f"the repositories name SHA-256 {found}, the decision {model.digest}"
            raise FailedError(AckState.REJECTED, TARGET_MISMATCH, why, again=True)
        self._verified = verified
        return verified

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """Bring one part; None: the download is whole, and as verified.

        Raises:
            RefusedError, FailedError, OSError: As `admit`, which it repeats after a reboot.
            FailedError: The bytes do not come, or are others.
        """
        model = at.wanted.model
        if self._fetch is None or not self._is(model):
            self._begin(at, now_us)
        if self._fetch is None or self._verified is None:
            raise RuntimeError(f"{model.release_id}: fetched without being verified")
        try:
            again_us = self._fetch.turn(now_us)
        except (RefusedError, OSError) as error:
            self._fetch = None
            if isinstance(error, OSError):
                raise
            passes = error.reason in _PASSING
            reason = DOWNLOAD_FAILED if passes else DIGEST_MISMATCH
            raise FailedError(AckState.INSTALL_FAILED, reason, str(error), again=passes) from error
        if again_us is None:
            self._origin.cycle.accept(self._verified)
            self._fetch = None
        return again_us

    def _begin(self, at: Attempt, now_us: int) -> None:
        model = at.wanted.model
        if not self._is(model):
            self.admit(at, now_us)
        if self._verified is not None:
            self._fetch = ImageFetch(
                self._origin.images,
                self._verified,
                PartFile(self._files, download_file(model.digest)),
                PartFile(self._files, patch_file(model.digest)),
                self._running(),
                self._origin.link,
            )

    def _is(self, model: Model) -> bool:
        verified = self._verified
        return verified is not None and verified.target.hashes.get("sha256") == model.digest


def _path(at: Attempt) -> str:
    """A way back is signed under a counter of its own, above that of what it leaves."""
    lost = at.wanted.replaces
    if at.recovery and lost is not None:
        return way_back_path(lost.release_id)
    return image_path(at.wanted.model.release_id)
