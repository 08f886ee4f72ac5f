"""Children of this process: started with a log each, watched, stopped in order, never left."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.stack.child import Child, Tier

_HERE: Final = Path(__file__).parent
_POLL_S: Final = 0.02
_MAX_LOG_BYTES: Final = 16 * 1024 * 1024


class StartTimeoutError(TimeoutError):
    """A child runs, but does not answer in time."""


class Supervisor:
    """Starts and stops processes; when this process ends in any way, they end too.

    Args:
        log_dir: Folder of the log files, <name>.log; one beyond 16 MiB is set aside at a start.
    """

    def __init__(self, log_dir: Path) -> None:
        self._log_dir = log_dir
        self._children: dict[str, Child] = {}
        self._lock = threading.RLock()
        # The kernel's "parent" is a thread: children of one that ends would be killed.
        self._spawner = ThreadPoolExecutor(1, "fleetloop-spawner")
        self._guard: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def children(self) -> Sequence[Child]:
        """All that were started and not stopped since, oldest first."""
        with self._lock:
            return tuple(self._children.values())

    def start(
        self,
        name: str,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        tier: Tier = Tier.WORKER,
        grace_s: float = 10.0,
        store: Path | None = None,
    ) -> Child:
        """Start a program; its output goes to its log.

        Args:
            name: What it is called in messages and the name of its log.
            argv: Program and arguments.
            env: Its whole environment; None: that of this process.
            tier: What is stopped together with it.
            grace_s: Seconds between TERM and KILL when it is stopped.
            store: Folder it writes to, whose full disk is told of its end.

        Raises:
            ValueError: A child of that name is running.
            OSError: The program cannot be started.
        """
        with self._lock:
            known = self._children.get(name)
            if known is not None and known.running():
                raise ValueError(f"child {name}: already running as pid {known.pid}; stop it first")
            if known is not None:
                self._forget(known)
            log = self._open_log(name)
            process = self._spawner.submit(self._spawn, argv, env, log).result()
            child = Child(name, tuple(argv), log, process, tier, grace_s, store)
            self._children[name] = child
            self._tell_guard()
            return child

    def check(self) -> None:
        """Find a child that ended although nobody stopped it.

        Raises:
            ChildDiedError: The first such child, with its exit status and last log lines.
        """
        for child in self.children:
            if (death := child.death()) is not None:
                raise death

    def wait_ready(
        self, child: Child, ready: Callable[[], bool], *, timeout_s: float, what: str
    ) -> None:
        """Wait until a child answers.

        Raises:
            ChildDiedError: It ended first.
            StartTimeoutError: It did not answer within `timeout_s` seconds.
        """
        deadline = time.monotonic() + timeout_s
        while not ready():
            if (death := child.death()) is not None:
                raise death
            if time.monotonic() > deadline:
                last = "\n".join(f"    {line}" for line in child.tail())
                raise StartTimeoutError(
                    f"{child.name} (pid {child.pid}) does not answer on {what} after "
                    f"{timeout_s:.0f} s; the end of {child.log}:\n{last}"
                )
            time.sleep(_POLL_S)

    def stop(self, *children: Child) -> None:
        """Stop together: TERM, each its grace time, then KILL to its whole process group.

        One that was stopped before is passed over.
        """
        ours = [child for child in children if self._children.get(child.name) is child]
        for child in ours:
            child.expected = True
            if child.running():
                child.process.send_signal(signal.SIGTERM)
        begun = time.monotonic()
        for child in ours:
            left = child.grace_s - (time.monotonic() - begun)
            try:
                child.process.wait(max(0.0, left))
            except subprocess.TimeoutExpired:
                child.signal_group(signal.SIGKILL)
            self._forget(child)

    def kill(self, child: Child) -> None:
        """Kill -9, for tests of crashes; one that was stopped before is passed over."""
        if self._children.get(child.name) is not child:
            return
        child.expected = True
        child.signal_group(signal.SIGKILL)
        self._forget(child)

    def close(self) -> None:
        """Stop all, the youngest tier first, and end the guard."""
        try:
            for tier in sorted(Tier, reverse=True):
                self.stop(*(child for child in reversed(self.children) if child.tier is tier))
        finally:
            for child in self.children:
                self.kill(child)
            self._end_guard()
            self._spawner.shutdown()

    def _forget(self, child: Child) -> None:
        """After its end: what it started and left behind goes too."""
        child.process.wait()
        child.signal_group(signal.SIGKILL)
        with self._lock:
            if self._children.get(child.name) is child:
                del self._children[child.name]
            self._tell_guard()

    def _open_log(self, name: str) -> Path:
        self._log_dir.mkdir(parents=True, exist_ok=True)
        log = self._log_dir / f"{name}.log"
        if log.exists() and log.stat().st_size > _MAX_LOG_BYTES:
            log.replace(log.with_suffix(".log.1"))
        log.touch()
        return log

    def _spawn(
        self, argv: Sequence[str], env: Mapping[str, str] | None, log: Path
    ) -> subprocess.Popen[bytes]:
        launcher = [sys.executable, "-I", "-S", str(_HERE / "launch.py"), str(os.getpid())]
        with log.open("ab") as output:
            return subprocess.Popen(  # noqa: S603 - the programs are the project's own engines and workers
                [*launcher, *argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=None if env is None else dict(env),
                start_new_session=True,
            )

    def _tell_guard(self) -> None:
        """Tell it all children that run; one that was killed is replaced."""
        if self._guard is None or self._guard.poll() is not None:
            self._end_guard()
            self._guard = subprocess.Popen(  # noqa: S603 - our own script
                [sys.executable, "-I", "-S", str(_HERE / "guard.py")],
                stdin=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        if self._guard.stdin is None:
            raise RuntimeError("the guard was started without a pipe")
        groups = " ".join(str(child.pid) for child in self._children.values())
        with contextlib.suppress(BrokenPipeError):  # killed just now: the next call replaces it
            self._guard.stdin.write(f"{groups}\n".encode())

    def _end_guard(self) -> None:
        with self._lock:
            if self._guard is not None:
                self._guard.communicate()
                self._guard = None
