"""Which examples of a dataset erasures cover: one rule for whoever builds, erases or names them.

A manifest never changes: it says which erasures it obeys, and later ones are held against it.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from schemas.erasures import Erased, ErasureBook
from schemas.examples import Examples
from schemas.manifests import Manifest, obeyed_until_us


@dataclass(frozen=True, slots=True)
class Loss:
    """What one erasure took from a dataset after it was assembled.

    Attributes:
        until_us: The broker's stamp of the erasure, UTC microseconds.
        examples: Examples of the dataset that show the erased device.
    """

    erasure_id: str
    until_us: int
    examples: int


def erased_since(manifest: Manifest, erasures: ErasureBook) -> Mapping[str, Erased]:
    """The erasures that came after those the manifest obeys, by the device they take from it.

    Raises:
        ManifestError: The manifest does not say readably which erasures it obeys.
    """
    obeyed_us = obeyed_until_us(manifest)
    return {one.device_id: one for one in erasures.all() if one.until_us > obeyed_us}


def standing(manifest: Manifest, erasures: ErasureBook) -> Examples:
    """Its examples without those of devices that were erased since.

    Raises:
        ManifestError: As `erased_since`.
    """
    examples = Examples.of(manifest.examples)
    gone = pa.array([*erased_since(manifest, erasures)], pa.string())
    return examples.where(pc.invert(pc.is_in(examples.column("device_id"), gone)))


def losses(manifest: Manifest, erasures: ErasureBook) -> list[Loss]:
    """What erasures took from a dataset since it was assembled, oldest first.

    A model trained on the dataset has learnt from these examples: they name what it is affected by.

    Raises:
        ManifestError: As `erased_since`.
    """
    since = erased_since(manifest, erasures)
    devices = Counter(Examples.of(manifest.examples).column("device_id").to_pylist())
    found: Counter[tuple[int, str]] = Counter()
    for device in devices.keys() & since.keys():
        found[since[device].until_us, since[device].erasure_id] += devices[device]
    return [
        Loss(erasure_id, until_us, count) for (until_us, erasure_id), count in sorted(found.items())
    ]
