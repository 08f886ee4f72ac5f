"""`fleetloop device run` on a real broker: a process of its own takes what a company issued."""

import json
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from infra import sealed_key
from infra.cli.output import Exit
from infra.kafka.admin import Admin
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import KEYRING as KEYRING_FILE
from infra.settings import KafkaSettings
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from producers.device.client.attempt import Phase
from producers.device.client.files import FolderFiles
from producers.device.client.layout import DOWNLOADS, STATE, TRUST, slot_file
from producers.device.flash import Flash
from producers.device.flash_json import from_json
from producers.device.trust.places import METADATA
from producers.device.trust.state import TrustState
from schemas.codec import Codec
from schemas.known_inputs import KnownInputs, known_name, to_json
from schemas.records import AckState as A
from schemas.records import OtaAck, ReleaseKind
from schemas.registry import FileRegistry
from schemas.topics import MODEL_RELEASES, OTA_ACKS
from tests import known
from tests.command_line import fleetloop
from tests.rollout_log import KEYRING
from tests.trust_company import HARDWARE, Company
from tests.unit.producers.device import kit
from tests.waiting import until

pytestmark = pytest.mark.engine

CODEC: Final = Codec(FileRegistry())
DEVICE: Final = "hw4-00000"
SCENARIO: Final = {
    "name": "one-device",
    "seed": 3,
    "devices": {HARDWARE: 1},
    "regions": {"city": 1},
    "weather": {"city": {"CLEAR": 1}},
    "drive": {"frames_per_second": 8},
    "updates": {
        "download_s": 0.1,
        "install_s": 0.1,
        "boot_s": 0.1,
        "health_s": 2,
        "retry_s": 1,
        "defer_s": 0.2,
    },
    "households": {"asks": 1.0, "answer_s": 0.5},
}
LARGE: Final = random.Random(8).randbytes(400_000).hex()
BODIES: Final = {
    "r1": kit.tiny_model(tag="r1"),
    "r2": kit.tiny_model(tag=LARGE),
    "r3": kit.tiny_model(tag="r3"),
}
SLOW: Final = ("--bytes-per-s", "20000")
"""The second part of r2's patch comes seven seconds after its first."""

STEPS: Final = [
    A.OFFERED,
    A.DEFERRED,
    A.ACCEPTED,
    A.DOWNLOADED,
    A.VERIFIED,
    A.INSTALLED,
    A.TRIAL_BOOT,
    A.COMMITTED,
]


