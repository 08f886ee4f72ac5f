"""`fleetloop labels` on a real broker: a person answers, Label Studio answers; it counts."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from infra.cli.output import Exit
from infra.kafka.admin import Admin
from infra.kafka.publisher import Publisher
from infra.labels.studio_tasks import result
from infra.objects import ObjectStore
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import TansuBroker
from infra.topics import apply_all
from schemas.codec import Codec
from schemas.film_strips import to_png
from schemas.records import ManifestKind
from schemas.registry import FileRegistry
from schemas.topics import DATASET_MANIFESTS, LABEL_REQUESTS
from tests.command_line import fleetloop
from tests.factories import dataset_manifest
from tests.unit.infra.labels.asked import CLASSES, request

pytestmark = pytest.mark.engine

FRAMES = np.random.default_rng(3).integers(0, 256, (3, 32, 32, 3), dtype=np.uint8)


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A line with two open questions of one person each; the folder of the test."""
    with Supervisor(tmp_path / "logs") as supervisor:
        broker = TansuBroker(supervisor)
        broker.start()
        apply_all(Admin(broker.settings))
        monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", broker.settings.bootstrap)
        monkeypatch.setenv("FLEETLOOP_KAFKA__MEMORY_ONLY", "true")
        monkeypatch.setenv("FLEETLOOP_OBJECTS_URL", f"file://{tmp_path}/objects")
        strip = ObjectStore(f"file://{tmp_path}/objects").put(
            to_png(FRAMES), kind="frames", suffix=".png"
        )
        seed = dataset_manifest(event_id="seed", seq=0, label_cost=0)
        ask = dataset_manifest(
            event_id="ask", seq=1, kind=ManifestKind.ASK, label_cost=2, classes=CLASSES
        )
        with Publisher(broker.settings, Codec(FileRegistry()), "test") as publisher:
            publisher.publish(DATASET_MANIFESTS, seed)
            publisher.publish(DATASET_MANIFESTS, ask)
            for number in range(2):
                publisher.publish(LABEL_REQUESTS, request(number, frames=(strip.uri,)))
        yield tmp_path


def run(*words: str, code: Exit = Exit.OK) -> Any:
    answer = fleetloop(*words)
    assert answer.exit_code == code, answer.output
    return json.loads(answer.stdout) if answer.stdout else answer.stderr


def size(path: Path) -> tuple[int, int]:
    with Image.open(path) as picture:
        return picture.size


def test_a_person_answers_what_is_next_and_takes_it_back(line: Path) -> None:
    waiting = run("labels", "queue", "-o", "json")
    assert [row["edge_case"] for row in waiting] == ["d1/1/0", "d1/1/1"]
    assert waiting[0]["why"] == "MARGIN, margin 0.000, device saw yield (0.60)"
    out = line / "pictures"
    told = run("labels", "next", "--reviewer", "ann", "--out", str(out), "-o", "json")
    assert {row["what"]: row["value"] for row in told}["edge_case"] == "d1/1/0"
    sizes = {path.name: size(path) for path in sorted(out.iterdir())}
    assert sizes == {
        "d1-1-0-1.png": (256, 256),
        "d1-1-0-2.png": (256, 256),
        "d1-1-0-3.png": (256, 256),
        "d1-1-0.png": (96, 32),
    }
    ann = ("labels", "submit", "d1/1/0", "--reviewer", "ann", "--label")
    assert "no class of line signs" in run(*ann, "stpo", code=Exit.CONDITION_NOT_MET)
    run(*ann, "stop", "--seconds", "3")
    assert "ann answered it" in run(*ann, "yield", code=Exit.CONDITION_NOT_MET)
    back = ("labels", "withdraw", "d1/1/0", "--reviewer", "ann", "--reason", "wrong key")
    run(*back)
    assert "no answer of ann stands" in run(*back, code=Exit.CONDITION_NOT_MET)
    run(*ann, "yield")
    assert [row["edge_case"] for row in run("labels", "queue", "-o", "json")] == ["d1/1/1"]
    (row,) = run("labels", "ledger", "-o", "json")
    assert (row["paid"], row["answered"], row["open"], row["withdrawn"]) == (2, 1, 1, 1)


def test_an_export_of_label_studio_comes_back_once(line: Path) -> None:
    out = line / "studio"
    run("labels", "export", "--line", "signs", "--out", str(out))
    tasks = json.loads((out / "tasks.json").read_text())
    assert tasks[0]["data"]["image"].startswith("data:image/png;base64,")
    assert "<Choice value=" in (out / "config.xml").read_text()
    run("labels", "export", "--line", "signs", "--out", str(out), "--frames", "path")
    beside = json.loads((out / "tasks.json").read_text())[0]["data"]["image"]
    assert size(out / beside.rpartition("=")[2]) == (96, 32)
    answered = [
        task | {"id": n, "annotations": [annotation(n, "stop" if n else "axe")]}
        for n, task in enumerate(tasks)
    ]
    file = line / "export.json"
    file.write_text(json.dumps(answered))
    refused = fleetloop("labels", "import", str(file), "-o", "json")
    assert refused.exit_code == Exit.CONDITION_NOT_MET
    assert "task 0, annotation 0: label 'axe': no class" in refused.stderr
    assert json.loads(refused.stdout)[0]["written"] == 1
    answered[0]["annotations"] = [annotation(0, "give way")]
    file.write_text(json.dumps(answered))
    for written, known in ((1, 1), (0, 2)):
        (row,) = run("labels", "import", str(file), "-o", "json")
        assert (row["written"], row["known"]) == (written, known)
    assert run("labels", "queue", "-o", "json") == []
    assert "nothing is open" in run(
        "labels", "next", "--reviewer", "ann", code=Exit.CONDITION_NOT_MET
    )
    file.write_text("{}")
    assert "list of tasks" in run("labels", "import", str(file), code=Exit.ERROR)


def annotation(number: int, label: str) -> dict[str, Any]:
    return {
        "id": number,
        "completed_by": 7,
        "result": [result(label, "image")],
        "was_cancelled": False,
        "lead_time": 2.5,
        "created_at": "2026-11-26T07:00:00Z",
    }
