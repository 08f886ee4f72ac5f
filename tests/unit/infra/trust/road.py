"""A simulated fleet of a company: what its devices take, believe and say."""

from typing import Any, Final

from infra.trust.pinned import pinned_roots
from producers.device.client.fleet_trust import FleetTrust, Kept, from_json
from producers.device.trust.places import sources
from schemas.records import AckState as A
from schemas.records import ReleaseKind as K
from schemas.topics import OTA_ACKS
from tests.trust_company import Company
from tests.unit.producers.device import kit
from tests.unit.producers.device.fleet_kit import Stage

COUNTER: Final = "trust/release-counter.json"
ENDS: Final = (A.COMMITTED, A.REVERTED, A.INSTALL_FAILED, A.REJECTED)


class Road:
    """A fleet of a company: one log, one object store, and trust of its own in each device."""

    def __init__(
        self,
        company: Company,
        devices: int = 2,
        *,
        fleet: dict[str, int] | None = None,
        **stage: Any,
    ) -> None:
        """A fleet of so many HW3, or of so many by generation; `stage` as of `Stage`."""
        self.company = company
        self.trust = self.provisioned({})
        self.stage = Stage(belief=self.trust.belief, devices=fleet or {"HW3": devices}, **stage)
        company.log = self.stage.log

    def provisioned(self, kept: Kept) -> FleetTrust:
        roots = pinned_roots(self.company.keys_dir)
        assert roots is not None
        return FleetTrust(sources(self.company.objects), roots, kept)

    def restart(self, kept: Kept) -> None:
        """The process ends and begins again."""
        self.trust = self.provisioned(kept)
        self.stage.belief = self.trust.belief
        self.stage.start(self.stage.saved)

    def announce(self, name: str, bytes_of: str = "", **changes: Any) -> None:
        """Decisions that open a release to all; nothing is signed for devices yet.

        Its model is that of another release where that is named.
        """
        body = kit.tiny_model(tag=bytes_of or name)
        stored = self.company.objects.put(body, kind="models")
        self.stage.models[stored.uri] = body
        self.stage.release(name, body=body, artifact={"uri": stored.uri}, **changes)

    def vouch(self, name: str) -> None:
        """The ceremony, and what the online host makes of it."""
        company = self.company
        company.people.vouch(company.log.book, name, company.keys_dir, company.objects, company.now)
        company.issue()

    def take(self, name: str, parent: str | None) -> None:
        """A release that comes to all devices."""
        self.announce(name, parent_release_id=parent)
        self.vouch(name)
        self.stage.play(5.5)
        assert set(self.stage.running()) == {name}
        self.stage.log.must(name, K.COMPLETED)

    def order_back(self, name: str, to: str) -> None:
        """The order, and what the online host makes of it."""
        log = self.stage.log
        digest = log.book.releases[to].digest
        log.must(name, K.ROLLBACK_ORDERED, rollback_to_release_id=to, rollback_to_digest=digest)
        self.company.issue()

    def ends(self) -> list[tuple[str, A, str]]:
        acks = self.stage.outbox.on(OTA_ACKS)
        return [(one.release_id, one.state, one.reason_code) for one in acks if one.state in ENDS]

    def kept(self) -> Kept:
        return from_json(self.trust.to_json())

    def counters(self) -> set[bytes | None]:
        return {files.get(COUNTER) for files in self.kept().values()}
