"""`fleetloop stack` and `topics` as a person uses them: up, look, use, down."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.cli.output import Exit

pytestmark = pytest.mark.engine
ROOT = Path(__file__).parents[2]


def fleetloop(
    noun: str, *arguments: str, env: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command as a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "infra.cli.main", noun, *arguments],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        cwd=ROOT,
        env={**os.environ, **(env or {})},
    )


def sourced(env_file: Path) -> dict[str, str]:
    """What a shell knows after `source stack.env`."""
    told = subprocess.run(
        ["bash", "-c", f"source {env_file}; env -0"], capture_output=True, check=True
    )
    pairs = (line.split("=", 1) for line in told.stdout.decode().split("\0") if line)
    return {name: value for name, value in pairs if name.startswith("FLEETLOOP_")}


def rows(done: "subprocess.CompletedProcess[str]") -> list[dict[str, Any]]:
    """The JSON answer of a command."""
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_up_in_the_background_look_use_down(tmp_path: Path) -> None:
    place = ("--data-dir", str(tmp_path / "data"))
    none = fleetloop("stack", "status", *place)
    assert none.returncode == Exit.CONDITION_NOT_MET
    assert "no stack runs on" in none.stderr

    up = fleetloop("stack", "up", "--detach", *place, "-o", "json")
    assert up.returncode == Exit.OK, up.stderr
    processes = [psutil.Process(row["pid"]) for row in rows(up) if row["pid"]]
    try:
        status = fleetloop("stack", "status", *place, "-o", "json")
        assert [row["health"] for row in rows(status)] == ["ok", "ok", "ok"]

        env = sourced(tmp_path / "data" / "stack.env")
        wider = fleetloop("topics", "plan", "--device-partitions", "8", "-o", "json", env=env)
        assert wider.returncode == Exit.CONDITION_NOT_MET
        assert {row["change"] for row in rows(wider)} == {"ADD_PARTITIONS"}

        begun = fleetloop("datasets", "seed", env=env)
        assert begun.returncode == Exit.OK, begun.stderr
        (step,) = rows(fleetloop("datasets", "list", "-o", "json", env=env))
        assert (step["line"], step["seq"], step["examples"]) == ("perception", 0, 360)
        twice = fleetloop("datasets", "seed", env=env)
        assert twice.returncode == Exit.CONDITION_NOT_MET
        assert "line perception has begun" in twice.stderr

        again = fleetloop("stack", "up", *place)
        assert again.returncode == Exit.ERROR
        assert "in use by the stack of pid" in again.stderr
    finally:
        down = fleetloop("stack", "down", *place)
    assert down.returncode == Exit.OK, down.stderr
    assert not any(process.is_running() for process in processes)


def test_ctrl_c_stops_a_stack_in_the_foreground(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "stack", "up", "--data-dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if "running until Ctrl-C" in line:
                break
        children = psutil.Process(up.pid).children(recursive=True)
        assert len(children) == 3
        up.send_signal(signal.SIGINT)
        assert up.stderr.read() == "stopped\n"
    assert up.returncode == Exit.OK
    assert psutil.wait_procs(children, timeout=10)[1] == []
    assert not (tmp_path / "stack.json").exists()


def test_an_engine_that_dies_ends_the_stack_by_name(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "infra.cli.main", "stack", "up", "--data-dir", str(tmp_path)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    ) as up:
        assert up.stderr is not None
        for line in up.stderr:
            if "running until Ctrl-C" in line:
                break
        state = json.loads((tmp_path / "stack.json").read_text())
        os.kill(state["engines"][0]["pid"], signal.SIGKILL)
        said = up.stderr.read()
    assert up.returncode == Exit.ERROR
    assert "fleetloop: tansu was killed by SIGKILL; the end of" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("stack", "up", "--broker", "nowhere"), "broker 'nowhere': embedded, kafka or HOST:PORT"),
        (("topics", "apply", "--device-partitions", "0"), "--device-partitions"),
    ],
)
def test_what_a_person_can_mend_is_one_sentence(
    arguments: tuple[str, ...], said: str, tmp_path: Path
) -> None:
    extra = ("--data-dir", str(tmp_path)) if arguments[0] == "stack" else ()
    done = fleetloop(*arguments, *extra)
    assert done.returncode in (Exit.ERROR, Exit.USAGE)
    assert said in done.stderr
    assert "Traceback" not in done.stderr
