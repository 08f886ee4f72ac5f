"""A company with its own keys, and devices that read what it publishes with the real verifier."""

from collections.abc import Mapping
from copy import copy
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from infra.objects import ObjectStore
from infra.trust.director import issuers
from infra.trust.issuer import Issuer, Order
from infra.trust.ordering import ordered
from infra.trust.people import People
from infra.trust.pinned import pinned_root
from infra.trust.position import Position
from producers.device.client.files import FolderFiles
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.paths import image_path
from producers.device.trust.places import METADATA, sources
from producers.device.trust.predicate import Identity
from producers.device.trust.state import TrustState
from schemas.records import Artifact
from tests.rollout_log import Log

NOW: Final = datetime(2026, 1, 31, 8, tzinfo=UTC)
LOG: Final = "the log"
HARDWARE: Final = "HW4"


class Company:
    """Its object store, its log, its people, and the online host."""

    def __init__(self, folder: Path, now: datetime = NOW) -> None:
        self.folder, self.keys_dir = folder, folder / "keys"
        self.objects = ObjectStore((folder / "objects").as_uri())
        self.people = People(folder / "offline")
        self.people.found(self.keys_dir, self.objects, now)
        self.log = Log()
        self.now = now
        self.restart()

    @classmethod
    def again(cls, company: "Company") -> "Company":
        """A second online host on the same store, keys and log."""
        other = copy(company)
        other.restart()
        return other

    def propose(
        self,
        release_id: str,
        *,
        body: bytes | None = None,
        vouched: bool = True,
        **changes: Any,
    ) -> None:
        """A release on the log with its model in the store, and its ceremony."""
        body = body or f"model of {release_id}".encode() * 40
        stored = self.objects.put(body, kind="models")
        artifact = Artifact(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            format="onnx",
            opset=17,
            input_shape=(1, 32, 32, 3),
            runtime="onnxruntime",
        )
        self.log.propose(release_id, artifact=artifact, **changes)
        if vouched:
            self.people.vouch(self.log.book, release_id, self.keys_dir, self.objects, self.now)

    def restart(self) -> None:
        """The online host begins again with what it finds."""
        self._issuers = self.issuers()

    def issue(self) -> Mapping[str, int]:
        """One round of the online host; versions by repository and role."""
        director, images = self._issuers
        issued = {f"images/{role}": at for role, at in images.issue(self.now).items()}
        for role, at in director.issue(self.now, self.order()).items():
            issued[f"director/{role}"] = at
        return issued

    def order(self) -> Order:
        """What its Director's Targets are to say by the log."""
        targets = ordered(self.log.book, self._issuers[1].said())
        return Order(targets, Position(log=LOG, read_to=len(self.log.records)))

    def provision(self, state: TrustState) -> None:
        """What a device leaves the factory with."""
        state.director.put("root", pinned_root(self.keys_dir, "director"))
        state.images.put("root", pinned_root(self.keys_dir, "images"))

    def issuers(self) -> tuple[Issuer, Issuer]:
        return issuers(self.keys_dir, self.objects)

    def later(self, **time: float) -> None:
        self.now += timedelta(**time)

    def metadata(self) -> dict[str, bytes]:
        """Everything published, as a mirror has it."""
        return {
            name: self.objects.get(name)
            for prefix in METADATA.values()
            for name in self.objects.list(prefix)
        }


class Car:
    """A device of the company, from the factory."""

    def __init__(self, company: Company, name: str = "car-1", hardware: str = HARDWARE) -> None:
        self._company = company
        self.state = TrustState(FolderFiles(company.folder / name))
        self._me = Identity(ecu=name, hardware=hardware)
        company.provision(self.state)

    def verify(self, release_id: str) -> Verified:
        return self.take(image_path(release_id))

    def take(self, path: str) -> Verified:
        """Verify and fetch; raises RefusedError."""
        director, images = sources(self._company.objects)
        cycle = UpdateCycle(director=director, images=images, state=self.state, me=self._me)
        verified = cycle.verify(path, self._company.now)
        cycle.receive(verified, keep=len)
        return verified
