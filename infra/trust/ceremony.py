"""A ceremony: files that await the signatures of several people, in a folder that travels.

The folder has `director/` and `images/`, each with every Root and the Targets that people sign, by
version. People sign one after the other, or each a copy that is merged; nothing private is ever in
it. A file is complete when devices would believe it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Root

from infra.sealed_key import write_private
from infra.trust.shelf import Shelf
from infra.trust.signed_file import (
    REPOSITORIES,
    believed,
    holder,
    missing,
    signed_by,
    verified,
    with_signature,
    with_signatures_of,
)
from producers.device.trust.documents import Document
from producers.device.trust.refusal import RefusedError

SIGNED: Final = {"director": ("root",), "images": ("root", "targets")}


class CeremonyError(ValueError):
    """The ceremony cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Paper:
    """One file of a ceremony.

    Attributes:
        repository: director or images.
        document: The file, of the right shape; nothing else is promised.
        roots: The Roots that must vouch for it; a Root needs itself and the one before.
    """

    repository: str
    document: Document[Any]
    roots: Sequence[Root]

    @property
    def name(self) -> str:
        """Where it stands in the folder."""
        return f"{self.repository}/{self.document.version}.{self.document.role}.json"

    @property
    def complete(self) -> bool:
        """Whether enough have signed."""
        return all(signed >= threshold for threshold, signed, _ in self.missing())

    def missing(self) -> Sequence[tuple[int, int, list[str]]]:
        """As `signed_file.missing`."""
        return missing(self.document, self.roots)


class Ceremony:
    """The folder of a ceremony."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def papers(self, repository: str, role: str) -> list[Paper]:
        """Files of a role, the oldest first.

        Raises:
            CeremonyError: One of them is not metadata, or a Root is missing.
        """
        found = []
        for version in self._versions(repository, role):
            path = self._path(repository, role, version)
            found.append(self._paper(repository, role, path.read_bytes(), str(path)))
        return found

    def root(self, repository: str) -> Paper:
        """The newest Root. Raises CeremonyError: There is none."""
        if not (roots := self.papers(repository, "root")):
            raise CeremonyError(f"{self.folder}: no Root of {repository}; run: fleetloop keys init")
        return roots[-1]

    def all(self) -> list[Paper]:
        """Every file. Raises CeremonyError: As `papers`."""
        return [
            paper
            for repository in REPOSITORIES
            for role in SIGNED[repository]
            for paper in self.papers(repository, role)
        ]

    def open(self) -> list[Paper]:
        """What still awaits signatures; of the Targets only the newest can count again."""
        return [
            paper
            for repository in REPOSITORIES
            for role in SIGNED[repository]
            for paper in self._counting(repository, role)
            if not paper.complete
        ]

    def add(self, repository: str, signed: Any) -> Paper:
        """Lay a file out for signing.

        Raises:
            CeremonyError: Another stands in its place.
        """
        path = self._path(repository, signed.type, signed.version)
        if path.exists():
            raise CeremonyError(f"{path}: is there already; finish or remove it first")
        write_private(path, signed_by(signed, []))
        return self._paper(repository, signed.type, path.read_bytes(), str(path))

    def sign(self, name: str, key: Ed25519PrivateKey) -> list[Paper]:
        """Add a person's signature to every file that awaits it.

        Args:
            name: Whose key it is, as the Roots have it.
            key: It.

        Returns:
            The files signed, as they are now.
        """
        public, done = key.public_key().public_bytes_raw().hex(), []
        for paper in self.open():
            if not _wants(paper, name, public):
                continue
            data = with_signature(paper.document.data, key)
            path = self.folder / paper.name
            write_private(path, data)
            done.append(self._paper(paper.repository, paper.document.role, data, str(path)))
        return done

    def merge(self, other: "Ceremony") -> None:
        """Take files and signatures from a copy.

        Raises:
            CeremonyError: A copy says something else.
        """
        for paper in other.all():
            path = self.folder / paper.name
            mine = path.read_bytes() if path.exists() else paper.document.data
            try:
                write_private(path, with_signatures_of(mine, paper.document.data))
            except ValueError as error:
                raise CeremonyError(f"{path} and {other.folder / paper.name}: {error}") from error

    def publish(self, repository: str, shelf: Shelf) -> list[str]:
        """Store what is complete and not there yet: Roots first, one version at a time.

        A Root waits for the Targets that its holders must sign: with one and without the other
        no device could verify anything. What stands in a file's place and convinces no device,
        rubbish or of keys that are gone, is written over.

        Raises:
            CeremonyError: The store has another file of the same version that devices believe.
            ObjectExistsError: Somebody publishes at the same time.
            OSError: The store does not take it.
        """
        done = []
        settled = all(paper.complete for paper in self._counting(repository, "targets"))
        for role in SIGNED[repository]:
            for paper in self._counting(repository, role):
                there = shelf.read(f"{paper.document.version}.{role}.json")
                if there is not None and _is_published(paper, there):
                    continue
                if not (paper.complete and settled):
                    break
                verified(paper.document.data, role, repository, paper.roots)
                store = shelf.put if there is None else shelf.replace
                store(role, paper.document.version, paper.document.data)
                done.append(paper.name)
        return done

    def _counting(self, repository: str, role: str) -> list[Paper]:
        """Files that can count: every Root, since devices walk them, and the newest Targets."""
        papers = self.papers(repository, role)
        return papers if role == "root" else papers[-1:]

    def _paper(self, repository: str, role: str, data: bytes, where: str) -> Paper:
        try:
            document = verified(data, role, repository, [])
        except RefusedError as error:
            raise CeremonyError(f"{where}: {error}") from error
        if role != "root":
            return Paper(repository, document, [self.root(repository).document.signed])
        roots = [document.signed]
        if document.version > 1:
            before = self._path(repository, "root", document.version - 1)
            if not before.exists():
                raise CeremonyError(f"{before}: missing; a Root is judged by the one before it")
            roots.append(verified(before.read_bytes(), "root", repository, []).signed)
        return Paper(repository, document, roots)

    def _versions(self, repository: str, role: str) -> list[int]:
        paths = (self.folder / repository).glob(f"*.{role}.json")
        numbers = (path.name.split(".", 1)[0] for path in paths)
        return sorted(int(number) for number in numbers if number.isdecimal())

    def _path(self, repository: str, role: str, version: int) -> Path:
        return self.folder / repository / f"{version}.{role}.json"


def _wants(paper: Paper, name: str, public: str) -> bool:
    return any(
        holder(root.keys[key_id]) == name and root.keys[key_id].keyval["public"] == public
        for root in paper.roots
        for key_id in root.roles[paper.document.role].keyids
    )


def _is_published(paper: Paper, there: bytes) -> bool:
    """Whether the store has a file as devices believe it.

    Raises:
        CeremonyError: It has another one in its place, and devices believe that.
    """
    document, before = paper.document, paper.roots[-1]
    try:
        found = verified(there, document.role, paper.repository, [])
    except RefusedError:
        return False
    if found.payload == document.payload:
        return all(signed >= threshold for threshold, signed, _ in missing(found, paper.roots))
    first = before is document.signed
    if first or believed(there, document.role, paper.repository, before) is not None:
        raise CeremonyError(
            f"{paper.name}: the store has another file of this version that devices believe; find "
            "out who signed it: keys are stolen, or there are two ceremonies; see docs/security.md"
        )
    return False
