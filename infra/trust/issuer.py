"""Issues the online roles of one repository: what is said changes, or would soon expire.

Targets first, then the Snapshot that names them, the Timestamp last: until it stands, a device sees
the repository as it was. So a run that is killed anywhere is finished by the next one, and a round
with nothing to do writes nothing.

A version is one above the highest that stood there when the round began, and is stored only where
nothing stands: of two hosts that issue at once by mistake one stores it, and the other begins its
round again on top of that. A host that has read less of the log than the newest Targets were made
of issues nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tuf.api.metadata import Root, Snapshot, TargetFile, Targets, Timestamp

from infra.objects import ObjectExistsError
from infra.trust.position import Position
from infra.trust.pruning import prune
from infra.trust.shelf import Shelf, listed
from infra.trust.signed_file import LIFE, expiry, holder, signed_by, verified
from producers.device.trust.documents import Document

Load = Callable[[str], Ed25519PrivateKey]


class IssueError(RuntimeError):
    """The repository cannot be issued; the message says what a person must do."""


@dataclass(frozen=True, slots=True)
class Order:
    """What the Director's Targets are to say.

    Attributes:
        targets: By path.
        position: How far the decisions were read that it is made of.
        adopt: Go on where the newest Targets were made of another log.
    """

    targets: Mapping[str, TargetFile]
    position: Position
    adopt: bool = False


class Issuer:
    """Issues for one repository.

    Args:
        shelf: Where it is published.
        trusted: The Root that this host trusts to begin with.
        load: Opens an online key by its holder's name; raises KeysError.
    """

    def __init__(self, shelf: Shelf, trusted: bytes, load: Load) -> None:
        self._shelf, self._trusted, self._load = shelf, trusted, load
        self._keys: dict[str, Ed25519PrivateKey] = {}

    def said(self) -> Mapping[str, TargetFile]:
        """What the newest Targets say, by path, as far as the Root's keys have signed them.

        Raises:
            RefusedError: A Root in the store is not signed by the one before.
        """
        root, versions = self._shelf.root(self._trusted).signed, self._shelf.versions()
        current = self._shelf.newest("targets", root, versions["targets"])
        return {} if current is None else current.signed.targets

    def issue(self, now: datetime, order: Order | None = None) -> Mapping[str, int]:
        """Bring the repository up to date.

        Args:
            now: UTC.
            order: What its Targets are to say; None: a ceremony signs them, they are only named.

        Returns:
            Version by role of what was issued; empty: nothing had to be.

        Raises:
            IssueError: Metadata that was issued is gone, or another host is ahead of this one.
            KeysError: A key is not this host's.
            RefusedError: A Root in the store is not signed by the one before.
            OSError: The store does not take it.
        """
        look = _Look(self._shelf, self._shelf.root(self._trusted).signed, now, self._key)
        targets = _vouched(look) if order is None else _ordered(look, order)
        _show(look, _named(look, targets))
        return look.issued

    def prune(self, now: datetime) -> int:
        """As `pruning.prune`, for this repository."""
        return prune(self._shelf, self._shelf.root(self._trusted).signed, now)

    def _key(self, root: Root, role: str) -> Ed25519PrivateKey:
        (key_id,) = root.roles[role].keyids
        if key_id not in self._keys:
            self._keys[key_id] = self._load(holder(root.keys[key_id]))
        return self._keys[key_id]


class _Look:
    """One round: what stood there when it began, and what it puts on top of that.

    Attributes:
        issued: Version by role of what it put there.
    """

    def __init__(
        self,
        shelf: Shelf,
        root: Root,
        now: datetime,
        key: Callable[[Root, str], Ed25519PrivateKey],
    ) -> None:
        self.shelf, self.now, self.issued = shelf, now, dict[str, int]()
        self._root, self._key, self._versions = root, key, shelf.versions()

    def newest(self, role: str) -> Document[Any] | None:
        """The newest file of a role that counts; None: there is none."""
        return self.shelf.newest(role, self._root, self._versions[role])

    def put(self, role: str, build: Callable[[int, datetime], Any]) -> Document[Any]:
        """Sign and store the next version.

        Raises:
            IssueError: Another host has.
        """
        version = 1 + max(self._versions[role], default=0)
        data = signed_by(build(version, expiry(role, self.now)), [self._key(self._root, role)])
        document = verified(data, role, self.shelf.repository, [self._root])
        try:
            self.shelf.put(role, version, data)
        except ObjectExistsError as error:
            raise IssueError(
                f"{self.shelf.repository}: {role} {version} was issued by another host while this "
                "one did; there should be one director: worker run director"
            ) from error
        self.issued[role] = version
        return document

    def fresh(self, document: Document[Any]) -> bool:
        """Whether more than half its life is left; the rest is for noticing that nothing renews."""
        left = document.signed.expires - self.now
        return bool(left > LIFE[document.role] / 2)


def _vouched(look: _Look) -> Document[Targets]:
    """The Targets that people have signed."""
    current = look.newest("targets")
    if current is None:
        raise IssueError(
            "the image repository has no Targets that its Root's holders have signed; "
            "sign and publish them: fleetloop keys sign, keys publish"
        )
    return current


def _ordered(look: _Look, order: Order) -> Document[Targets]:
    """The Targets that say what was decided."""
    current = look.newest("targets")
    if current is not None:
        _check_not_behind(current, order)
        if current.signed.targets == order.targets and look.fresh(current):
            return current

    def build(version: int, expires: datetime) -> Targets:
        said = order.position.fields()
        return Targets(version, None, expires, dict(order.targets), unrecognized_fields=said)

    return look.put("targets", build)


def _check_not_behind(current: Document[Targets], order: Order) -> None:
    was, position = Position.of(current.signed), order.position
    made = f"director: Targets {current.version} were made of"
    if was is None or (was.log != position.log and order.adopt):
        return
    if was.log != position.log:
        raise IssueError(
            f"{made} another log, {was.log}, and this one is {position.log}; if it was made anew: "
            "worker run director --adopt-new-topic"
        )
    if was.read_to > position.read_to:
        raise IssueError(
            f"{made} the log up to offset {was.read_to}, this host has read up to "
            f"{position.read_to}: another director is ahead of it, and one is enough"
        )


def _named(look: _Look, targets: Document[Targets]) -> Document[Snapshot]:
    """The Snapshot that names them."""
    current = look.newest("snapshot")
    meta = {"targets.json": listed(targets)}
    if current is not None:
        was = current.signed.meta["targets.json"]
        if was.version > targets.version:
            raise IssueError(
                f"{look.shelf.repository}: Snapshot {current.version} names Targets "
                f"{was.version}, the newest that verifies is {targets.version}; devices would "
                "refuse to go back: restore the object store, or sign Targets above it"
            )
        if current.signed.meta == meta and look.fresh(current):
            return current
    return look.put("snapshot", lambda version, expires: Snapshot(version, None, expires, meta))


def _show(look: _Look, snapshot: Document[Snapshot]) -> None:
    """Have devices see it, by a Timestamp that names it."""
    current, meta = look.newest("timestamp"), listed(snapshot)
    if current is None or current.signed.snapshot_meta != meta or not look.fresh(current):
        current = look.put(
            "timestamp", lambda version, expires: Timestamp(version, None, expires, meta)
        )
    if look.shelf.shown != current.data:
        look.shelf.show(current.data)
