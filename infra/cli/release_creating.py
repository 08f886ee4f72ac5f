"""A proposal as a person writes it: a YAML or JSON file beside the model it speaks of."""

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Final

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from infra.objects import ObjectStore
from producers.bundles import MODEL, BundleError, members_of, packed
from producers.model.form import BUNDLE
from producers.proposing import store_model
from producers.releases import DEFAULT_PRECONDITIONS, current_parent, next_counter, propose
from schemas.catalogue import CATALOGUE
from schemas.decisions import ReleaseBook, ReleaseView
from schemas.errors import RecordError
from schemas.records import Artifact, DeviceClass, ModelRelease
from schemas.signing import Signer
from schemas.tasks import ROAD_SIGNS, TASKS
from schemas.topics import MODEL_RELEASES
from schemas.validation import check
from streams.rollout.verification import faults

_STRICT: Final = ConfigDict(extra="forbid", frozen=True)


class ProposalError(ValueError):
    """The proposal cannot be made; the message names file, key and rule."""


class Conditions(BaseModel):
    """What must hold on a device before it installs."""

    model_config = _STRICT

    parked: bool = DEFAULT_PRECONDITIONS.parked
    min_state_of_charge: Annotated[float, Field(ge=0, le=1)] = (
        DEFAULT_PRECONDITIONS.min_state_of_charge
    )
    network: str = DEFAULT_PRECONDITIONS.network


def _known_task(name: str) -> str:
    if name not in TASKS:
        raise ValueError(f"none of {', '.join(TASKS)}")
    return name


class ProposalFile(BaseModel):
    """What a person says of a new release.

    Attributes:
        model: The model file; a relative path is meant from the proposal's folder.
        members: Files of a bundle beside the model, by name; a vehicle has all or none. One that
            the parent has must be named again: null leaves it out.
        task: What it recognises.
        deadline_us: By hardware generation; of those left out, the catalogue's.
        parent_release_id: What devices go back to; left out: the newest that is completed.
    """

    model_config = _STRICT

    release_id: str = Field(min_length=1, max_length=200)
    purpose: str = Field(min_length=1, max_length=1_000)
    model: Path
    members: dict[str, Path | None] = {}
    task: Annotated[str, AfterValidator(_known_task)] = ROAD_SIGNS.name
    strata: tuple[str, ...] = Field(min_length=1)
    device_class: DeviceClass = DeviceClass.VEHICLE
    deadline_us: dict[str, int] = {}
    parent_release_id: str | None = None
    preconditions: Conditions = Conditions()
    affected_functions: tuple[str, ...] = ()
    safety_relevant: bool = False
    recall_id: str | None = None
    dataset_id: str | None = None
    metrics: dict[str, float] = {}


def load_proposal(path: Path) -> ProposalFile:
    """Read a proposal file.

    Raises:
        ProposalError: It cannot be read, or a key or value is wrong.
    """
    try:
        told = yaml.safe_load(path.read_text("utf-8"))
        return ProposalFile.model_validate(told)
    except OSError as error:
        raise ProposalError(f"proposal {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProposalError(f"proposal {path}: neither YAML nor JSON: {error}") from error
    except ValidationError as error:
        rules = (
            f"{'.'.join(map(str, one['loc'])) or 'file'}: {one['msg']}" for one in error.errors()
        )
        raise ProposalError(f"proposal {path}: {'; '.join(rules)}") from error


def proposed(
    file: Path, signer: Signer, book: ReleaseBook, objects: ObjectStore
) -> tuple[ModelRelease, list[str]]:
    """The signed proposal of a file, its model stored, and the rules that the gate would miss.

    Raises:
        ProposalError: The file or its model cannot be used, or the release was proposed before.
    """
    told = load_proposal(file)
    if told.release_id in book.releases:
        raise ProposalError(f"release {told.release_id} was proposed before; name another")
    now_us = time.time_ns() // 1_000
    known = {name: CATALOGUE.hardware[name].deadline_us for name in told.strata if _known(name)}
    parent = told.parent_release_id or current_parent(book, told.device_class)
    record = propose(
        signer,
        release_id=told.release_id,
        device_class=told.device_class,
        artifact=_stored(file, told, objects, book.releases.get(parent or "")),
        parent_release_id=parent,
        counter=next_counter(book, told.device_class),
        strata=told.strata,
        deadline_us={**known, **told.deadline_us},
        decided_ts=now_us,
        purpose=told.purpose,
        preconditions=dataclasses.replace(DEFAULT_PRECONDITIONS, **told.preconditions.model_dump()),
        affected_functions=told.affected_functions,
        safety_relevant=told.safety_relevant,
        recall_id=told.recall_id,
        dataset_id=told.dataset_id,
        metrics=told.metrics,
    )
    try:
        check(MODEL_RELEASES, record, now_us)
    except RecordError as error:
        raise ProposalError(f"proposal {file}: {error}") from error
    return record, _faults(record, book, now_us)


def _faults(record: ModelRelease, book: ReleaseBook, now_us: int) -> list[str]:
    """What the gate would reject it for."""
    verdict = book.observe(record, offset=book.last_offset + 1, stamp_us=now_us)
    if not verdict.valid:
        return [verdict.why]
    return faults(book.releases[record.release_id], book, CATALOGUE.hardware)


def _known(stratum: str) -> bool:
    return stratum in CATALOGUE.hardware


def _stored(
    file: Path, told: ProposalFile, objects: ObjectStore, parent: ReleaseView | None
) -> Artifact:
    """Store the model, bundled with its members when there are some."""
    files = {name: _read(file, path) for name, path in told.members.items() if path is not None}
    try:
        files |= members_of(_read(file, told.model))
        missing = _members(parent, objects) - files.keys() - told.members.keys()
        if parent is not None and missing:
            raise ProposalError(
                f"proposal {file}: members: parent {parent.proposal.release_id} has "
                f"{', '.join(sorted(missing))}: name each file (what did not change costs no "
                "download), or null to leave it out"
            )
        body = packed(files) if len(files) > 1 else files[MODEL]
        return store_model(objects, body, TASKS[told.task].medium)
    except BundleError as error:
        raise ProposalError(f"proposal {file}: {error}") from error


def _members(parent: ReleaseView | None, objects: ObjectStore) -> set[str]:
    artifact = parent.proposal.artifact if parent is not None else None
    if artifact is None or artifact.format != BUNDLE:
        return set()
    return set(members_of(objects.get(artifact.uri, digest=artifact.digest)))


def _read(file: Path, path: Path) -> bytes:
    try:
        return (file.parent / path).read_bytes()
    except OSError as error:
        raise ProposalError(f"model {file.parent / path}: {error.strerror}") from error
