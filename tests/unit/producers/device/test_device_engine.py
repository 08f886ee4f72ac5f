"""The engine and the shelf of models: what is run, what is refused, and how it is timed."""

from typing import Any

import numpy as np
import pytest

from producers.bundles import packed
from producers.device.engine import WARMUP_RUNS, DigestMismatchError, Engine, EngineError
from producers.device.models import MAX_ENGINES, ModelShelf
from schemas.media import Frames
from tests.unit.producers.device.kit import CLASSES, Stepping, engine, model, sha, tiny_model


def picture(level: int, size: int = 32) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    return np.full((size, size, 3), level, np.uint8)


def test_answers_tell_class_confidence_margin_and_entropy() -> None:
    answers = engine(tiny_model()).answer([picture(5), picture(128), picture(250)])
    assert answers.top1 == [0, 1, 2]
    assert all(0.5 < one <= 1 for one in answers.confidence)
    assert all(0 < m <= c for m, c in zip(answers.margin, answers.confidence, strict=True))
    assert all(0 < one < np.log(3) for one in answers.entropy)
    assert np.linalg.norm(answers.emb, axis=1) == pytest.approx(1.0)


def test_a_batch_answers_as_each_picture_alone() -> None:
    one = engine(tiny_model())
    pictures = [picture(level) for level in range(0, 256, 17)]
    together = one.answer(pictures)
    alone = [one.answer([each]) for each in pictures]
    assert together.confidence == [each.confidence[0] for each in alone]
    assert together.top1 == [each.top1[0] for each in alone]


def test_latency_is_the_cpu_time_of_each_inference_alone() -> None:
    cpu, wall = Stepping(70_000), Stepping(900_000)
    body = tiny_model()
    found = Engine(body, sha(body), cpu_clock=cpu, wall_clock=wall).answer([picture(1)] * 4)
    assert found.cpu_ns == [70_000] * 4
    assert found.wall_ns == [900_000] * 4


def test_real_clocks_measure_real_work() -> None:
    body = tiny_model()
    found = Engine(body, sha(body)).answer([picture(1)] * 20)
    assert all(cpu > 0 for cpu in found.cpu_ns)
    assert sum(found.cpu_ns) <= sum(found.wall_ns) * 1.5


def test_a_new_session_runs_unjudged_before_it_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    runs: list[int] = []
    plain = Engine._run

    def counted(self: Engine, one: Frames) -> Any:
        runs.append(1)
        return plain(self, one)

    monkeypatch.setattr(Engine, "_run", counted)
    one = engine(tiny_model())
    assert len(runs) == WARMUP_RUNS
    one.answer([picture(1)])
    assert len(runs) == WARMUP_RUNS + 2


def test_a_model_with_another_digest_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DigestMismatchError, match=r"model 0{64}: the file's SHA-256 is"):
        Engine(b"not a model", "0" * 64)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"not a model", "onnxruntime cannot load it"),
        (tiny_model(size=64), r"inputs .*64.*; must be image, uint8 \[N, 32, 32, 3\]"),
        (tiny_model(outputs=("prob", "vector")), "no output emb"),
        (tiny_model(classes=None), "metadata classes=None: must be a JSON list"),
        (tiny_model(classes=()), "must be a JSON list of class names"),
    ],
)
def test_what_is_not_a_model_of_the_fleet_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(EngineError, match=message):
        Engine(body, sha(body))


def test_a_bundle_answers_as_its_model_and_takes_the_time_of_all() -> None:
    model, slow = tiny_model(), tiny_model(classes=None, outputs=("free", "lanes"))
    clock = Stepping(70_000)

    class Counted(Engine):
        """Each session that runs takes one step of the clock."""

        def _run(self, frames: Frames) -> list[Any]:
            for _ in self._beside:
                clock()
            return super()._run(frames)

    body = packed({"model": model, "lanes": slow, "lights": slow})
    found = Counted(body, sha(body), cpu_clock=clock)
    answers = found.answer([picture(5), picture(250)])
    assert found.members == ("model", "lanes", "lights")
    assert (answers.top1, found.classes) == ([0, 2], CLASSES)
    assert answers.cpu_ns == [3 * 70_000] * 2


