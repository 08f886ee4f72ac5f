"""Where the two repositories are in the object store."""

from typing import Final

from infra.objects import ObjectStore
from producers.device.trust.object_source import ObjectSource

METADATA: Final = {"director": "updates/director", "images": "updates/image_repo"}
"""Prefix of the metadata by repository."""
TARGETS: Final = "updates/targets"
"""Prefix of the images; the Director has none of its own."""


def sources(objects: ObjectStore) -> tuple[ObjectSource, ObjectSource]:
    """The Director's repository and the image repository."""
    director, images = (ObjectSource(objects, METADATA[name], TARGETS) for name in METADATA)
    return director, images
