"""What assembly needs of the world: the log by ranges, pictures, and where datasets stand."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from schemas.manifests import Manifest
from schemas.question_sheets import Question, QuestionSheet
from schemas.records import DatasetManifest, DeadLetter, OffsetRange, Trigger
from streams.dataset.answers import Answer, Refused
from streams.dataset.candidates import Sighting, Sightings
from streams.dataset.sift import Continued


@dataclass(frozen=True, slots=True)
class Seen:
    """What the device made of an encounter: told to the person who is asked about it.

    Attributes:
        top1: Class by its index in the model's outputs.
    """

    trigger: Trigger
    top1: int
    confidence: float
    release_id: str | None
    model_digest: str | None


class LogReader(Protocol):
    """Exact stretches of the log, read without a consumer group."""

    def held(self, topic: str) -> Sequence[OffsetRange]:
        """All that the log holds now: one range for each partition, empty ones included."""

    def sightings(self, ranges: Sequence[OffsetRange]) -> Iterator[Sightings]:
        """The valid edge cases of the ranges, in their order, in blocks of any size."""

    def seen(self, sightings: Sequence[Sighting]) -> Mapping[str, Seen]:
        """What devices made of some of them, by event id."""

    def answers(self, ranges: Sequence[OffsetRange]) -> Sequence[Answer]:
        """The valid label reviews in the ranges."""

    def letters(self, refused: Sequence[Refused]) -> Sequence[DeadLetter]:
        """Dead letters of reviews that mean what cannot be, byte for byte."""


class Unreadable(StrEnum):
    """Why frames that were labelled cannot be learnt from."""

    MISSING = "PICTURE_MISSING"
    CORRUPT = "PICTURE_CORRUPT"


class Gallery(Protocol):
    """Where the frames of encounters are."""

    def fingerprint(self, question: Question) -> bytes | Unreadable:
        """Of the nearest frame of an encounter of a known medium."""


class Shelf(Protocol):
    """Where datasets stand."""

    def manifest(self, dataset: DatasetManifest) -> Manifest:
        """The manifest of an assembled dataset."""

    def continued(self, dataset: DatasetManifest) -> Continued:
        """What the successor of an assembled dataset goes by."""

    def store(self, manifest: Manifest) -> tuple[str, str]:
        """Keep a manifest; its address and digest."""

    def questions(self, dataset: DatasetManifest) -> QuestionSheet:
        """All questions of the line up to an assembled dataset; none of one from before them."""

    def store_questions(self, sheet: QuestionSheet) -> tuple[str, str]:
        """Keep them; their address and digest."""
