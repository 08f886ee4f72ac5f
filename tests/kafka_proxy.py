"""A proxy before a Kafka broker that loses acknowledgements of producers, and doubles requests.

It reads the frames of Kafka's protocol: int32 length, then in a request int16 key, int16 version
and int32 correlation id, in a response int32 correlation id. Where a response tells the broker's
address (a string, then the port as int32), it tells the proxy's instead.
"""

import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

from infra.settings import KafkaSettings
from infra.stack.ports import LOOPBACK

_PRODUCE: Final = 0


class Proxy:
    """Clients reach the broker by its `settings`; `close` ends it.

    Args:
        kafka: The broker, on loopback.
        chance: Seeded source of what goes wrong.
        losing: Share of the produce requests whose response is lost with its connection.
        doubling: Share of the produce requests that arrive twice.

    Attributes:
        lost, doubled: How often it happened.
    """

    def __init__(
        self, kafka: KafkaSettings, chance: random.Random, *, losing: float, doubling: float
    ) -> None:
        self._broker_port, self._chance = int(kafka.bootstrap.rsplit(":", 1)[1]), chance
        self._losing, self._doubling = losing, doubling
        self.lost = self.doubled = 0
        self._lock = threading.Lock()
        self._listener = socket.create_server((LOOPBACK, 0))
        self._port: int = self._listener.getsockname()[1]
        self.settings = kafka.model_copy(update={"bootstrap": f"{LOOPBACK}:{self._port}"})
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        """End every connection."""
        self._listener.close()
        with self._lock:
            for connection in self._open:
                _end(connection)

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:  # closed
                return
            try:
                server = socket.create_connection((LOOPBACK, self._broker_port))
            except OSError:  # the broker is away
                client.close()
                continue
            with self._lock:
                self._open |= {client, server}
            _Connection(self, client, server).start()

    def forget(self, *gone: socket.socket) -> None:
        """A connection has ended."""
        with self._lock:
            self._open -= set(gone)
        for one in gone:
            one.close()

    def fate(self) -> tuple[bool, bool]:
        """Whether the next produce request's response is lost, and whether it arrives twice."""
        with self._lock:
            lost = self._chance.random() < self._losing
            doubled = self._chance.random() < self._doubling
            self.lost += lost
            self.doubled += doubled
            return lost, doubled

    def told(self, response: bytes) -> bytes:
        """A response that names the proxy where it named the broker."""
        host = LOOPBACK.encode()
        ours, theirs = (struct.pack(">i", port) for port in (self._port, self._broker_port))
        return response.replace(host + theirs, host + ours)


class _Connection:
    """One client's connection and its way on to the broker."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self._proxy, self._client, self._server = proxy, client, server
        self._losing: set[int] = set()
        self._awaited: Counter[int] = Counter()

    def start(self) -> None:
        """Carry frames both ways until one side ends."""
        threading.Thread(target=self._requests, daemon=True).start()
        threading.Thread(target=self._responses, daemon=True).start()

    def _requests(self) -> None:
        with suppress(OSError):
            for frame in _frames(self._client):
                key, _, correlation = struct.unpack_from(">hhi", frame)
                lost, doubled = self._proxy.fate() if key == _PRODUCE else (False, False)
                if lost:
                    self._losing.add(correlation)
                self._awaited[correlation] += 1 + doubled
                self._server.sendall(_framed(frame) * (1 + doubled))
        _end(self._server)

    def _responses(self) -> None:
        with suppress(OSError):
            for frame in _frames(self._server):
                (correlation,) = struct.unpack_from(">i", frame)
                self._awaited[correlation] -= 1
                if self._awaited[correlation] > 0:
                    continue  # the answer to the other copy comes
                if correlation in self._losing:
                    break
                self._client.sendall(_framed(self._proxy.told(frame)))
        _end(self._client)
        self._proxy.forget(self._client, self._server)


def _frames(of: socket.socket) -> Iterator[bytes]:
    """Whole frames, without their lengths, until the other side ends."""
    while len(head := _read(of, 4)) == 4:
        (length,) = struct.unpack(">i", head)
        frame = _read(of, length)
        if len(frame) < length:
            return
        yield frame


def _read(of: socket.socket, length: int) -> bytes:
    read = bytearray()
    while len(read) < length and (more := of.recv(length - len(read))):
        read += more
    return bytes(read)


def _framed(frame: bytes) -> bytes:
    return struct.pack(">i", len(frame)) + frame


def _end(connection: socket.socket) -> None:
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
