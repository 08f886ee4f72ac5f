"""Errors a person can mend are one sentence and an exit code; others stay what they are."""

import errno
import pkgutil
from collections.abc import Callable

import pytest

from infra.cli import dataset_log
from infra.cli.endings import ENDINGS, ending
from infra.cli.main import NOUNS
from infra.cli.output import Exit
from infra.kafka.admin import UnknownTopicError
from infra.kafka.errors import CatchUpError, KafkaUnreachableError, QueueFullError
from tests.command_line import fleetloop

Words = list[str]


@pytest.mark.parametrize("name", ENDINGS)
def test_every_named_error_is_there(name: str) -> None:
    module, _, kind = name.rpartition(".")
    assert issubclass(pkgutil.resolve_name(f"{module}:{kind}"), Exception)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (KafkaUnreachableError("b"), Exit.UNREACHABLE),
        (UnknownTopicError("t"), Exit.ERROR),
        (CatchUpError("late"), Exit.TIMED_OUT),
        (QueueFullError("t", 1, "full"), Exit.ERROR),
        (PermissionError(errno.EACCES, "no"), Exit.ERROR),
        (ValueError("a bug"), None),
    ],
)
def test_the_nearest_known_class_decides(error: Exception, code: Exit | None) -> None:
    assert ending(error) is code


def raising(error: Exception) -> Callable[..., None]:
    def fail(*_: object) -> None:
        raise error

    return fail


def test_a_known_error_is_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_log, "read_whole", raising(KafkaUnreachableError("no broker at x")))
    done = fleetloop("datasets", "list")
    assert (done.exit_code, done.output) == (Exit.UNREACHABLE, "fleetloop: no broker at x\n")


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (OSError(errno.EACCES, "folder x cannot be made; name another"), "folder x cannot be made"),
        (PermissionError(errno.EACCES, "Permission denied", "/x"), "/x: Permission denied"),
    ],
)
def test_an_error_number_is_no_news(
    monkeypatch: pytest.MonkeyPatch, error: OSError, said: str
) -> None:
    monkeypatch.setattr(dataset_log, "read_whole", raising(error))
    done = fleetloop("datasets", "list")
    assert done.exit_code == Exit.ERROR
    assert done.stderr.startswith(f"fleetloop: {said}")


def test_a_bug_keeps_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dataset_log, "read_whole", raising(ValueError("a bug")))
    done = fleetloop("datasets", "list")
    assert isinstance(done.exception, ValueError)


@pytest.mark.parametrize(
    "words",
    [
        ["alerts", "list"],
        ["datasets", "get", "d"],
        ["releases", "list"],
        ["dead-letters", "list"],
        ["topics", "plan"],
        ["query", "run", "completeness"],
        ["worker", "run", "oncall"],
    ],
)
@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("FLEETLOOP_KAFKA__BOOTSTRP", "x", "no setting FLEETLOOP_KAFKA__BOOTSTRP;"),
        ("FLEETLOOP_KAFAK__BOOTSTRAP", "x", "no setting FLEETLOOP_KAFAK__BOOTSTRAP;"),
        ("FLEETLOOP_METRICS_PORT", "abc", "setting FLEETLOOP_METRICS_PORT='abc': Input should be"),
        ("FLEETLOOP_KAFKA__SASL_USERNAME", "me", "kafka.sasl_username needs"),
        ("FLEETLOOP_KAFKA", "x", 'field "kafka"'),
    ],
)
def test_a_setting_that_cannot_be_is_named(
    words: Words, name: str, value: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    done = fleetloop(*words)
    assert done.exit_code == Exit.USAGE
    assert said in done.stderr
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "words", [["alerts", "list"], ["topics", "plan"], ["dead-letters", "list"]]
)
def test_a_certificate_that_is_not_there_is_named(
    words: Words, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__CA_FILE", "/none.pem")
    done = fleetloop(*words)
    assert done.exit_code == Exit.USAGE
    assert "ssl.ca.location file /none.pem: not there" in done.stderr


@pytest.mark.parametrize("noun", NOUNS)
def test_every_noun_has_help(noun: str) -> None:
    done = fleetloop(noun, "--help")
    assert done.exit_code == Exit.OK
    assert "Usage" in done.stdout
