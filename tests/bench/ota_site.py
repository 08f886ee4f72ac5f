"""Two repositories as a company of some size has them: three generations, twenty models."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from producers.device.trust.deltas import Delta, to_custom
from producers.device.trust.known import FIELD
from producers.device.trust.known import to_custom as known_to_custom
from producers.device.trust.paths import image_path
from producers.device.trust.predicate import Predicate, Wave
from tests import known
from tests.tuf_site import Site

HARDWARE: Final = ("HW3", "HW4", "AI5")
MODELS: Final = 20
PATH: Final = image_path("r20")


@dataclass(slots=True)
class Counting:
    """A source whose bytes are counted."""

    site: Site
    given: int = 0

    def metadata(self, name: str, limit: int) -> bytes | None:
        """As the site."""
        found = self.site.metadata(name, limit)
        self.given += len(found or b"")
        return found

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        """As the site."""
        return self.site.image(path, limit)

    def part(self, path: str, start: int, length: int) -> bytes | None:
        """As the site."""
        return self.site.part(path, start, length)


def sites() -> tuple[Site, Site]:
    """Director and image repository, published."""
    director, images = Site("director"), Site("images")
    for number in range(1, MODELS + 1):
        name = f"r{number}"
        file = {"length": 1_300_000, "hashes": {"sha256": digest(name)}}
        before = [Delta(base=digest(f"r{at}"), length=20_000, digest=digest(f"{at}{name}"))
                  for at in range(max(1, number - 3), number)]  # fmt: skip
        images.targets[image_path(name)] = {
            **file,
            "custom": {
                "hardwareIds": list(HARDWARE),
                "release": {"release_id": name},
                "releaseCounter": number,
                "deltas": to_custom(before),
                FIELD: known_to_custom(known.SIGNED),
            },
        }
    director.targets[PATH] = {**images.targets[PATH], "custom": _order()}
    images.files[known.SIGNED.path] = known.KNOWN
    for site in (director, images):
        site.publish()
    return director, images


def digest(word: str) -> str:
    """A SHA-256 that stands for a file's."""
    return hashlib.sha256(word.encode()).hexdigest()


def _order() -> dict[str, Any]:
    release = Predicate(
        release_id="r20",
        salt=digest("salt")[:16],
        strata={name: Wave(wave=4, share=1.0) for name in HARDWARE},
        parked=True,
        min_state_of_charge=0.3,
        network="any",
    )
    return {"release": release.to_custom(), "releaseCounter": MODELS}
