"""Receivers that write."""

import io
import json
from pathlib import Path

import pytest

from consumers.oncall.delivery import ReceiverBusyError
from consumers.oncall.webhook import body
from consumers.oncall.writing import FileReceiver, StdoutReceiver
from tests.alert_steps import HW3, notification, step

TOLD = notification(step(annotations={"summary": "slow\nindeed"}), step(HW3 | {"hardware": "HW4"}))


def test_stdout_tells_a_line_for_each_alert() -> None:
    out = io.StringIO()
    StdoutReceiver("stdout", out).send(TOLD)
    lines = [json.loads(line) for line in out.getvalue().splitlines()]
    assert len(lines) == 2
    assert lines[0] == {
        "status": "firing",
        "severity": "",
        "alertname": "LatencySLOBurn",
        "summary": "slow\nindeed",
        "reason": "first notification",
    }


def test_a_file_gets_a_line_for_each_notification_and_may_be_moved_away(tmp_path: Path) -> None:
    path = tmp_path / "log" / "told.jsonl"
    receiver = FileReceiver("record", path)
    receiver.send(TOLD)
    path.rename(tmp_path / "old.jsonl")
    receiver.send(TOLD)
    for place in (path, tmp_path / "old.jsonl"):
        assert [json.loads(line) for line in place.read_text().splitlines()] == [
            body(TOLD, "record")
        ]


def test_a_folder_in_its_place_is_tried_again(tmp_path: Path) -> None:
    with pytest.raises(ReceiverBusyError, match="Is a directory"):
        FileReceiver("record", tmp_path).send(TOLD)
