"""The shelf of model files of a process: fetched once, loaded once, the longest unused dropped."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from producers.device.engine import Engine, EngineError
from producers.device.slots import Model

MAX_ENGINES: Final = 8
MAX_FILES: Final = 16


class ModelShelf:
    """Models by address and digest.

    Args:
        fetch: Bytes at an address; raises LookupError when there are none.
        digest: SHA-256 of bytes, hex.
    """

    def __init__(
        self,
        fetch: Callable[[str], bytes],
        digest: Callable[[bytes], str],
        load: Callable[[bytes, str], Engine] = Engine,
    ) -> None:
        self._fetch, self._digest, self._load = fetch, digest, load
        self._files: OrderedDict[str, tuple[bytes, str]] = OrderedDict()
        self._engines: OrderedDict[str, Engine | EngineError] = OrderedDict()

    def digest(self, uri: str) -> str:
        """SHA-256 of the file at an address, as downloaded.

        Raises:
            LookupError: There is no file.
        """
        return self._file(uri)[1]

    def engine(self, model: Model) -> Engine:
        """The engine of a model, one for all devices that run it.

        Raises:
            LookupError: There is no file.
            EngineError: It is not the announced one, or not a model.
        """
        found = self._engines.get(model.digest)
        if found is None:
            try:
                found = self._load(self._file(model.uri)[0], model.digest)
            except EngineError as error:
                found = error
            self._engines[model.digest] = found
            if len(self._engines) > MAX_ENGINES:
                self._engines.popitem(last=False)
        self._engines.move_to_end(model.digest)
        if isinstance(found, EngineError):
            raise found
        return found

    def _file(self, uri: str) -> tuple[bytes, str]:
        found = self._files.get(uri)
        if found is None:
            body = self._fetch(uri)
            found = self._files[uri] = (body, self._digest(body))
            if len(self._files) > MAX_FILES:
                self._files.popitem(last=False)
        self._files.move_to_end(uri)
        return found
