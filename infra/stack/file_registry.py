"""The schemas of this package as the registry: workers read files, outsiders ask over HTTP."""

from infra.stack.registry_face import RegistryFace
from schemas.registry import FileRegistry


class PackagedRegistry:
    """Serves the packaged schemas to outside readers (ClickHouse's AvroConfluent, other tools).

    `url` is None, since the processes of an installation need no server to read their own files.
    """

    child: None = None
    url: None = None
    version = "file (schemas/avro of this package)"

    def __init__(self) -> None:
        self._face = RegistryFace(FileRegistry())
        self.address = "not started"

    def start(self) -> None:
        """Serve them on a free loopback port."""
        self.address = self._face.start()

    def stop(self) -> None:
        """Close the port."""
        self._face.stop()
