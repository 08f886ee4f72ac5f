"""The embedded ClickHouse server: `python -m infra.stack.clickhouse_server DATA_DIR`.

clickhouse-local, which the chdb wheel holds whole, can open its listeners from a query; the query
then blocks on a named pipe, and closing the pipe ends the server cleanly. This is the only place
that uses chdb's private `_chdb`.
"""

import os
import signal
import sys
import threading
from pathlib import Path
from typing import Final

_STOP_S: Final = 30.0
_LISTEN_UNTIL_CLOSED: Final = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT count() FROM file('{pipe}', 'LineAsString', 'line String')"
)
STOP_PIPE: Final = "stop"
STORE: Final = "store"
HOME: Final = "home"


def serve(data_dir: Path) -> None:
    """Serve from `data_dir`/store until TERM or INT; addresses stand in `data_dir`/home."""
    stops = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the engine starts its threads, so that only sigwait below takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    pipe = _pipe(data_dir)
    ended: list[BaseException] = []
    engine = threading.Thread(target=_run, args=(data_dir, pipe, ended), daemon=True)
    engine.start()
    signal.sigwait(stops)
    os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
    engine.join(_STOP_S)
    sys.exit(1 if ended else 0)


def _pipe(data_dir: Path) -> Path:
    pipe = data_dir / STOP_PIPE
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    return pipe


def _run(data_dir: Path, pipe: Path, ended: list[BaseException]) -> None:
    try:
        _query(_LISTEN_UNTIL_CLOSED.format(pipe=pipe), data_dir / STORE)
    except RuntimeError as error:
        ended.append(error)
        sys.stderr.write(f"{error}\n")
        os.kill(os.getpid(), signal.SIGTERM)


def _query(sql: str, store: Path) -> None:
    from chdb import _chdb  # noqa: PLC0415 - 0.3 s and 100 MB, only in the server's own process

    # The format becomes the default of every connection: a stock server's is TabSeparated.
    _chdb.query(sql, "TabSeparated", path=str(store))  # type: ignore[attr-defined] # compiled, no stubs


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
