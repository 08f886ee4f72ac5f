"""The measured process: a sift with a million kept embeddings, fed from Kafka by the worker's code.

Also the search by itself against a comparison of everything with everything, as floats.
"""

import json
import resource
import sys
import time
from typing import Any, Final

import numpy as np
import pyarrow as pa

from infra.settings import Settings
from schemas.media import PICTURES
from schemas.name_hashes import hashed
from schemas.registry import FileRegistry
from schemas.topics import EDGE_CASES
from streams.dataset.candidates import SIGHTING_COLUMNS, Sightings
from streams.dataset.codes import quantised
from streams.dataset.near_index import NearIndex
from streams.dataset.policy import DatasetPolicy
from streams.dataset.sift import Continued, Sift
from streams.dataset.sources import KafkaLog
from tests.bench.assembly_embeddings import Embeddings, jittered
from tests.factories import DIGEST

_STEP: Final = 4_096
_ASKED: Final = 2_048


def sifted(real: Embeddings, kept: int) -> dict[str, Any]:
    """Fill a sift as a long range would, then read what stands on the log."""
    policy = DatasetPolicy(kept_embeddings=kept + kept // 8)
    sift = Sift(policy, Continued(hashed([]), PICTURES.media_type))
    began, cpu = time.perf_counter(), time.process_time()
    for begin in range(0, kept, _STEP):
        sift.take(_columns(jittered(real, _STEP, 1_000 + begin, 0.2, 0.6), begin))
    filled = {"fill_s": time.perf_counter() - began, "fill_cpu_s": time.process_time() - cpu}
    before = sift.candidates().excluded
    log = KafkaLog(Settings().kafka, FileRegistry())
    ranges = [span for span in log.held(EDGE_CASES.name) if span.last_offset >= 0]
    began, cpu, records = time.perf_counter(), time.process_time(), 0
    for block in log.sightings(ranges):
        sift.take(block)
        records += len(block)
    return {
        **filled,
        "records": records,
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "excluded": dict(sift.candidates().excluded - before),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
    }


def recall(real: Embeddings, kept: int, cosine: float) -> dict[str, Any]:
    """How many of the near ones are found, and how many that are not near are called so."""
    index = NearIndex(real.shape[1], cosine)
    for begin in range(0, kept, _STEP):
        index.add(quantised(jittered(real, _STEP, 1_000 + begin, 0.2, 0.6)))
    copies = jittered(real, _STEP, 1_000, 0.2, 0.6)[: _ASKED // 2]
    # Of the copies some lie beyond the threshold, which is a distance of 0.1 at 0.995.
    reach = float(np.sqrt(2 * (1 - cosine)))
    moved = jittered(copies, _ASKED // 2, 7, 0.3 * reach, 1.3 * reach)
    asked = np.concatenate([moved, jittered(real, _ASKED // 2, 8, 0.2, 0.6)])
    truth = np.zeros(len(asked), dtype=bool)
    for begin in range(0, kept, _STEP):
        held = jittered(real, _STEP, 1_000 + begin, 0.2, 0.6)
        truth |= (asked @ held.T > cosine).any(axis=1)
    began = time.process_time()
    found = index.near(quantised(asked))
    return {
        "asked_per_cpu_s": len(asked) / (time.process_time() - began),
        "near": int(truth.sum()),
        "recall": float((found & truth).sum() / truth.sum()),
        "wrong": float((found & ~truth).sum() / truth.sum()),
    }


def _columns(embeddings: Embeddings, begin: int) -> Sightings:
    count = len(embeddings)
    numbers = range(begin, begin + count)
    flat = pa.array(embeddings.reshape(-1))
    ends = pa.array(np.arange(count + 1, dtype=np.int32) * np.int32(embeddings.shape[1]))
    columns: dict[str, Any] = {
        "event_id": [f"vehicle-{n % 5_000}/1763769000/{n}" for n in numbers],
        "device_id": [f"vehicle-{n % 5_000}" for n in numbers],
        "model_digest": [DIGEST] * count,
        "encounter_id": [f"vehicle-{n % 5_000}/{n}" for n in numbers],
        "frame_uri": [f"file:///objects/frames/{n:064x}.png" for n in numbers],
        "frame_digest": [f"{n:064x}" for n in numbers],
        "frame_media_type": [PICTURES.media_type] * count,
        "margin": np.random.default_rng(begin).uniform(size=count),
        "consent": [True] * count,
        "embedding": pa.ListArray.from_arrays(ends, flat),
    }
    rows = pa.RecordBatch.from_pydict({name: columns[name] for name in SIGHTING_COLUMNS})
    offsets = np.arange(begin, begin + count, dtype=np.int64)
    return Sightings(rows, "filled", 0, offsets, offsets)


if __name__ == "__main__":
    what, path, number = sys.argv[1], sys.argv[2], int(sys.argv[3])
    found = np.load(path)
    told = sifted(found, number) if what == "sift" else recall(found, number, float(sys.argv[4]))
    sys.stdout.write(json.dumps(told) + "\n")
