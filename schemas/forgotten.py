"""Which examples of a dataset erasures cover: one rule for whoever builds, erases or names them.

A manifest never changes: it says which erasures it obeys, and later ones are held against it.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from schemas.erasures import Erased, ErasureBook
from schemas.manifests import Example, Manifest, obeyed_until_us


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


def erased_since(manifest: Manifest, erasures: ErasureBook) -> Callable[[Example], Erased | None]:
    """Tells of an example the erasure that came after those the manifest obeys; None: it is kept.

    Raises:
        ManifestError: The manifest does not say readably which erasures it obeys.
    """
    first_us = obeyed_until_us(manifest) + 1
    return lambda example: erasures.covering(example.device_id, first_us)


def losses(manifest: Manifest, erasures: ErasureBook) -> list[Loss]:
    """What erasures took from a dataset since it was assembled, oldest first.

    A model trained on the dataset has learnt from these examples: they name what it is affected by.

    Raises:
        ManifestError: As `erased_since`.
    """
    since = erased_since(manifest, erasures)
    found = Counter(
        (erased.until_us, erased.erasure_id)
        for erased in map(since, manifest.examples)
        if erased is not None
    )
    return [
        Loss(erasure_id, until_us, count) for (until_us, erasure_id), count in sorted(found.items())
    ]
