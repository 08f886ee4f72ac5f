"""Children are started, watched, named when they die, and never left behind."""

import functools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from infra.stack.child import Child, ChildDiedError, Tier
from infra.stack.supervisor import StartTimeoutError, Supervisor
from tests.waiting import until

SLEEP = ("sleep", "600")


def python(code: str) -> list[str]:
    """A child that runs some Python."""
    return [sys.executable, "-S", "-c", code]


@pytest.fixture
def supervised(tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor with its logs in the test's folder."""
    with Supervisor(tmp_path / "logs") as running:
        yield running


def test_a_child_that_dies_at_once_is_named_with_status_and_last_words(
    supervised: Supervisor,
) -> None:
    child = supervised.start("sink", python("print('no room'); raise SystemExit(7)"))
    with pytest.raises(ChildDiedError) as died:
        supervised.wait_ready(child, lambda: False, timeout_s=30, what="port 1")
    assert (died.value.name, died.value.status) == ("sink", 7)
    assert died.value.tail == ("no room",)
    assert "sink ended with exit status 7" in str(died.value)
    assert "no room" in str(died.value)


def test_a_child_that_is_killed_is_found_by_the_next_check(supervised: Supervisor) -> None:
    child = supervised.start("slo", SLEEP)
    supervised.check()
    psutil.Process(child.pid).kill()
    until(lambda: not child.running(), "the child ends")
    with pytest.raises(ChildDiedError, match=r"slo was killed by SIGKILL.*slo\.log") as died:
        supervised.check()
    assert died.value.status == -signal.SIGKILL


def test_a_child_that_was_stopped_on_purpose_is_no_failure(supervised: Supervisor) -> None:
    supervised.stop(supervised.start("a", SLEEP))
    supervised.kill(supervised.start("b", SLEEP))
    supervised.check()
    assert supervised.children == ()


def test_stopping_twice_is_stopping_once(supervised: Supervisor) -> None:
    child = supervised.start("a", SLEEP)
    supervised.stop(child)
    again = supervised.start("a", SLEEP)
    supervised.stop(child)
    supervised.kill(child)
    assert again.running()


def test_only_the_last_lines_of_a_long_log_are_shown(supervised: Supervisor) -> None:
    child = supervised.start("talker", python("for n in range(100_000): print(n)"))
    child.process.wait(30)
    assert child.tail(3) == ["99997", "99998", "99999"]


def test_a_child_that_does_not_answer_is_named_with_what_it_said(supervised: Supervisor) -> None:
    child = supervised.start(
        "broker", python("import time; print('thinking', flush=True); time.sleep(600)")
    )
    until(lambda: child.tail() == ["thinking"], "the child speaks")
    with pytest.raises(StartTimeoutError, match=r"(?s)broker .*port 9092 after 0 s.*thinking"):
        supervised.wait_ready(child, lambda: False, timeout_s=0.0, what="port 9092")


def test_one_name_runs_once_and_may_be_started_again(supervised: Supervisor) -> None:
    first = supervised.start("gate", SLEEP)
    with pytest.raises(ValueError, match=f"gate: already running as pid {first.pid}"):
        supervised.start("gate", SLEEP)
    supervised.kill(first)
    assert supervised.start("gate", SLEEP).pid != first.pid


def test_a_program_that_is_not_there_is_named_in_the_log(supervised: Supervisor) -> None:
    child = supervised.start("ghost", ["/no/such/program"])
    with pytest.raises(ChildDiedError, match=r"(?s)ghost ended.*cannot start /no/such"):
        supervised.wait_ready(child, lambda: False, timeout_s=30, what="anything")


def test_a_child_that_ignores_term_is_killed_after_its_grace(supervised: Supervisor) -> None:
    child = supervised.start(
        "stubborn",
        python(
            "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
            "print('ready', flush=True); time.sleep(600)"
        ),
        grace_s=0.2,
    )
    until(lambda: child.tail() == ["ready"], "the child ignores TERM")
    supervised.stop(child)
    assert child.process.returncode == -signal.SIGKILL


def test_what_a_child_started_ends_with_it(supervised: Supervisor) -> None:
    code = "p = s.Popen(['sleep', '600']); print(p.pid, flush=True); p.wait()"
    child = supervised.start("forker", python(f"import subprocess as s; {code}"))
    until(lambda: bool(child.tail()), "the child tells its own child")
    grandchild = psutil.Process(int(child.tail()[0]))
    supervised.stop(child)
    until(lambda: not alive(grandchild), "the grandchild is gone")


def test_what_a_dead_child_left_is_gone_when_it_is_started_again(supervised: Supervisor) -> None:
    code = "p = s.Popen(['sleep', '600']); print(p.pid, flush=True)"
    child = supervised.start("forker", python(f"import subprocess as s; {code}"))
    child.process.wait(30)
    left = psutil.Process(int(child.tail()[0]))
    assert alive(left)
    supervised.start("forker", SLEEP)
    until(lambda: not alive(left), "the grandchild is gone")


def test_workers_stop_before_engines(tmp_path: Path) -> None:
    order = tmp_path / "order"
    code = (
        "import signal, sys, time\n"
        "def stop(*_):\n"
        "    time.sleep(0.1)\n"
        f"    open({str(order)!r}, 'a').write(sys.argv[1] + '\\n')\n"
        "    sys.exit()\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "print('ready', flush=True)\n"
        "time.sleep(600)\n"
    )
    with Supervisor(tmp_path / "logs") as supervised:
        for name, tier in (("engine", Tier.ENGINE), ("worker", Tier.WORKER)):
            child = supervised.start(name, [*python(code), name], tier=tier)
            until(functools.partial(is_ready, child), "it is ready")
    assert order.read_text().split() == ["worker", "engine"]


def test_a_log_beyond_its_limit_is_set_aside(
    supervised: Supervisor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.stack.supervisor._MAX_LOG_BYTES", 10)
    supervised.start("a", python("print('x' * 100)")).process.wait(30)
    supervised.start("a", python("print('new')")).process.wait(30)
    assert (tmp_path / "logs" / "a.log").read_text() == "new\n"
    assert (tmp_path / "logs" / "a.log.1").read_text() == "x" * 100 + "\n"


def test_a_guard_that_was_killed_is_replaced(tmp_path: Path) -> None:
    with Supervisor(tmp_path / "logs") as supervised:
        first = supervised.start("a", SLEEP)
        guard = next(one for one in psutil.Process().children() if "guard.py" in one.cmdline()[-1])
        guard.kill()
        guard.wait(10)
        second = supervised.start("b", SLEEP)
    assert not any(child.running() for child in (first, second))


def is_ready(child: Child) -> bool:
    """Whether a child of these tests has said so."""
    return child.tail() == ["ready"]


def alive(process: psutil.Process) -> bool:
    """Whether a process runs; a zombie waits only for its parent."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
