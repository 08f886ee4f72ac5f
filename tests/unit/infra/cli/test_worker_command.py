"""`fleetloop worker run`: what is wrong is one sentence and an exit code."""

import logging
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from infra.cli import worker
from infra.cli.output import Exit
from infra.kafka.admin import UnknownTopicError
from infra.kafka.errors import KafkaUnreachableError
from infra.settings import Settings
from tests.command_line import fleetloop


@pytest.fixture(autouse=True)
def levels() -> Iterator[None]:
    """Leave logging as it was."""
    names = ("fleetloop", "schemas", "streams", "producers", "consumers", "infra")
    kept = {name: logging.getLogger(name).level for name in names}
    yield
    for name, level in kept.items():
        logging.getLogger(name).setLevel(level)


def run(*arguments: str) -> tuple[int, str]:
    done = fleetloop("worker", "run", *arguments)
    return done.exit_code, done.output


def entry(monkeypatch: pytest.MonkeyPatch, **entries: object) -> None:
    """Stand-ins for what a worker's name leads to, by module."""
    modules = {place.replace("__", "."): value for place, value in entries.items()}
    monkeypatch.setattr(
        worker,
        "import_module",
        lambda name: SimpleNamespace(processor=modules.get(name), run=modules.get(name)),
    )


def refuse(error: Exception) -> object:
    def raising(*_: object) -> None:
        raise error

    return raising


def test_a_processor_runs_in_the_worker_and_its_exit_code_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[object, Settings]] = []
    entry(
        monkeypatch,
        streams__slo__agent=lambda _: "processor",
        streams__worker=lambda processor, settings: seen.append((processor, settings)) or 1,  # type: ignore[func-returns-value] # append gives None, so 1 is returned
    )
    assert run("slo", "--adopt-new-topic")[0] == 1
    assert seen[0][0] == "processor"
    assert seen[0][1].adopt_new_topic


def test_a_loop_runs_until_it_returns(monkeypatch: pytest.MonkeyPatch) -> None:
    entry(monkeypatch, consumers__oncall__notifier=lambda _: None)
    assert run("oncall")[0] == Exit.OK


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KafkaUnreachableError("no broker at x"), Exit.UNREACHABLE),
        (UnknownTopicError("no topic t"), Exit.ERROR),
    ],
)
def test_an_engine_that_is_missing_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, error: Exception, code: Exit
) -> None:
    entry(monkeypatch, consumers__clickhouse__sink=refuse(error))
    assert run("sink") == (code, f"fleetloop: {error}\n")


def test_a_policy_that_cannot_be_used_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    entry(monkeypatch, streams__rollout__agent=refuse(ValueError("soak_s: -1: is above 0")))
    assert run("rollout") == (Exit.USAGE, "fleetloop: worker rollout: soak_s: -1: is above 0\n")


def test_settings_that_are_not_known_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAPP", "x")
    code, said = run("slo")
    assert code == Exit.USAGE
    assert said.startswith("fleetloop: no setting FLEETLOOP_KAFKA__BOOTSTRAPP;")


def test_a_log_level_that_is_not_known_is_named() -> None:
    assert run("slo", "--log-level", "LOUD")[0] == Exit.USAGE


def test_every_worker_has_a_place_and_the_place_is_there() -> None:
    places = {**worker.PROCESSORS, **worker.LOOPS}
    assert set(places) == set(worker.WorkerName)
    root = Path(__file__).resolve().parents[4]
    for place in places.values():
        module = root / place.partition(":")[0].replace(".", "/")
        assert module.with_suffix(".py").exists() or (module / "__init__.py").exists(), place
