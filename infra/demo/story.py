"""The story while it runs: follows the log, tells it, acts for its people, takes stock."""

import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self

from consumers.clickhouse.client import native
from infra.demo import facts
from infra.demo.census import distinct_ids, valid_records
from infra.demo.director import Act, ActKind, Director
from infra.demo.malformed import specimens
from infra.demo.pager import Pager
from infra.demo.patience import Patience
from infra.demo.promises import promises
from infra.demo.report import alert_rows, dead_letter_rows, release_rows, topic_rows
from infra.demo.screen import Screen
from infra.demo.telling import TOLD, Narrator
from infra.demo.workers import FLEET, Workers
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring, load_signer
from infra.objects import ObjectStore
from infra.orders import signed_order
from infra.stack.stack import Stack
from infra.trust.people import People
from producers.camera.camera import Camera
from producers.camera.open import open_camera
from producers.scenario.scenario import Scenario
from producers.seed_dataset import publish_seed
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.records import CommandKind, ReleaseKind
from schemas.registry import registry_from
from schemas.topics import MODEL_RELEASES, ROLLOUT_COMMANDS

_POLL_S: Final = 0.2
_DRAIN_S: Final = 60.0
_TOLD_EVERY_S: Final = 20.0


class Story:
    """One run of the demo's story on a running stack.

    Args:
        stack: Running engines.
        scenario: What the fleet plays. screen: Where it is told. pager: On-call's end.
        people: Holders of the offline keys.
        started, ready: time.monotonic() when the run began and when the engines answered.
    """

    def __init__(
        self,
        stack: Stack,
        scenario: Scenario,
        screen: Screen,
        pager: Pager,
        people: People,
        *,
        started: float,
        ready: float,
    ) -> None:
        self._stack, self._screen, self._pager = stack, screen, pager
        self._people = people
        self._settings = stack.settings
        self._codec = Codec(registry_from(self._settings.registry_url))
        self._follower = Follower(self._settings.kafka, self._codec, TOLD)
        self._publisher = Publisher(self._settings.kafka, self._codec, "demo")
        self._malformed = specimens(self._codec, _now_us())
        self._objects = ObjectStore(self._settings.objects_url)
        self._director = Director(ReleaseBook(load_keyring(self._settings.keys_dir)))
        self._scenario = scenario
        self._workers = Workers(stack)
        self._narrator = Narrator()
        self._started, self._ready = started, ready
        self._first_decision: float | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._follower.close()
        self._publisher.close()

    def play(self, limit_s: float) -> Mapping[str, Any]:
        """Play to the end and take stock.

        Raises:
            StoryError: The end did not come within `limit_s`, or nothing moved for too long.
            ChildDiedError: An engine died, or a worker died too often.
        """
        self._workers.start_all()
        camera = open_camera(self._scenario)  # drawn while the workers start
        self._begin(camera)
        self._follow(Patience(self._started, limit_s))
        self._quiesce()
        return self._report(camera)

    def _begin(self, camera: Camera) -> None:
        dataset = publish_seed(
            camera, self._objects, self._publisher, line="perception", now_us=_now_us()
        )
        self._screen.say(f"the test drive is labelled: {sum(dataset.counts.values())} encounters")
        for specimen in self._malformed:
            self._publisher.publish_bytes(specimen.topic, specimen.key.encode(), specimen.value)
        self._publisher.flush()
        self._screen.say(f"{len(self._malformed)} malformed records are among the good ones")

    def _follow(self, patience: Patience) -> None:
        told = time.monotonic()
        while not self._done():
            now, waits_for = time.monotonic(), self._director.missing()
            patience.check(now, self._director.stage, waits_for)
            if now - told > _TOLD_EVERY_S:
                told = now
                self._screen.say(f"... waiting for {waits_for}")
            for line in self._news():
                patience.told(line)
                told = now
            for act in self._director.acts():
                self._perform(act)
            self._screen.update(self._narrator.tally)
            for line in self._workers.revive():
                self._screen.say(line)
        for alert in self._director.unrelated:
            where = ", ".join(f"{name}={value}" for name, value in sorted(alert.labels.items()))
            self._screen.say(f"left open, not of this story: {alert.alertname} [{where}]")

    def _done(self) -> bool:
        return self._director.over and all(
            self._pager.deliveries(page.fingerprint, "resolved")
            for page in self._director.pages  # a ticket is held back while its page fires
        )

    def _news(self) -> Iterator[str]:
        """Sentences about what came on the log, as they are told."""
        for fact in self._follower.poll(_POLL_S):
            if not self._director.observe(fact):
                continue
            decides = fact.topic == MODEL_RELEASES.name
            decides = decides and fact.record.kind is not ReleaseKind.PROPOSED
            if decides and self._first_decision is None:
                self._first_decision = time.monotonic()
            line = self._narrator.tell(fact)
            if line is not None:
                self._screen.say(line)
                yield line

    def _perform(self, act: Act) -> None:
        if act.kind is ActKind.VOUCH:
            self._vouch(act.release_id)
            return
        if act.kind is ActKind.PROPOSE_BAD:
            from producers.model.bad_release import propose_bad  # noqa: PLC0415 - loads onnx, once

            parent = self._director.book.releases[act.release_id].proposal
            signer = load_signer(self._settings.keys_dir, "trainer")
            record = propose_bad(parent, self._objects, signer, now_us=_now_us())
            self._publisher.publish(MODEL_RELEASES, record)
        else:
            approves = act.kind is ActKind.APPROVE
            command = CommandKind.APPROVE if approves else CommandKind.ROLLBACK
            reason = "the evidence was read" if approves else "it harmed another generation"
            operator = load_signer(self._settings.keys_dir, "operator")
            ordered = signed_order(
                operator,
                act.release_id,
                command,
                reason=reason,
                stratum=act.stratum,
                issued_ts=_now_us(),
            )
            self._publisher.publish(ROLLOUT_COMMANDS, ordered)
            where = f" in {act.stratum}" if act.stratum else ""
            self._screen.say(f"the operator orders {command.value} of {act.release_id}{where}")
        self._publisher.flush()

    def _vouch(self, release_id: str) -> None:
        """The ceremony of a release: two of three people sign its image and the way back."""
        book, keys_dir = self._director.book, self._settings.keys_dir
        self._people.vouch(book, release_id, keys_dir, self._objects, datetime.now(UTC))
        self._screen.say(f"two holders of offline keys sign the image of {release_id}")

    def _quiesce(self) -> None:
        """Stop what speaks, then what decides, then wait until the sink has read it all."""
        self._screen.say("the story is over; the workers finish what is under way")
        self._workers.stop({FLEET, "reviewer", "trainer"})
        self._workers.stop({"rollout", "director", "slo", "dataset", "oncall"})
        grew, before = time.monotonic(), -1
        while (stored := self._stored()) != (produced := self._produced()):
            now, rows = time.monotonic(), sum(stored.values())
            if rows != before:
                grew, before = now, rows
            if now - grew > _DRAIN_S:
                self._screen.say(
                    f"ClickHouse holds {rows} of {sum(produced.values())} records and no new one "
                    f"came for {_DRAIN_S:.0f} s; the sink's log says why"
                )
                break
            for line in self._workers.revive():
                self._screen.say(line)
            time.sleep(0.5)
        self._workers.stop({"sink"})

    def _produced(self) -> Mapping[str, int]:
        """Valid records on the log by topic."""
        return valid_records(self._settings.kafka, self._malformed)

    def _stored(self) -> dict[str, int]:
        found = facts.stored(self._settings.clickhouse)
        return {topic: rows for topic, (rows, _) in found.items()}

    def _report(self, camera: Camera) -> Mapping[str, Any]:
        book = self._director.book
        from infra.demo.judge import Judge  # noqa: PLC0415 - after the story: it loads the runtime

        judged = Judge(camera, self._objects).judge(book)
        with native(self._settings.clickhouse) as clickhouse:
            digests = {view.digest: name for name, view in book.releases.items()}
            held = facts.releases(clickhouse)
            report: dict[str, Any] = {
                "engines": self._stack.engines,
                "releases": release_rows(book.releases, held, judged),
                "topics": self._topics(),
                "dead_letters": dead_letter_rows(self._malformed, facts.dead_letters(clickhouse)),
                "alerts": alert_rows(self._director.history, self._pager),
                "devices": _devices(facts.running(clickhouse), digests, list(book.releases)),
                "inference": facts.inference(clickhouse),
                "seconds": self._seconds(),
                "decisions": self._director.decisions(),
                "deaths": dict(sorted(self._workers.deaths.items())),
                # Shared pages counted once: the machine has them once.
                "peak_rss_mb": round(self._stack.peak_pss_mb),
                "peak_rss_sum_mb": round(self._stack.peak_rss_mb),
            }
        kept = promises(report, self._director.bad_release)
        return {**report, "promises": [asdict(promise) for promise in kept]}

    def _topics(self) -> list[dict[str, Any]]:
        ids = distinct_ids(self._settings.kafka, self._codec) if self._workers.deaths else {}
        return topic_rows(self._produced(), ids, facts.stored(self._settings.clickhouse))

    def _seconds(self) -> dict[str, float]:
        decided = self._first_decision or time.monotonic()
        return {
            "engines_ready": round(self._ready - self._started, 1),
            "first_decision": round(decided - self._ready, 1),
            "total": round(time.monotonic() - self._started, 1),
        }


def _devices(
    running: Mapping[tuple[str, str], int], releases: Mapping[str, str], order_: list[str]
) -> dict[str, int]:
    second = order_[1] if len(order_) > 1 else None
    return {
        "total": sum(running.values()),
        "on_release_2": sum(
            count for (_, digest), count in running.items() if releases.get(digest) == second
        ),
    }


def _now_us() -> int:
    return time.time_ns() // 1000
