"""The measured process: an assembler that takes over a line whose cut stands on the log."""

import json
import resource
import sys
import time
from pathlib import Path

from infra.objects import ObjectStore
from infra.settings import Settings
from schemas.dataset_lines import LineBook
from schemas.registry import FileRegistry
from streams.dataset.assembler import Assembler
from streams.dataset.sources import KafkaLog, ObjectGallery, ObjectShelf
from tests.bench import manifest_line


def main(folder: Path) -> None:
    """Assemble once and say what it took."""
    objects = ObjectStore(f"file://{folder}/objects")
    assembler = Assembler(
        manifest_line.POLICY,
        KafkaLog(Settings().kafka, FileRegistry()),
        ObjectShelf(objects),
        ObjectGallery(objects),
    )
    book = LineBook()
    for record in manifest_line.read(folder):
        assert book.observe(record, 0)
    view = book.line(manifest_line.POLICY.line)
    began, cpu = time.perf_counter(), time.process_time()
    made = assembler.next(view, 0)
    while made is None:
        made = assembler.next(view, 0)
    told = {
        "wall_s": time.perf_counter() - began,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1_024,
        "examples": sum(made.counts.values()),
        "added": made.slices["added"],
        "checked": made.leakage_audit.checked if made.leakage_audit else 0,
        "manifest_mb": len(objects.get(made.manifest_uri or "")) / 1e6,
    }
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
