"""Where the images of a release stand in both repositories."""


def image_path(release_id: str) -> str:
    """Path of a release's image in both repositories."""
    return f"{release_id}.onnx"


def shadow_path(release_id: str) -> str:
    """Path under which the Director orders a release's image to be run beside what drives.

    The image repository knows it by `image_path` alone: by this order nothing can be installed.
    """
    return f"{release_id}.shadow.onnx"


def way_back_path(release_id: str) -> str:
    """Path of the image that devices return to when this release is ordered back."""
    return f"{release_id}.rollback.onnx"