class Garage:
    """A company with its log on a broker, and the folder and the process of one device."""

    def __init__(self, kafka: KafkaSettings, folder: Path) -> None:
        self._kafka, self._folder = kafka, folder
        self.company = Company(folder / "company", datetime.now(UTC).replace(microsecond=0))
        self.files = FolderFiles(folder / DEVICE)
        self.trust = TrustState(self.files, TRUST)
        self.company.provision(TrustState(FolderFiles(folder / "factory")))
        (folder / "scenario.yaml").write_text(yaml.safe_dump(SCENARIO))
        ring = {
            name: {"key": one.key.hex(), "roles": [role.value for role in one.roles]}
            for name, one in KEYRING.keys.items()
        }
        (self.company.keys_dir / KEYRING_FILE).write_text(yaml.safe_dump(ring))
        self._told = 0
        self._running: subprocess.Popen[bytes] | None = None
        self._heard = Follower(kafka, CODEC, [OTA_ACKS])
        self._acks: dict[str, OtaAck] = {}

    def close(self) -> None:
        self.end()
        self._heard.close()

    def environment(self) -> dict[str, str]:
        return {
            "FLEETLOOP_KAFKA__BOOTSTRAP": self._kafka.bootstrap,
            "FLEETLOOP_KAFKA__MEMORY_ONLY": str(self._kafka.memory_only),
            "FLEETLOOP_OBJECTS_URL": (self._folder / "company/objects").as_uri(),
            "FLEETLOOP_KEYS_DIR": str(self.company.keys_dir),
        }

    # The company

    def open(self, release_id: str, counter: int, parent: str | None = None) -> None:
        body = BODIES[release_id]
        self.company.propose(
            release_id,
            body=body,
            counter=counter,
            parent_release_id=parent,
            strata=(HARDWARE,),
            deadline_us={HARDWARE: 50_000},
        )
        self.company.log.must(release_id, ReleaseKind.VERIFIED, ReleaseKind.APPROVED)
        self.company.log.must(release_id, ReleaseKind.WAVE_OPENED, wave=0, share=1.0)
        self._publish()

    def leave_known(self, release_id: str, inputs: KnownInputs) -> None:
        """The trainer leaves known inputs for a release's model."""
        name = known_name(kit.sha(BODIES[release_id]))
        self.company.objects.put_named(name, to_json(inputs))

    def order_back(self, release_id: str, to: str) -> None:
        self.company.log.must(
            release_id,
            ReleaseKind.ROLLBACK_ORDERED,
            stratum=HARDWARE,
            rollback_to_release_id=to,
            rollback_to_digest=kit.sha(BODIES[to]),
        )
        self._publish()

    def _publish(self) -> None:
        self.company.issue()
        with Publisher(self._kafka, CODEC, "test") as publisher:
            for record, _ in self.company.log.records[self._told :]:
                publisher.publish(MODEL_RELEASES, record)
            publisher.flush()
        self._told = len(self.company.log.records)

    # The device

    def start(self, *words: str) -> None:
        command = [sys.executable, "-m", "infra.cli.main", "device", "run", "--device", DEVICE]
        where = ["--state", str(self.files.root)]
        where += ["--scenario", str(self._folder / "scenario.yaml")]
        where += ["--sensors", str(self._folder / "sys")]
        with (self._folder / "said").open("ab") as said:
            self._running = subprocess.Popen([*command, *where, *words], stderr=said)

    def heat(self, milli_c: int) -> None:
        """What the machine's thermometer shows."""
        zone = self._folder / "sys/class/thermal/thermal_zone0"
        zone.mkdir(parents=True, exist_ok=True)
        (zone / "temp").write_text(f"{milli_c}\n")

    def say(self, command: str, *words: str) -> None:
        """The owner answers."""
        done = fleetloop("device", command, "--state", str(self.files.root), *words)
        assert done.exit_code == Exit.OK, done.output

    def end(self, number: signal.Signals = signal.SIGKILL) -> int | None:
        if self._running is None:
            return None
        self._running.send_signal(number)
        return self._running.wait(60)

    def kept(self) -> Flash:
        body = self.files.read(STATE)
        return Flash(0, 0) if body is None else from_json(body)[DEVICE]

    def phase(self) -> Phase | None:
        attempt = self.kept().attempt
        return None if attempt is None else attempt.phase

    def runs(self) -> str | None:
        """Digest of what is in the slot that runs for good."""
        slots = self.kept().slots
        body = self.files.read(slot_file(slots.active))
        return None if body is None or slots.trial else kit.sha(body)

    def wait(self, condition: Callable[[], bool], what: str) -> None:
        try:
            until(condition, what, 60)
        except AssertionError as error:
            said = (self._folder / "said").read_text()[-3000:]
            raise AssertionError(f"{error}; it said: {said}") from None

    def acks(self, release_id: str) -> list[OtaAck]:
        """What the log has about a release, each event once, in its order."""
        for fact in self._heard.catch_up():
            self._acks.setdefault(fact.record.event_id, fact.record)
        return [ack for ack in self._acks.values() if ack.release_id == release_id]

    def wait_for(self, release_id: str, state: A, reason: str = "") -> OtaAck:
        """The last ack about a release, once it is this one."""

        def is_last() -> bool:
            last = self.acks(release_id)[-1:]
            return [(ack.state, ack.reason_code) for ack in last] == [(state, reason)]

        self.wait(is_last, f"{release_id} {state} {reason}")
        return self.acks(release_id)[-1]

    def proved(self, release_id: str) -> list[str]:
        """What `releases verify` says of each part of the device's claim."""
        objects = self._folder / "company/objects"
        shown = {
            "evidence": self.files.root,
            "director": objects / METADATA["director"],
            "images": objects / METADATA["images"],
            "roots": self._folder / "factory",
        }
        words = [word for name, path in shown.items() for word in (f"--{name}", str(path))]
        done = fleetloop("releases", "verify", release_id, "--device", DEVICE, *words, "-o", "json")
        assert done.exit_code == Exit.OK, done.output
        rows: list[Any] = json.loads(done.stdout)
        return [row["standing"] for row in rows]


