"""An installation with two people at the desk, and a device that reads what it publishes."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from infra.objects import ObjectStore
from infra.sealed_key import SUFFIX
from infra.trust.desk import Desk
from infra.trust.roles import Repo, key_name
from producers.device.client.files import FolderFiles
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.object_source import ObjectSource
from producers.device.trust.predicate import Identity
from producers.device.trust.state import TrustState

START: Final = datetime(2026, 1, 31, 8, tzinfo=UTC)
PEOPLE: Final[Mapping[str, bytes]] = {"ann": b"ann's secret", "bob": b"bob's secret"}
ME: Final = Identity(ecu="car-1", hardware="HW4")
IMAGES: Final = "updates/targets"


class Site:
    """Desk, object store and one device; time stands until it is moved."""

    def __init__(self, folder: Path) -> None:
        self.now = START
        self.keys_dir, self.offline = folder / "keys", folder / "offline"
        self.objects = ObjectStore(f"file://{folder / 'objects'}")
        self.desk = Desk(self.keys_dir, self.objects, lambda: self.now)
        self.desk.init(PEOPLE, self.offline, {"root": 2, "targets": 1})
        self.state = TrustState(FolderFiles(folder / "state"))
        for store, repo in (
            (self.state.director, Repo.DIRECTOR),
            (self.state.images, Repo.IMAGES),
        ):
            store.put("root", self.objects.get(f"updates/{repo.value}/1.root.json"))

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def key(self, person: str, repo: Repo, role: str) -> Path:
        """Where a person has a key."""
        return self.offline / person / f"{key_name(repo, role)}{SUFFIX}"

    def signed_by_all(self, draft: Path) -> None:
        """Hold a ceremony."""
        repo, role = Repo(draft.parent.name), draft.name.split(".")[1]
        for person, secret in PEOPLE.items():
            if draft.exists():
                self.desk.sign(draft, self.key(person, repo, role), secret)

    def source(self, repo: Repo) -> ObjectSource:
        """A repository as devices reach it."""
        return ObjectSource(self.objects, f"updates/{repo.value}", IMAGES)

    def verify(self, path: str) -> Verified:
        """One cycle of the device."""
        cycle = UpdateCycle(
            director=self.source(Repo.DIRECTOR),
            images=self.source(Repo.IMAGES),
            state=self.state,
            me=ME,
        )
        verified = cycle.verify(path, self.now)
        cycle.receive(verified, keep=len)
        return verified
