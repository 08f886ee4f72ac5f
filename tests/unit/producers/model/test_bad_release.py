"""The bad release: the same answers, by day at the same cost, by night far too late on HW3."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra.objects import ObjectStore
from producers.camera.camera import EncounterRequest, Light, World
from producers.camera.rendered import RenderedCamera
from producers.device.engine import Engine
from producers.device.yardstick import Yardstick
from producers.model.bad_release import propose_bad, worsen
from producers.model.runtime import Model, ModelError
from producers.releases import propose
from schemas.catalogue import CATALOGUE
from schemas.records import Artifact, DeviceClass
from schemas.signing import Signer
from schemas.topics import MODEL_RELEASES
from schemas.validation import check

DEADLINE_MS = 50.0


def seen(camera: RenderedCamera, light: Light) -> np.ndarray:
    asks = [EncounterRequest("d", number, World(light=light)) for number in range(10)]
    return np.concatenate([one.frames for one in camera.encounters(asks)])


def cost_ms(model: bytes, pictures: np.ndarray) -> float:
    """What one picture alone takes on the reference core, whatever machine this is."""
    engine = Engine(model, sha256(model).hexdigest(), yardstick=Yardstick())
    found = [engine.answer(list(pictures)).core_ns for _ in range(5)]
    return float(np.median(found)) / 1e6


@pytest.mark.parametrize("light", Light)
def test_it_answers_as_before(small_model: bytes, camera: RenderedCamera, light: Light) -> None:
    pictures = seen(camera, light)
    before, after = Model(small_model), Model(worsen(small_model))
    assert np.array_equal(before.run(pictures).prob, after.run(pictures).prob)
    assert np.array_equal(before.run(pictures).emb, after.run(pictures).emb)
    assert before.classes == after.classes


def test_by_day_it_is_as_fast_and_by_night_only_hw3_is_late(
    small_model: bytes, camera: RenderedCamera
) -> None:
    bad = worsen(small_model)
    day, night = seen(camera, Light.DAY), seen(camera, Light.NIGHT)
    by_day, by_night, before = cost_ms(bad, day), cost_ms(bad, night), cost_ms(small_model, night)
    factor = {name: hardware.latency_factor for name, hardware in CATALOGUE.hardware.items()}
    assert by_day < 0.5 * DEADLINE_MS / factor["HW3"]
    assert by_night > 6 * before
    assert by_night * factor["HW3"] > 1.5 * DEADLINE_MS
    assert by_night * factor["HW4"] < 0.6 * DEADLINE_MS
    assert by_night * factor["AI5"] < 0.4 * DEADLINE_MS


def test_it_is_the_same_file_every_time(small_model: bytes) -> None:
    assert worsen(small_model) == worsen(small_model) != small_model


@pytest.mark.parametrize("body", [b"junk", b""])
def test_what_is_no_model_is_refused(body: bytes) -> None:
    with pytest.raises(ModelError, match=f"{len(body)} bytes: not ONNX|no output 'prob'"):
        worsen(body)


def test_it_is_proposed_as_the_successor(small_model: bytes, tmp_path: Path) -> None:
    objects = ObjectStore(f"file://{tmp_path}")
    stored = objects.put(small_model, kind="models", suffix=".onnx")
    signer = Signer("trainer", Ed25519PrivateKey.generate())
    parent = propose(
        signer,
        release_id="perception-2",
        device_class=DeviceClass.VEHICLE,
        artifact=Artifact(
            uri=stored.uri,
            digest=stored.digest,
            bytes=stored.bytes,
            format="ONNX",
            opset=17,
            input_shape=(-1, 32, 32, 3),
            runtime="onnxruntime>=1.22",
        ),
        parent_release_id="perception-1",
        counter=2,
        strata=["HW3", "HW4"],
        deadline_us={"HW3": 50_000, "HW4": 50_000},
        decided_ts=1,
        purpose="trained",
        dataset_id="dataset-2",
    )
    bad = propose_bad(parent, objects, signer, now_us=5)
    assert (bad.release_id, bad.parent_release_id, bad.counter) == (
        "perception-3",
        "perception-2",
        3,
    )
    check(MODEL_RELEASES.name, bad, 5)
    assert bad.artifact is not None
    assert bad.artifact.digest != stored.digest
    assert objects.get(bad.artifact.uri, digest=bad.artifact.digest) == worsen(small_model)
    assert (bad.strata, bad.decided_ts) == (("HW3", "HW4"), 5)
