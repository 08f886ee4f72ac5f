"""The recorded camera: tracks are dealt once, and a file that is not right is refused by name."""

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from producers.camera.camera import CameraError, EncounterRequest, Light, World
from producers.camera.night import DARK_BELOW, mean_brightness
from producers.camera.recorded import RecordedCamera
from producers.camera.recording import read_recording

TRACKS, FRAMES, CLASSES = 20, 4, 8
Arrays = dict[str, np.ndarray[Any, Any]]


def arrays() -> Arrays:
    """Eight classes with twenty tracks of four frames; the first pixel tells class and track."""
    rng = np.random.default_rng(1)
    label, track, frame = (
        part.ravel() for part in np.meshgrid(range(CLASSES), range(TRACKS), range(FRAMES))
    )
    images = rng.integers(60, 255, (len(label), 32, 32, 3), dtype=np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1], images[:, 0, 0, 2] = label, track, frame
    order = rng.permutation(len(label))
    return {
        "images": images[order],
        "class_id": label[order].astype(np.uint8) + 5,
        "track": track[order].astype(np.uint16),
        "frame": frame[order].astype(np.uint8),
    }


def write(folder: Path, content: Arrays) -> Path:
    np.savez(folder / "tracks.npz", **content)  # type: ignore[arg-type] # numpy's stub takes the names for its own flag
    rows = [f"{number + 5},sign {number},x" for number in range(CLASSES)]
    (folder / "classes.csv").write_text("class_id,name,more\n" + "\n".join(rows) + "\n")
    return folder


@pytest.fixture
def recorded(tmp_path: Path) -> RecordedCamera:
    return RecordedCamera(write(tmp_path, arrays()), seed=4, frames=FRAMES)


def met(camera: RecordedCamera, count: int, light: Light = Light.DAY) -> list[np.ndarray]:
    asks = [EncounterRequest(f"d{n % 9}", n, World(light=light)) for n in range(count)]
    return [one.frames for one in camera.encounters(asks)]


def names(pictures: np.ndarray) -> set[tuple[int, int]]:
    return {(int(p[0, 0, 0]), int(p[0, 0, 1])) for p in pictures}


def test_an_encounter_is_a_whole_track_far_to_near(recorded: RecordedCamera) -> None:
    for number, frames in enumerate(met(recorded, 50)):
        assert frames[:, 0, 0, 2].tolist() == [0, 1, 2, 3]
        assert len(names(frames)) == 1
        assert recorded.truth(f"d{number % 9}/{number}") == f"sign {frames[0, 0, 0, 0]}"


def test_tracks_are_held_back_driven_or_met_and_never_two_of_it(recorded: RecordedCamera) -> None:
    held_back = recorded.held_back(1, 1000)
    by_day = np.array([slices["light"] == "DAY" for slices in held_back.slices])[held_back.groups]
    shown = held_back.frames[by_day]  # what tells the track would be too dark to read by night
    drive = np.concatenate([one.frames for one in recorded.seed(1000)])
    sets = [names(shown), names(drive), names(np.concatenate(met(recorded, 2000)))]
    assert [len(found) for found in sets] == [43, 30, 82]
    assert len(held_back.slices) == 48
    assert len(set.union(*sets)) == 43 + 30 + 82
    assert held_back.labels[by_day].tolist() == shown[:, 0, 0, 0].tolist()


def test_the_test_drive_lacks_a_class_and_has_little_of_another(recorded: RecordedCamera) -> None:
    drive = Counter(one.label for one in recorded.seed(1000))
    missing = CLASSES - len(drive)
    assert missing == 1
    assert min(drive.values()) == 1


def test_another_seed_deals_anew(tmp_path: Path) -> None:
    folder = write(tmp_path, arrays())
    dealt = [names(RecordedCamera(folder, seed=s).held_back(1, 99).frames) for s in (1, 2, 1)]
    assert dealt[0] == dealt[2] != dealt[1]


def test_night_is_dark_and_still_shows_something(recorded: RecordedCamera) -> None:
    night, day = met(recorded, 60, Light.NIGHT), met(recorded, 60)
    pictures = np.concatenate(night)
    assert mean_brightness(pictures).max() < DARK_BELOW
    assert pictures.std((1, 2, 3)).min() > 1
    assert not any(np.array_equal(a, b) for a, b in zip(night, day, strict=True))
    lights = [slices["light"] for slices in recorded.held_back(1, 40).slices]
    assert lights.count("NIGHT") == 4


