"""Simulated people: each label request is answered once, with what the camera knows is true."""

import hashlib
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from infra.settings import Settings, SettingsError
from producers.camera.camera import Camera, CameraError
from producers.camera.draws import key
from producers.camera.open import open_camera
from producers.publishing import Publishing
from producers.scenario.file import load
from producers.serving import serve
from schemas.facts import Fact
from schemas.records import SKIP, LabelRequest, LabelReview
from schemas.topics import LABEL_REQUESTS, LABEL_REVIEWS

GUIDELINE: Final = "1"
MAX_ANSWERED: Final = 1_000_000
"""Answers remembered; label topics keep 30 days, and a line's budget is far below this."""


class ReviewerError(RuntimeError):
    """The reviewer cannot go on; the message names the limit."""


class Reviewer:
    """Knows what was asked and what was answered, by any run of it.

    The n-th answer to a question is given by the n-th person.

    Args:
        camera: Says the truth of an encounter.
        now_us: Clock, UTC microseconds.
    """

    def __init__(self, camera: Camera, now_us: Callable[[], int]) -> None:
        self._camera = camera
        self._now_us = now_us
        self._answered: set[tuple[str, str]] = set()
        self._waiting: dict[tuple[str, str], LabelRequest] = {}

    def observe(self, facts: Sequence[Fact]) -> None:
        """Take requests and reviews in any order: nobody is asked twice about a moment.

        Raises:
            ReviewerError: More than MAX_ANSWERED answers were asked for.
        """
        for fact in facts:
            record = fact.record
            if isinstance(record, LabelReview):
                self._answered.add((record.edge_case_id, record.reviewer))
                self._waiting.pop((record.edge_case_id, record.reviewer), None)
            elif self._is_asked(record):
                self._waiting[record.edge_case_id, _person(record)] = record
        if len(self._answered) + len(self._waiting) > MAX_ANSWERED:
            raise ReviewerError(
                f"label requests: more than {MAX_ANSWERED} (MAX_ANSWERED); split the line"
            )

    def _is_asked(self, record: Any) -> bool:
        """Whether it is a question, still open, about what this camera's medium can tell."""
        suffix = self._camera.task.medium.suffix
        return (
            isinstance(record, LabelRequest)
            and (record.edge_case_id, _person(record)) not in self._answered
            and all(uri.endswith(suffix) for uri in record.frames)
        )

    def act(self, publisher: Publishing) -> None:
        """Answer what waits, and only then count it as answered."""
        if not self._waiting:
            return
        for request in self._waiting.values():
            publisher.publish(LABEL_REVIEWS, self.review(request))
        publisher.flush()
        self._answered.update(self._waiting)
        self._waiting.clear()

    def review(self, request: LabelRequest) -> LabelReview:
        """The answer to a request; SKIP when it is about nothing this camera ever saw."""
        try:
            label = self._camera.truth(request.encounter_id)
        except CameraError:
            label = SKIP
        reviewer = _person(request)
        identity = hashlib.sha256(f"review\n{reviewer}\n{request.edge_case_id}".encode())
        return LabelReview(
            event_id=identity.hexdigest()[:32],
            source="simulated",
            device_id=request.device_id,
            edge_case_id=request.edge_case_id,
            encounter_id=request.encounter_id,
            reviewer=reviewer,
            label=label,
            seconds_spent=2.0 + key("seconds", request.edge_case_id) % 6_000 / 1_000,
            reviewed_ts=self._now_us(),
            guideline_version=GUIDELINE,
            budget_line=request.budget_line,
        )


def _person(request: LabelRequest) -> str:
    return f"reviewer-{request.review}"


def run(settings: Settings) -> None:
    """Review until SIGTERM or SIGINT.

    Raises:
        SettingsError: No scenario file is set.
        ScenarioError, CameraError: The scenario or its camera is not usable.
    """
    if settings.scenario_file is None:
        raise SettingsError("scenario_file: not set; the reviewer asks its camera for the truth")
    camera = open_camera(load(settings.scenario_file))
    worker = Reviewer(camera, lambda: time.time_ns() // 1_000)
    serve(settings, "reviewer", [LABEL_REQUESTS, LABEL_REVIEWS], worker)
