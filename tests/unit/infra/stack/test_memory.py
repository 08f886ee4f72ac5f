"""Memory of a process and all that it started."""

import subprocess
import sys

import pytest

from infra.stack.memory import MemorySampler, tree

HOLD = (
    "x = bytearray(64 << 20); x[::4096] = b'1' * len(x[::4096]); print('held', flush=True); input()"
)


@pytest.fixture
def sampler() -> MemorySampler:
    """A sampler of this process."""
    return MemorySampler(interval_s=0.01)


def test_a_childs_memory_is_in_the_peak_also_after_its_end(sampler: MemorySampler) -> None:
    sampler.sample()
    before = sampler.peak_rss_mb
    with subprocess.Popen(
        [sys.executable, "-c", HOLD], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"held\n"
        pids = {one.pid: one for one in sampler.sample()}
        assert pids[child.pid].rss_mb > 64
        child.communicate(b"\n")
    assert sampler.peak_rss_mb > before + 60
    assert child.pid not in {one.pid for one in tree()}


def test_shared_pages_count_once_in_pss() -> None:
    for one in tree():
        assert 0 <= one.pss_mb <= one.rss_mb + 1


def test_the_thread_samples_by_itself_and_ends(sampler: MemorySampler) -> None:
    sampler.start()
    sampler.stop()
    assert sampler.peak_rss_mb > 10
    assert not sampler._thread.is_alive()
