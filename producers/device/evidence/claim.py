"""A device's claim about one release, and how much a part of it can be worth."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from producers.device.evidence.chain import Chain
from producers.device.evidence.entry import Entry, Kind
from producers.device.trust.predicate import Identity
from schemas.facts import Fact
from schemas.stratum_view import StratumView


class Standing(StrEnum):
    """How much a part of a claim is worth.

    Attributes:
        PROVED: Follows from signatures, or from the log, of which a device changes nothing.
        CLAIMED: The device says so, and nothing that is known speaks against it.
        NOT_SHOWN: Nothing was given to judge it by.
        CONTRADICTED: It cannot be so.
    """

    PROVED = "proved"
    CLAIMED = "claimed"
    NOT_SHOWN = "not shown"
    CONTRADICTED = "contradicted"


@dataclass(frozen=True, slots=True)
class Finding:
    """One part of a claim, how it stands, and by what."""

    part: str
    standing: Standing
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """All that is known of a device and a release.

    Attributes:
        release_id, digest, salt: The release, by the signed decisions: its model's SHA-256.
        device: The device.
        stratum: Where its stratum stands, by the signed decisions; None: the release is not for it.
        acks: Its acknowledgements about the release, in log order.
        chain: Its evidence; None: it showed none.
    """

    release_id: str
    digest: str
    salt: str
    device: Identity
    stratum: StratumView | None
    acks: Sequence[Fact]
    chain: Chain | None

    @property
    def verified(self) -> Entry | None:
        """Its last line about the metadata of this release."""
        entries = self.chain.entries if self.chain is not None else ()
        found = (
            one
            for one in reversed(entries)
            if one.kind is Kind.VERIFIED and one.facts.get("release_id") == self.release_id
        )
        return next(found, None)
