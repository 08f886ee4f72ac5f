"""What comes to a device from outside: believed after verification, fetched part by part."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from producers.device.buckets import TokenBucket
from producers.device.client.admission import Admission
from producers.device.client.attempt import Attempt
from producers.device.client.files import Files
from producers.device.client.layout import download_file, known_download, patch_file
from producers.device.client.part_file import PartFile
from producers.device.client.storage import FailedError
from producers.device.fetch.download import Download
from producers.device.fetch.image import Base, ImageFetch
from producers.device.fetch.known import known_fetch
from producers.device.slots import Model
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.known import known_from
from producers.device.trust.refusal import Reason, RefusedError
from producers.device.trust.sources import Source
from schemas.records import AckState

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
        self._admission = Admission(origin.cycle)
        self._under_way: tuple[Verified, list[ImageFetch | Download]] | None = None

    def admit(self, at: Attempt, now_us: int) -> Verified:
        """Verify the metadata; raises as `Admission.verify`."""
        self._under_way = None
        return self._admission.verify(at, now_us)

    def fetch(self, at: Attempt, now_us: int) -> int | None:
        """Bring one part of the image, then of its known inputs; None: all is whole, as verified.

        Raises:
            RefusedError, FailedError, OSError: As `admit`, which it repeats after a reboot.
            FailedError: The bytes do not come, or are others.
        """
        verified = self._admission.verified(at, now_us)
        try:
            fetches = self._fetches_of(verified, at.wanted.model)
            while (again_us := fetches[0].turn(now_us)) is None and len(fetches) > 1:
                del fetches[0]
        except (RefusedError, OSError) as error:
            self._under_way = None
            if isinstance(error, OSError):
                raise
            passes = error.reason in _PASSING
            reason = DOWNLOAD_FAILED if passes else DIGEST_MISMATCH
            raise FailedError(AckState.INSTALL_FAILED, reason, str(error), again=passes) from error
        if again_us is None:
            self._admission.accept(verified)
            self._under_way = None
        return again_us

    def _fetches_of(self, verified: Verified, model: Model) -> list[ImageFetch | Download]:
        """What is still to be fetched, in its order."""
        if self._under_way is None or self._under_way[0] is not verified:
            fetches: list[ImageFetch | Download] = [self._image(verified, model)]
            if (signed := known_from(verified.target.custom)) is not None:
                into = PartFile(self._files, known_download(model.digest))
                fetches.append(known_fetch(self._origin.images, signed, into, self._origin.link))
            self._under_way = (verified, fetches)
        return self._under_way[1]

    def _image(self, verified: Verified, model: Model) -> ImageFetch:
        return ImageFetch(
            self._origin.images,
            verified,
            PartFile(self._files, download_file(model.digest)),
            PartFile(self._files, patch_file(model.digest)),
            self._running(),
            self._origin.link,
        )
