"""Repositories of our own making for tests: signed with keys that any test may steal."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from securesystemslib.formats import encode_canonical

from producers.device.client.files import FolderFiles
from producers.device.trust.cycle import UpdateCycle, Verified
from producers.device.trust.predicate import Identity, Predicate, Wave
from producers.device.trust.sources import SourceTooLargeError
from producers.device.trust.state import TrustState

Tree = dict[str, Any]
NOW: Final = datetime(2026, 1, 31, 8, tzinfo=UTC)
ME: Final = Identity(ecu="car-1", hardware="HW4")
ROLES: Final = ("root", "timestamp", "snapshot", "targets")
MODEL: Final = b"a model of some release"


class TestKey:
    """An ed25519 key made of a word, as canonical JSON names it."""

    __test__ = False

    def __init__(self, word: str) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(word.encode()).digest())
        public = self._key.public_key().public_bytes_raw().hex()
        self.public: Tree = {
            "keytype": "ed25519",
            "scheme": "ed25519",
            "keyval": {"public": public},
        }
        self.id = self.id_of(self.public)

    @staticmethod
    def id_of(public: Tree) -> str:
        return hashlib.sha256(str(encode_canonical(public)).encode()).hexdigest()

    def sign(self, payload: bytes) -> Tree:
        return {"keyid": self.id, "sig": self._key.sign(payload).hex()}


def signed(content: Tree, keys: Sequence[TestKey]) -> bytes:
    """A metadata file."""
    payload = str(encode_canonical(content)).encode()
    return json.dumps(
        {"signatures": [key.sign(payload) for key in keys], "signed": content}
    ).encode()


@dataclass(slots=True)
class Site:
    """One repository: what it says next, and the files it has published (a Source)."""

    name: str
    keys: dict[str, TestKey] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 1))
    days: dict[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 10))
    targets: Tree = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for role in ROLES:
            self.keys.setdefault(role, TestKey(f"{self.name}/{role}"))

    def content(self, role: str, **more: Any) -> Tree:
        """The signed part of a role's next file."""
        expires = NOW + timedelta(days=self.days[role])
        return {
            "_type": role,
            "spec_version": "1.0.31",
            "version": self.versions[role],
            "expires": f"{expires:%Y-%m-%dT%H:%M:%SZ}",
            **more,
        }

    def root(self) -> Tree:
        return self.content(
            "root",
            consistent_snapshot=True,
            keys={key.id: key.public for key in self.keys.values()},
            roles={role: {"keyids": [self.keys[role].id], "threshold": 1} for role in ROLES},
        )

    def put(self, role: str, content: Tree, *keys: TestKey) -> bytes:
        """Sign a role's file and publish it under its version."""
        data = signed(content, keys or (self.keys[role],))
        name = f"{role}.json" if role == "timestamp" else f"{self.versions[role]}.{role}.json"
        self.files[name] = data
        return data

    def publish(self) -> None:
        """Publish everything as it stands."""
        self.put("root", self.root())
        targets = self.put("targets", self.content("targets", targets=self.targets))
        meta = {"targets.json": listed(targets, self.versions["targets"])}
        snapshot = self.put("snapshot", self.content("snapshot", meta=meta))
        meta = {"snapshot.json": listed(snapshot, self.versions["snapshot"])}
        self.put("timestamp", self.content("timestamp", meta=meta))

    def renew(self) -> None:
        """Publish the next version of all but the root."""
        for role in ("timestamp", "snapshot", "targets"):
            self.versions[role] += 1
        self.publish()

    def metadata(self, name: str, limit: int) -> bytes | None:
        return self._bounded(name, limit)

    def image(self, path: str, limit: int) -> Iterator[bytes] | None:
        found = self._bounded(path, limit)
        return None if found is None else iter([found])

    def part(self, path: str, start: int, length: int) -> bytes | None:
        found = self.files.get(path)
        return None if found is None else found[start : start + length]

    def _bounded(self, name: str, limit: int) -> bytes | None:
        found = self.files.get(name)
        if found is not None and len(found) > limit:
            raise SourceTooLargeError(f"{len(found)} bytes, {limit} may be read")
        return found


def listed(data: bytes, version: int) -> Tree:
    digest = hashlib.sha256(data).hexdigest()
    return {"version": version, "length": len(data), "hashes": {"sha256": digest}}


def predicate(release_id: str, share: float = 1.0, hardware: str = "HW4") -> Tree:
    return Predicate(
        release_id=release_id,
        salt="salt",
        strata={hardware: Wave(wave=0, share=share)},
        parked=True,
        min_state_of_charge=0.3,
        network="any",
    ).to_custom()


class World:
    """A Director, an image repository and one device, as a test changes them."""

    def __init__(self, folder: Path) -> None:
        self.director, self.images = Site("director"), Site("images")
        self.state = TrustState(FolderFiles(folder / "state"))
        self.offer("r1", counter=2)
        self.director.publish()
        self.images.publish()
        for site, store in self.sites():
            store.put("root", site.files["1.root.json"])

    def sites(self) -> Iterator[tuple[Site, Any]]:
        yield self.director, self.state.director
        yield self.images, self.state.images

    def offer(self, release_id: str, *, counter: int | None, model: bytes = MODEL) -> None:
        """Let both repositories name a model under `model`."""
        digest = hashlib.sha256(model).hexdigest()
        more: Tree = {} if counter is None else {"releaseCounter": counter}
        file: Tree = {"length": len(model), "hashes": {"sha256": digest}}
        order = {"release": predicate(release_id), **more}
        made = {"hardwareIds": ["HW4"], "release": {"release_id": release_id}, **more}
        self.director.targets = {"model": {**file, "custom": order}}
        self.images.targets = {"model": {**file, "custom": made}}
        self.images.files[f"{digest}.model"] = model

    def renew(self) -> None:
        self.director.renew()
        self.images.renew()

    def update(self, now: datetime = NOW, me: Identity = ME) -> Verified:
        """One cycle of the device, with the image."""
        cycle = UpdateCycle(director=self.director, images=self.images, state=self.state, me=me)
        verified = cycle.verify("model", now)
        cycle.receive(verified, keep=len)
        return verified
