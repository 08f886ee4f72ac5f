"""The update client itself: what it notes and acknowledges is a claim that holds."""

from producers.device.evidence.chain import read
from producers.device.evidence.claim import Claim, Standing
from producers.device.evidence.judging import judge
from producers.device.evidence.log import EvidenceLog
from producers.device.evidence.published import Published
from producers.device.trust.limits import DIRECTOR, IMAGES
from producers.device.trust.predicate import Identity
from schemas.facts import Fact
from schemas.records import OtaAck
from schemas.strata import StratumStatus
from schemas.stratum_view import StratumView
from tests.power import Disk
from tests.updating_device import DEVICE, NOW_US, R2, Boot, Repositories, install


def test_a_device_that_updates_itself_proves_what_it_did() -> None:
    disk, sites = Disk(), Repositories()
    sites.trusted(disk)
    sent: list[OtaAck] = []
    for name in ("r1", "r2"):
        boot = Boot(disk, sites, sent, NOW_US)
        boot.start()
        boot.run(install(name), 10)
    acks = [
        Fact(topic="ota-acks", partition=0, offset=at, stamp_us=NOW_US + at, record=ack)
        for at, ack in enumerate(sent)
        if ack.release_id == "r2"
    ]
    opened = StratumView(status=StratumStatus.OPEN, since_us=NOW_US, openings=((NOW_US, 1.0),))
    claim = Claim(
        release_id="r2",
        digest=R2.digest,
        salt="salt",
        device=Identity(ecu=DEVICE, hardware="HW4"),
        stratum=opened,
        acks=acks,
        chain=read(EvidenceLog(disk).data()),
    )
    director, images = Published(sites.director, DIRECTOR), Published(sites.images, IMAGES)
    found = judge(claim, director, images)
    assert [one.standing for one in found] == [Standing.PROVED] * 5 + [Standing.CLAIMED], found
    assert "COMMITTED" in found[-1].why
