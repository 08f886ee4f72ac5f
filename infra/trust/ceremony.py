"""Ceremonies: a draft of metadata, signed by one person after another up to the threshold."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from securesystemslib.signer import CryptoSigner, Key
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Role, Root, TargetFile, Targets

from infra.trust.roles import LIFE, ROLES


class CeremonyError(ValueError):
    """A ceremony cannot go on; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Missing:
    """How many more signatures a draft needs, and of whose roles."""

    role: str
    have: int
    threshold: int


def first_root(
    keys: Mapping[str, Iterable[Key]], thresholds: Mapping[str, int], now: datetime
) -> Metadata[Root]:
    """Version 1 of a Root, unsigned.

    Args:
        keys: By role; a key may stand in several.
        thresholds: By role; 1 where a role is not named.
        now: UTC.
    """
    every = {key.keyid: key for members in keys.values() for key in members}
    roles = {
        role: Role([key.keyid for key in keys[role]], thresholds.get(role, 1)) for role in ROLES
    }
    content = Root(version=1, expires=_expiry(now, Root.type), keys=every, roles=roles)
    content.consistent_snapshot = True
    return Metadata(content)


def next_root(
    root: Root, *, out: Iterable[tuple[str, str]], into: Iterable[tuple[str, Key]], now: datetime
) -> Metadata[Root]:
    """The Root after this one, unsigned: keys taken out of roles and put into roles.

    Args:
        root: The newest Root.
        out: Key ids with the role they leave.
        into: Keys with the role they enter.
        now: UTC.

    Raises:
        CeremonyError: A key is not in the role, or a role would have fewer keys than its threshold.
    """
    new = Root.from_dict(root.to_dict())
    new.version += 1
    new.expires = _expiry(now, Root.type)
    for role, key in into:
        new.add_key(key, role)
    for key_id, role in out:
        if key_id not in new.roles[role].keyids:
            raise CeremonyError(f"key {key_id[:16]} is not in the role {role}; see: keys list")
        new.revoke_key(key_id, role)
    for role, entry in new.roles.items():
        if len(entry.keyids) < entry.threshold:
            raise CeremonyError(
                f"{role} would have {len(entry.keyids)} keys for a threshold of {entry.threshold}; "
                "give the key that takes its place"
            )
    return Metadata(new)


def next_targets(
    newest: Targets | None, added: Mapping[str, TargetFile], now: datetime
) -> Metadata[Targets]:
    """The image repository's next Targets, unsigned: what there was, and what a release adds.

    Raises:
        CeremonyError: A path is there already with other bytes: an image is never replaced.
    """
    known = dict(newest.targets) if newest is not None else {}
    for path, target in added.items():
        if path in known and known[path] != target:
            raise CeremonyError(f"{path} is there already and differs; an image is never replaced")
    version = 1 if newest is None else newest.version + 1
    content = Targets(version, expires=_expiry(now, Targets.type), targets={**known, **added})
    return Metadata(content)


def missing(draft: Metadata[Any], root: Root | None) -> list[Missing]:
    """What a draft still needs; nothing: it may be published.

    Args:
        draft: Root or Targets, with the signatures so far.
        root: The newest published Root; None: the draft is the first.
    """
    role = draft.signed.type
    judges = [root] if root is not None else []
    if role == Root.type:
        judges.append(draft.signed)  # a new Root needs the old threshold and its own
    found = []
    for judge in judges:
        result = judge.get_verification_result(role, draft.signed_bytes, draft.signatures)
        if not result.verified:
            found.append(Missing(role, len(result.signed), judge.roles[role].threshold))
    return found


def sign(draft: Metadata[Any], signer: CryptoSigner, root: Root | None) -> None:
    """Add one person's signature; a second one by the same key changes nothing.

    Raises:
        CeremonyError: The key has no say over the draft.
    """
    role, key_id = draft.signed.type, signer.public_key.keyid
    judges = [one for one in (root, draft.signed if role == Root.type else None) if one is not None]
    if not any(key_id in judge.roles[role].keyids for judge in judges):
        raise CeremonyError(
            f"key {key_id[:16]} has no say over {role}; of those that have: "
            + ", ".join(sorted(one[:16] for judge in judges for one in judge.roles[role].keyids))
        )
    try:
        draft.sign(signer, append=True)
    except UnsignedMetadataError as error:
        raise CeremonyError(f"{role}: {error}") from error


def _expiry(now: datetime, role: str) -> datetime:
    return now.replace(microsecond=0) + LIFE[role]
