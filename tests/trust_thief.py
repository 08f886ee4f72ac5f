"""A thief with the very key files of a company, and the operator who answers by commands."""

from collections.abc import Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Final

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Role, Snapshot, TargetFile, Targets, Timestamp
from typer.testing import CliRunner

from infra.cli import keys
from infra.cli.main import command_for
from infra.trust.key_folder import KeyFolder
from infra.trust.pinned import pinned_root
from infra.trust.position import Position
from infra.trust.roots import OFFLINE, ROLES
from infra.trust.shelf import Shelf, listed
from infra.trust.signed_file import expiry, public_key, signed_by, verified
from producers.device.trust.agreement import COUNTER
from producers.device.trust.places import METADATA
from producers.device.trust.refusal import RefusedError
from schemas.records import ReleaseKind
from tests.trust_company import LOG, NOW, Car, Company
from tests.tuf_site import predicate

FAR: Final = 1_000
"""A version that the company will never come to by itself."""


class Thief:
    """Signs for one repository with stolen keys, and writes where devices read.

    Args:
        company: Whose keys they are: the online host's, and those of
        people: some holders, with their passphrases.
        repository: director or images.
    """

    def __init__(self, company: Company, repository: str, people: str = "") -> None:
        self._company, self._repository = company, repository
        self._online = {
            name: folder.load(name)
            for folder in [KeyFolder(company.keys_dir)]
            for name in folder.names()
            if name.startswith(repository)
        }
        names = [f"holder-{letter}" for letter in people]
        self._people = [KeyFolder(company.folder / "offline" / name).load(name) for name in names]
        self._own: Ed25519PrivateKey | None = None
        self.shelf = Shelf(company.objects, repository)
        self.follow_root()

    def follow_root(self) -> None:
        """See which keys count now."""
        pinned = pinned_root(self._company.keys_dir, self._repository)
        self.root = self.shelf.root(pinned).signed

    def sign(self, signed: Any) -> Any:
        """Publish a file of a role by the stolen keys; raises RefusedError: they count no more."""
        role = signed.type
        data = signed_by(signed, self._keys(role))
        name = f"{signed.version}.{role}.json" if role != "timestamp" else "timestamp.json"
        self._company.objects.put_named(f"{METADATA[self._repository]}/{name}", data)
        return verified(data, role, self._repository, [self.root])

    def count_ahead(self) -> None:
        """Name the present state under a version that the company will never reach."""
        self.freeze(self.newest("snapshot"), FAR)

    def newest(self, role: str) -> Any:
        """The newest file of a role that counts."""
        found = self.shelf.newest(role, self.root, self.shelf.versions()[role])
        assert found is not None
        return found

    def freeze(self, snapshot: Any, version: int) -> None:
        """Have the Timestamp name a Snapshot."""
        self.sign(Timestamp(version, None, expiry("timestamp", NOW), listed(snapshot)))

    def name(self, targets: Any, version: int = FAR) -> Any:
        """Have Snapshot and Timestamp name some Targets; the Snapshot."""
        meta = {"targets.json": listed(targets)}
        snapshot = self.sign(Snapshot(version, None, expiry("snapshot", NOW), meta))
        self.freeze(snapshot, version)
        return snapshot

    def order(self, targets: Mapping[str, TargetFile], version: int = FAR) -> None:
        """Publish Targets with all that names them, made of a log that nobody has read so far."""
        ahead = Position(log=LOG, read_to=FAR).fields()
        expires = expiry("targets", NOW)
        signed = Targets(version, None, expires, dict(targets), unrecognized_fields=ahead)
        self.name(self.sign(signed), version)

    def seize(self) -> None:
        """Publish a Root with his own key in every role; the stolen ones vouch for it."""
        own = Ed25519PrivateKey.generate()
        root = deepcopy(self.root)
        root.version, root.keys = root.version + 1, {}
        root.roles = {role: Role([], 1) for role in ROLES}
        for role in ROLES:
            root.add_key(public_key("thief", own.public_key().public_bytes_raw()), role)
        data = signed_by(root, [*self._people, own])
        verified(data, "root", self._repository, [self.root])
        self.shelf.put("root", root.version, data)
        self.root, self._own = root, own

    def _keys(self, role: str) -> Sequence[Ed25519PrivateKey]:
        if self._own is not None:
            return [self._own]
        if role in OFFLINE[self._repository]:
            return self._people
        return [self._online[f"{self._repository}-{role}-1"]]


def order_of(image: TargetFile, release_id: str, **changes: Any) -> dict[str, TargetFile]:
    """The Director's order of an image for every device, as the image repository has it or not."""
    custom = {"release": predicate(release_id), COUNTER: image.custom[COUNTER], **changes}
    return {image.path: TargetFile(image.length, image.hashes, image.path, {"custom": custom})}


def driving(company: Company, patch: pytest.MonkeyPatch) -> Company:
    """A company whose first release is open to all, and which its operator's commands find."""
    patch.setattr(keys, "_now", lambda: company.now)
    patch.setattr(keys, "read_book", lambda _settings: company.log.book)
    patch.setenv("FLEETLOOP_KEYS_DIR", str(company.keys_dir))
    patch.setenv("FLEETLOOP_OBJECTS_URL", (company.folder / "objects").as_uri())
    company.propose("r1", counter=1)
    company.log.must("r1", ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
    company.log.must("r1", ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
    company.issue()
    return company


def do(*words: str, code: int = 0) -> str:
    """A `fleetloop keys` command; what it says."""
    done = CliRunner().invoke(command_for(["keys"]), ["keys", *words])
    assert done.exit_code == code, done.output
    return done.output


def sign(company: Company, people: str, folder: Path | None = None) -> None:
    """Have people sign by the command what awaits them."""
    where = str(folder or company.people.ceremony.folder)
    for letter in people:
        mine = company.folder / "offline" / f"holder-{letter}"
        do("sign", where, "--as", f"holder-{letter}", "--keys", str(mine))


def ceremony(company: Company, *words: str, people: str = "ab") -> None:
    """Lay out, let people sign, publish; the online host then does its round."""
    folder = str(company.people.ceremony.folder)
    do(words[0], folder, *words[1:])
    sign(company, people)
    do("publish", folder)
    company.issue()


def refused(car: Car, release_id: str = "r1") -> RefusedError:
    """Why a device refuses a release."""
    with pytest.raises(RefusedError) as why:
        car.verify(release_id)
    return why.value
