"""The trainer: every assembled dataset becomes one proposed release, however often it restarts."""

import logging
import time
from collections.abc import Sequence
from typing import Final

from infra.keys import load_keyring, load_signer
from infra.objects import ObjectCorruptError, ObjectMissingError, ObjectStore
from infra.settings import Settings, SettingsError
from producers.bundles import BundleError
from producers.camera.open import open_camera
from producers.offline_gate import WorseError
from producers.proposing import Desk, OtherTaskError, proposal
from producers.publishing import Publishing
from producers.scenario.file import load
from producers.serving import serve
from producers.training import DatasetError
from schemas.dataset_lines import LineBook
from schemas.decisions import ReleaseBook, Rule
from schemas.facts import Fact
from schemas.film_strips import StripError
from schemas.manifests import ManifestError
from schemas.records import (
    DatasetManifest,
    ManifestKind,
    ModelRelease,
    ReleaseKind,
)
from schemas.topics import DATASET_MANIFESTS, MODEL_RELEASES

log = logging.getLogger(__name__)

SIGNER: Final = "trainer"
_HELD_BACK_SEED: Final = 99
_HELD_BACK: Final = 400
_UNUSABLE: Final = (
    BundleError,
    DatasetError,
    ManifestError,
    StripError,
    WorseError,
    ObjectMissingError,
    ObjectCorruptError,
)


class TrainerError(RuntimeError):
    """The trainer's proposals do not count; the message says by which rule."""


class Trainer:
    """Trains on each assembled dataset that no release was proposed for, in log order.

    Args:
        book: Empty; it is fed with the releases on the log.

    Attributes:
        refused: Why a dataset cannot be trained on, by its id; a restart tries again.
    """

    def __init__(self, desk: Desk, book: ReleaseBook) -> None:
        self._desk = desk
        self._book = book
        self._lines = LineBook()
        self._waiting: dict[str, DatasetManifest] = {}
        self._sent: dict[str, str] = {}
        self.refused: dict[str, str] = {}

    def observe(self, facts: Sequence[Fact]) -> None:
        """Take dataset lines and releases in log order.

        Raises:
            TrainerError: A proposal of this trainer is void, and another try would be too.
        """
        for fact in facts:
            record = fact.record
            if isinstance(record, ModelRelease):
                self._read_back(record, fact)
            elif isinstance(record, DatasetManifest):
                self._take(record, fact.stamp_us)
        for view in self._book.releases.values():
            self._waiting.pop(view.proposal.dataset_id or "", None)

    def act(self, publisher: Publishing) -> None:
        """Train on the oldest waiting dataset and propose what came out.

        A dataset waits until a proposal from it is read back: the first on the log counts.
        """
        ready = [one for one in self._waiting.values() if one.dataset_id not in self._sent]
        if not ready:
            return
        dataset = ready[0]
        try:
            release = proposal(self._desk, self._book, dataset)
        except OtherTaskError as error:
            del self._waiting[dataset.dataset_id]
            log.info("left to another trainer: %s", error)
            return
        except _UNUSABLE as error:
            self.refused[dataset.dataset_id] = str(error)
            del self._waiting[dataset.dataset_id]
            log.error("no release from dataset %s: %s", dataset.dataset_id, error)  # noqa: TRY400 - the sentence says it all, a trace adds nothing
            return
        publisher.publish(MODEL_RELEASES, release)
        publisher.flush()
        self._sent[dataset.dataset_id] = release.event_id
        log.info("release %s proposed from %s", release.release_id, dataset.dataset_id)

    def _read_back(self, record: ModelRelease, fact: Fact) -> None:
        verdict = self._book.observe(record, offset=fact.offset, stamp_us=fact.stamp_us)
        mine = record.dataset_id or ""
        if record.kind is not ReleaseKind.PROPOSED or self._sent.get(mine) != record.event_id:
            return
        if verdict.valid or verdict.rule is Rule.SEQUENCE:
            # Another proposal had taken the release's name: with the next name it is tried again.
            del self._sent[mine]
            return
        raise TrainerError(
            f"release {record.release_id}: the proposal is void by the rule of {verdict.rule}: "
            f"{verdict.why}; see that the keyring gives {record.signer} the role of a trainer"
        )

    def _take(self, record: DatasetManifest, stamp_us: int) -> None:
        if self._lines.observe(record, stamp_us) and record.kind is ManifestKind.ASSEMBLED:
            self._waiting[record.dataset_id] = record


def run(settings: Settings) -> None:
    """Train until SIGTERM or SIGINT.

    Raises:
        SettingsError: No scenario file is set.
        ScenarioError, CameraError, KeysError: Scenario, camera or keys are not usable.
    """
    if settings.scenario_file is None:
        raise SettingsError("scenario_file: not set; the trainer must know whom releases are for")
    scenario = load(settings.scenario_file)
    camera = open_camera(scenario)
    desk = Desk(
        objects=ObjectStore(settings.objects_url),
        signer=load_signer(settings.keys_dir, SIGNER),
        device_class=scenario.device_class,
        strata=tuple(scenario.devices),
        task=camera.task,
        held_back=camera.held_back(_HELD_BACK_SEED, _HELD_BACK),
        now_us=lambda: time.time_ns() // 1_000,
    )
    trainer = Trainer(desk, ReleaseBook(load_keyring(settings.keys_dir)))
    serve(settings, "trainer", [DATASET_MANIFESTS, MODEL_RELEASES], trainer)
