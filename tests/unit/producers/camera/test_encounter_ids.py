"""Encounter ids go both ways."""

import pytest

from producers.camera.camera import CameraError, encounter_id, parse_encounter_id


def test_encounter_ids_go_both_ways() -> None:
    assert parse_encounter_id(encounter_id("hw3/a", 7)) == ("hw3/a", 7)
    for text in ("", "d", "/1", "d/", "d/-1", "d/x", "d/²"):
        with pytest.raises(CameraError, match="not <device_id>/<number>"):
            parse_encounter_id(text)