@pytest.mark.parametrize(
    ("member", "message"),
    [
        (b"not a model", r"model [0-9a-f]{64}, member lanes: onnxruntime cannot load it"),
        (tiny_model(size=64), r"member lanes: inputs .*64"),
    ],
)
def test_a_member_that_does_not_load_fails_the_bundle(member: bytes, message: str) -> None:
    body = packed({"model": tiny_model(), "lanes": member})
    with pytest.raises(EngineError, match=message):
        Engine(body, sha(body))


def test_a_damaged_bundle_is_no_model() -> None:
    body = packed({"model": tiny_model(), "lanes": tiny_model()})[:-1024]
    with pytest.raises(EngineError, match="not packed as bundles are"):
        Engine(body, sha(body))


def test_a_member_that_answers_nonsense_fails_the_frame() -> None:
    body = packed({"model": tiny_model(), "lanes": tiny_model(middle=np.nan)})
    with pytest.raises(EngineError, match="not finite"):
        Engine(body, sha(body)).answer([picture(1)])


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (picture(1, 64), r"picture of uint8 \[64, 64, 3\]: must be uint8 \[32, 32, 3\]"),
        (picture(1)[:, :, 0], r"picture of uint8 \[32, 32\]"),
        (picture(1).astype(np.float32), r"picture of float32 \[32, 32, 3\]"),
    ],
)
def test_a_picture_of_the_wrong_shape_is_refused(
    wrong: np.ndarray[tuple[int, ...], np.dtype[np.uint8]], message: str
) -> None:
    with pytest.raises(EngineError, match=message):
        engine(tiny_model()).answer([picture(1), wrong])


def test_an_engine_names_its_classes() -> None:
    assert engine(tiny_model()).classes == CLASSES


class Shop:
    """Files and a count of what was fetched and loaded."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.fetched: list[str] = []
        self.loaded: list[str] = []

    def put(self, name: str, body: bytes) -> None:
        self.files[f"memory://{name}"] = body

    def fetch(self, uri: str) -> bytes:
        self.fetched.append(uri)
        return self.files[uri]

    def load(self, body: bytes, digest: str) -> Engine:
        self.loaded.append(digest)
        return Engine(body, digest)

    def shelf(self) -> ModelShelf:
        return ModelShelf(self.fetch, sha, self.load)


def test_devices_of_a_process_share_one_download_and_one_engine() -> None:
    shop, body = Shop(), tiny_model()
    shop.put("r1", body)
    shelf = shop.shelf()
    wanted = model("r1", digest=sha(body))
    assert shelf.digest("memory://r1") == sha(body)
    assert shelf.engine(wanted) is shelf.engine(wanted)
    assert (len(shop.fetched), len(shop.loaded)) == (1, 1)


def test_a_model_that_does_not_load_is_not_loaded_again_for_the_next_device() -> None:
    shop = Shop()
    shop.put("bad", b"not a model")
    shelf = shop.shelf()
    wanted = model("bad", digest=sha(b"not a model"))
    for _ in range(3):
        with pytest.raises(EngineError):
            shelf.engine(wanted)
    assert len(shop.loaded) == 1


def test_the_shelf_keeps_a_limited_number_of_engines() -> None:
    shop = Shop()
    wanted = []
    for number in range(MAX_ENGINES + 1):
        body = tiny_model(tag=str(number))
        shop.put(f"r{number}", body)
        wanted.append(model(f"r{number}", digest=sha(body)))
    shelf = shop.shelf()
    for one in wanted:
        shelf.engine(one)
    assert len(shop.loaded) == MAX_ENGINES + 1
    shelf.engine(wanted[-1])
    assert len(shop.loaded) == MAX_ENGINES + 1
    shelf.engine(wanted[0])
    assert len(shop.loaded) == MAX_ENGINES + 2


def test_a_missing_file_is_a_lookup_error_each_time() -> None:
    shelf = Shop().shelf()
    for _ in range(2):
        with pytest.raises(LookupError):
            shelf.digest("memory://nothing")
