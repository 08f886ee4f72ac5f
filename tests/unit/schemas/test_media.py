"""The media: frames tell theirs, and each keeps an encounter as its media type says."""

import numpy as np
import pytest

from schemas.film_strips import StripError
from schemas.manifests import Manifest, ManifestError
from schemas.media import MEDIA, PICTURES, SOUND, Medium, medium_of
from schemas.tasks import ROAD_SIGNS, SPOKEN_DIGITS, TASKS, task_of


@pytest.mark.parametrize("medium", MEDIA.values(), ids=lambda medium: medium.name)
def test_an_encounter_of_a_medium_is_kept_and_read_again(medium: Medium) -> None:
    frames = np.full((3, *medium.shape), 7, medium.dtype)
    assert medium_of(frames) is medium
    body = medium.encode(frames)
    assert np.array_equal(medium.decode(body), frames)
    assert len(medium.fingerprint(frames[-1])) == 64
    for other in MEDIA.values():
        if other is not medium:
            with pytest.raises(StripError):
                other.decode(body)
            assert not other.fits(frames)


def test_the_size_that_records_tell_is_that_of_the_object() -> None:
    assert PICTURES.size(6) == (192, 32)
    assert SOUND.size(6) == (6_400, 1)


def test_frames_of_no_medium_are_refused() -> None:
    with pytest.raises(StripError, match=r"uint8 \[2, 8, 8, 3\]: must be uint8 .* or int16"):
        medium_of(np.zeros((2, 8, 8, 3), np.uint8))


def test_a_dataset_says_what_it_is_about() -> None:
    assert task_of(Manifest((), {})) is ROAD_SIGNS
    assert task_of(Manifest((), {"task": "spoken-digits"})) is SPOKEN_DIGITS
    with pytest.raises(ManifestError, match=r"task='smells': must be one of \['road-signs'"):
        task_of(Manifest((), {"task": "smells"}))


def test_every_task_has_a_name_and_a_medium_of_its_own_kind() -> None:
    assert {name: task.name for name, task in TASKS.items()} == {name: name for name in TASKS}
    assert {task.medium.media_type for task in TASKS.values()} <= set(MEDIA)