def test_a_short_track_shows_a_frame_twice(tmp_path: Path) -> None:
    camera = RecordedCamera(write(tmp_path, arrays()), seed=4, frames=6)
    assert all(frames[:, 0, 0, 2].tolist() == [0, 1, 1, 2, 2, 3] for frames in met(camera, 9))


Break = Callable[[Arrays], object]


@pytest.mark.parametrize(
    ("break_it", "message"),
    [
        (lambda a: a.pop("images"), "tracks.npz: images: missing; it holds class_id"),
        (lambda a: a.pop("track"), "tracks.npz: track: missing"),
        (
            lambda a: a.update(images=a["images"][:, :31]),
            r"images: uint8 \[640, 31, 32, 3\], must be uint8 \[n, 32, 32, 3\]",
        ),
        (lambda a: a.update(images=a["images"] / 255.0), "images: float64"),
        (lambda a: a.update(images=a["images"][:0]), "images: there are none"),
        (lambda a: a.update(frame=a["frame"][:-1]), r"frame: uint8 \[639\], must be integers"),
        (lambda a: a.update(class_id=a["class_id"] * 1.0), "class_id: float64"),
        (lambda a: a.update(class_id=a["class_id"] + 1), r"class_id: \[13\]: not in classes.csv"),
        (lambda a: a.update(track=np.array([{}] * 640)), "not a readable .npz"),
    ],
)
def test_a_wrong_array_is_refused_by_name(tmp_path: Path, break_it: Break, message: str) -> None:
    content = arrays()
    break_it(content)
    with pytest.raises(CameraError, match=message):
        read_recording(write(tmp_path, content))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,name\n1,a\n", "needs the columns class_id"),
        ("class_id,name\nx,a\n", "needs the columns class_id"),
        ("class_id,name\n1,a\n1,b\n", "distinct"),
        ("class_id,name\n1,a\n2,a\n", "distinct"),
        ("class_id,name\n1,\n", "must be there in each row"),
    ],
)
def test_a_wrong_list_of_classes_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, arrays())
    (tmp_path / "classes.csv").write_text(text)
    with pytest.raises(CameraError, match=f"classes.csv: .*{message}"):
        read_recording(tmp_path)


def test_missing_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(CameraError, match=r"0 \.npz files"):
        read_recording(tmp_path)
    write(tmp_path, arrays())
    with pytest.raises(CameraError, match=r"nowhere\.npz: not a readable"):
        read_recording(tmp_path / "nowhere.npz")
    (tmp_path / "other.npz").write_bytes(b"PK\x03\x04 torn")
    with pytest.raises(CameraError, match=r"2 \.npz files"):
        read_recording(tmp_path)
    with pytest.raises(CameraError, match=r"other\.npz: not a readable"):
        read_recording(tmp_path / "other.npz")
    np.save(tmp_path / "single.npy", np.zeros(3))
    with pytest.raises(CameraError, match=r"single\.npy: not a readable"):
        read_recording(tmp_path / "single.npy")
    (tmp_path / "classes.csv").unlink()
    with pytest.raises(CameraError, match=r"classes\.csv: No such file"):
        read_recording(tmp_path / "tracks.npz")


def test_too_few_tracks_are_refused(tmp_path: Path) -> None:
    few = {name: column[:6] for name, column in arrays().items()}
    with pytest.raises(CameraError, match="6 tracks; at least 10"):
        RecordedCamera(write(tmp_path, few), seed=1)


def test_the_real_tracks_are_dealt_as_measured() -> None:
    shared = Path(os.environ.get("FLEETLOOP_SHARED", Path(__file__).parents[5] / "shared"))
    folder = shared / "data" / "gtsrb_tracks"
    if not folder.exists():
        pytest.skip(f"needs the recorded traffic signs in {folder} (FLEETLOOP_SHARED)")
    camera = RecordedCamera(folder, seed=1)
    drive = Counter(one.label for one in camera.seed(1000))
    assert sum(drive.values()) == 242
    assert len(camera.classes) - len(drive) >= 3
    assert len(np.unique(camera.held_back(1, 1000).groups)) == 392
    pictures = np.concatenate(met(camera, 500))
    assert (mean_brightness(pictures) < DARK_BELOW).mean() < 0.01
