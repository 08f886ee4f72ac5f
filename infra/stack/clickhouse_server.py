"""The embedded ClickHouse server: `python -m infra.stack.clickhouse_server DATA_DIR`.

clickhouse-local, which the chdb wheel holds whole, can open its listeners from a query; the query
then blocks on a named pipe, and closing the pipe ends the server cleanly. This is the only place
that uses chdb's private `_chdb`.
"""

import errno
import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Final

_STOP_S: Final = 30.0
_LOOK_S: Final = 0.05
_LISTEN_UNTIL_CLOSED: Final = (
    "SYSTEM START LISTEN TCP; SYSTEM START LISTEN HTTP; "
    "SELECT count() FROM file('{pipe}', 'LineAsString', 'line String')"
)
STOP_PIPE: Final = "stop"
STORE: Final = "store"
HOME: Final = "home"


def serve(data_dir: Path) -> int:
    """Serve from `data_dir`/store until TERM or INT; addresses stand in `data_dir`/home.

    Returns:
        The exit status: 0 after a stop that was asked for, 1 when the engine ended by itself.
    """
    stops = {signal.SIGTERM, signal.SIGINT}
    # Blocked before the engine starts its threads, so that only sigwait below takes them.
    signal.pthread_sigmask(signal.SIG_BLOCK, stops)
    pipe = _pipe(data_dir)
    failure: list[str] = []
    engine = threading.Thread(target=_run, args=(data_dir / STORE, pipe, failure), daemon=True)
    engine.start()
    signal.sigwait(stops)
    if failure:
        sys.stderr.write(f"{failure[0]}\n")
        return 1
    _close(pipe, engine)
    return 0


def _pipe(data_dir: Path) -> Path:
    pipe = data_dir / STOP_PIPE
    pipe.unlink(missing_ok=True)
    os.mkfifo(pipe, 0o600)
    return pipe


def _run(store: Path, pipe: Path, failure: list[str]) -> None:
    said = _query(_LISTEN_UNTIL_CLOSED.format(pipe=pipe), store)
    if said is not None:
        failure.append(said.split(", Stack trace", 1)[0])
        os.kill(os.getpid(), signal.SIGTERM)


def _close(pipe: Path, engine: threading.Thread) -> None:
    """Open and close the pipe for writing, as soon as the engine reads it, and wait for its end."""
    deadline = time.monotonic() + _STOP_S
    while engine.is_alive() and time.monotonic() < deadline:
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError as error:
            if error.errno != errno.ENXIO:  # nobody reads it yet
                raise
        engine.join(_LOOK_S)


def _query(sql: str, store: Path) -> str | None:
    """Run until it ends; what went wrong, or None."""
    from chdb import _chdb  # noqa: PLC0415 - 0.3 s and 100 MB, only in the server's own process

    try:
        # The format becomes the default of every connection: a stock server's is TabSeparated.
        answer = _chdb.query(sql, "TabSeparated", path=str(store))  # type: ignore[attr-defined] # compiled, no stubs
    except RuntimeError as error:
        return str(error)
    return str(answer.error_message()) if answer.has_error() else None


if __name__ == "__main__":
    sys.exit(serve(Path(sys.argv[1])))
