"""Devices judged by latency in arrays: as one would judge them window by window."""

from random import Random

import numpy as np
import pytest

from streams.blobs import Blobs, Reading
from streams.rollout.policy import Policy
from streams.rollout.streaks import Changes, Streaks

POLICY = Policy(windows_over=3, windows_judged=5)


class OneByOne:
    """The rule in plain words, for one window at a time."""

    def __init__(self) -> None:
        self.told = dict[int, list[bool]]()
        self.failed = set[int]()

    def judge(self, device: int, over: bool) -> tuple[int, int, int]:
        if device in self.failed:
            return 0, 0, 0
        told = self.told.setdefault(device, [])
        passed = len(told) >= POLICY.windows_judged
        told.append(over)
        accepted = int(len(told) == 1)
        if told[-POLICY.windows_over :] == [True] * POLICY.windows_over:
            self.failed.add(device)
            return accepted, -int(passed), 1
        return accepted, int(not passed and len(told) >= POLICY.windows_judged), 0


@pytest.mark.parametrize("seed", range(20))
def test_any_cut_of_a_log_is_judged_as_window_by_window(seed: int) -> None:
    chance = Random(seed)
    log = [(chance.randrange(6), chance.random() < 0.6) for _ in range(chance.randrange(1, 120))]
    plain = OneByOne()
    expected = [plain.judge(*window) for window in log]
    table, found = Streaks(POLICY), list[tuple[int, ...]]()
    while len(found) < len(log):
        batch = log[len(found) : len(found) + chance.randrange(1, 30)]
        changes = table.judge(
            "r1", np.array([device for device, _ in batch]), np.array([over for _, over in batch])
        )
        found += zip(*(column.tolist() for column in changes), strict=True)
        blobs = Blobs()
        state = table.state(blobs)
        table = Streaks(POLICY)
        table.restore(state, Reading(blobs.pack(None)))
    assert found == expected
    assert any(failed for _, _, failed in expected) or len(log) < 40, "the case says too little"


def test_no_window_changes_nothing() -> None:
    changes = Streaks(POLICY).judge("r1", np.zeros(0, np.int64), np.zeros(0, np.bool_))
    assert [column.tolist() for column in changes] == [[]] * len(Changes._fields)
