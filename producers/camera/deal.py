"""Who meets which track of a recording: dealt once, by hash of a seed and the track's name."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from producers.camera.draws import key
from producers.camera.recording import Track

HELD_BACK_SHARE: Final = 0.30
SEED_SHARE: Final = 0.265
"""Of the tracks that are not held back, at most this share is the test drive's."""
_UNSEEN: Final = 3
_SCARCE: Final = 5


@dataclass(frozen=True, slots=True)
class Deal:
    """Three sides of a recording; no track stands on two.

    Attributes:
        held_back: For measuring alone.
        test_drive: Labelled, for the first release. It has nothing of the `unseen` labels and a
            single track of each of the `scarce` ones.
        stream: What the fleet meets.
    """

    held_back: tuple[Track, ...]
    test_drive: tuple[Track, ...]
    stream: tuple[Track, ...]
    unseen: frozenset[int]
    scarce: frozenset[int]


def deal(tracks: Sequence[Track], classes: int, seed: int) -> Deal:
    """Deal tracks of `classes` labels; up to three labels are unseen and up to five scarce."""
    order = sorted(tracks, key=lambda track: key(seed, "deal", track.name))
    cut = round(HELD_BACK_SHARE * len(order))
    unseen, scarce = short_labels(classes, seed)
    room = dict.fromkeys(unseen, 0) | dict.fromkeys(scarce, 1)
    test_drive = _test_drive(order[cut:], room)
    used = {track.name for track in test_drive}
    return Deal(
        held_back=tuple(order[:cut]),
        test_drive=tuple(test_drive),
        stream=tuple(track for track in order[cut:] if track.name not in used),
        unseen=unseen,
        scarce=scarce,
    )


def short_labels(classes: int, seed: int) -> tuple[frozenset[int], frozenset[int]]:
    """What a test drive has nothing of, and what it has a single one of: up to three and five."""
    labels = sorted(range(classes), key=lambda label: key(seed, "class", label))
    unseen = min(_UNSEEN, classes // 8)
    scarce = min(_SCARCE, classes // 6)
    return frozenset(labels[:unseen]), frozenset(labels[unseen : unseen + scarce])


def _test_drive(tracks: Sequence[Track], room: dict[int, int]) -> list[Track]:
    """A share of the tracks, of each label at most its room."""
    taken: Counter[int] = Counter()
    chosen: list[Track] = []
    for track in tracks:
        if len(chosen) < round(SEED_SHARE * len(tracks)) and (
            taken[track.label] < room.get(track.label, len(tracks))
        ):
            taken[track.label] += 1
            chosen.append(track)
    return chosen
