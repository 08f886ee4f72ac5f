"""Keys and ceremonies as rows of a table."""

from collections.abc import Iterable, Mapping
from typing import Any

from infra.trust.ceremony import Paper
from infra.trust.key_folder import KeyFolder
from schemas.signing import PublicKey


def paper_rows(papers: Iterable[Paper]) -> list[dict[str, Any]]:
    """A row for each Root that must vouch for a file: who is missing, and when it expires."""
    rows = []
    for paper in papers:
        for root, (threshold, signed, absent) in zip(paper.roots, paper.missing(), strict=True):
            done = signed >= threshold
            rows.append(
                {
                    "file": paper.name,
                    "by_root": root.version,
                    "signed": f"{signed} of {threshold}",
                    "complete": done,
                    "may_sign": "" if done else ", ".join(absent),
                    "expires": paper.document.signed.expires.isoformat(),
                }
            )
    return rows


def key_rows(folder: KeyFolder, ring: Mapping[str, PublicKey]) -> list[dict[str, Any]]:
    """Signers of decisions by the keyring, and keys that lie here; nothing is opened."""
    here = set(folder.names())
    rows = []
    for name in sorted(here | ring.keys()):
        known = ring.get(name)
        public = known.key if known is not None else folder.public(name)
        rows.append(
            {
                "name": name,
                "roles": ", ".join(sorted(known.roles)) if known is not None else "metadata",
                "public": public.hex(),
                "private": "here, sealed" if name in here else "elsewhere",
                "revoked_at": known.revoked_at if known is not None else None,
            }
        )
    return rows
