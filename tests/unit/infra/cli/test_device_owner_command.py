"""`fleetloop device consent|postpone`: a word for what is offered, else a sentence and a code."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.cli.output import Exit
from producers.device.client.attempt import Attempt, Phase
from producers.device.client.layout import STATE
from producers.device.client.owner_file import NAME
from producers.device.flash import Flash
from producers.device.flash_json import to_json
from producers.device.postponement import Consent
from producers.device.wishes import Install
from tests.command_line import fleetloop
from tests.unit.producers.device import kit


def offering(folder: Path, consent: Consent, phase: Phase = Phase.OFFER) -> Path:
    """The folder of a device that offers r1."""
    wanted = Install(model=kit.model("r1"))
    attempt = Attempt(wanted=wanted, number=1, phase=phase, due_us=0, consent=consent)
    flash = Flash(boot=1, registered_ts=0, attempt=attempt)
    (folder / STATE).write_bytes(to_json({"hw3-00001": flash}))
    return folder


def run(command: str, folder: Path, *words: str) -> Any:
    return fleetloop("device", command, "--state", str(folder), *words)


def test_a_word_is_left_for_the_device(tmp_path: Path) -> None:
    offering(tmp_path, Consent.ask(2**62))
    done = run("postpone", tmp_path, "--hours", "2")
    assert (done.exit_code, "r1: put off by 2 h" in done.stderr) == (Exit.OK, True)
    word = tmp_path / NAME
    assert json.loads(word.read_text()) == {"release_id": "r1", "later_s": 7200.0}
    assert run("consent", tmp_path).exit_code == Exit.OK
    assert json.loads(word.read_text()) == {"release_id": "r1", "later_s": None}


@pytest.mark.parametrize(
    ("consent", "phase", "command", "message"),
    [
        (Consent.ask(1), Phase.DOWNLOAD, "consent", "offers no update"),
        (Consent(), Phase.OFFER, "consent", "run it with --asks"),
        (Consent(asked_us=1), Phase.OFFER, "postpone", "it begins when it can"),
        (Consent(asked_us=2**62, postponed=3), Phase.OFFER, "postpone", "3 are allowed"),
    ],
)
def test_what_cannot_be_said_is_a_condition_not_met(
    tmp_path: Path, consent: Consent, phase: Phase, command: str, message: str
) -> None:
    done = run(command, offering(tmp_path, consent, phase))
    assert done.exit_code == Exit.CONDITION_NOT_MET
    assert message in done.stderr
    assert not (tmp_path / NAME).exists()


def test_a_folder_of_no_device_is_named(tmp_path: Path) -> None:
    done = run("consent", tmp_path)
    assert (done.exit_code, "no device runs there" in done.stderr) == (Exit.USAGE, True)
    (tmp_path / STATE).write_bytes(b"{}")
    assert run("consent", tmp_path).exit_code == Exit.ERROR