@pytest.fixture
def garage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Garage]:
    monkeypatch.setattr(sealed_key, "COST", 2)
    with Supervisor(tmp_path / "logs") as supervised:
        broker = TansuBroker(supervised)
        broker.start()
        apply_all(Admin(broker.settings))
        made = Garage(broker.settings, tmp_path)
        for name, value in made.environment().items():
            monkeypatch.setenv(name, value)
        try:
            yield made
        finally:
            made.close()


def test_a_device_killed_in_download_and_in_health_commits_and_takes_both_ways_back(
    garage: Garage,
) -> None:
    r1, r2, r3 = (kit.sha(BODIES[name]) for name in ("r1", "r2", "r3"))
    garage.start(*SLOW)
    garage.open("r1", 1)
    assert garage.wait_for("r1", A.COMMITTED).model_digest == r1
    garage.company.log.must("r1", ReleaseKind.COMPLETED)

    garage.open("r2", 2, parent="r1")
    garage.wait(lambda: garage.files.names(DOWNLOADS) != [], "a part of r2")
    garage.end()
    assert (garage.phase(), garage.runs()) == (Phase.DOWNLOAD, r1)
    garage.start()
    garage.wait(lambda: garage.phase() is Phase.HEALTH, "r2 on trial")
    garage.end()
    assert garage.kept().slots.trial
    garage.start()
    committed = garage.wait_for("r2", A.COMMITTED)
    assert (committed.model_digest, garage.runs()) == (r2, r2)
    steps = [state for state, _ in groupby(ack.state for ack in garage.acks("r2"))]
    assert steps == STEPS
    assert {ack.attempt for ack in garage.acks("r2")} == {1}
    assert garage.proved("r2") == ["proved"] * 5 + ["claimed"]

    garage.order_back("r2", to="r1")  # the other slot still has it
    assert garage.wait_for("r2", A.REVERTED, "ROLLBACK_ORDERED").model_digest == r1
    assert (garage.runs(), garage.trust.counter) == (r1, 4)

    garage.open("r3", 3, parent="r1")
    assert garage.wait_for("r3", A.COMMITTED).model_digest == r3
    garage.files.remove(slot_file(garage.kept().slots.other))
    garage.order_back("r3", to="r1")  # it has to be fetched, under the counter of the way back
    assert garage.wait_for("r3", A.REVERTED, "ROLLBACK_ORDERED").model_digest == r1
    assert garage.wait_for("r1", A.COMMITTED).attempt == 2
    assert (garage.runs(), garage.trust.counter) == (r1, 7)
    assert garage.proved("r1") == ["proved"] * 5 + ["claimed"]
    assert garage.end(signal.SIGTERM) == 0


def test_a_model_that_answers_otherwise_than_was_signed_is_left_before_it_drives(
    garage: Garage,
) -> None:
    garage.leave_known("r1", known.inputs())
    garage.leave_known("r3", known.inputs(("yield", "no entry", "stop")))
    garage.start()
    garage.open("r1", 1)
    garage.wait_for("r1", A.COMMITTED)
    garage.company.log.must("r1", ReleaseKind.COMPLETED)
    garage.open("r3", 2, parent="r1")
    assert garage.wait_for("r3", A.REVERTED, "WRONG_ANSWER").model_digest == kit.sha(BODIES["r1"])
    assert A.TRIAL_BOOT not in [ack.state for ack in garage.acks("r3")]
    assert garage.runs() == kit.sha(BODIES["r1"])
    assert garage.end(signal.SIGTERM) == 0


def test_a_hot_machine_and_its_owner_are_waited_for(garage: Garage) -> None:
    garage.heat(90_000)
    garage.start("--asks")
    garage.open("r1", 1)
    garage.wait_for("r1", A.DEFERRED, "TOO_HOT")
    garage.heat(30_000)
    garage.wait_for("r1", A.DEFERRED, "NO_CONSENT")
    garage.say("postpone", "--hours", "20")
    garage.wait_for("r1", A.DEFERRED, "POSTPONED")
    garage.end()
    garage.start("--asks")
    garage.say("consent")
    assert garage.wait_for("r1", A.COMMITTED).attempt == 1
    assert garage.end(signal.SIGTERM) == 0
