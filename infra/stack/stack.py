"""All engines of one installation, started together with a private data folder."""

import sys
import time
from collections.abc import Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from infra.clickhouse import migrate
from infra.kafka.admin import Admin
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.stack.apicurio import ApicurioRegistry
from infra.stack.child import Child
from infra.stack.clickhouse import ClickHouseServer, python_path
from infra.stack.data_dir import hold
from infra.stack.engine import Broker, ClickHouse, Progress, Registry, to_stderr
from infra.stack.environment import child_environment, variables
from infra.stack.external import ExternalBroker, ExternalClickHouse, ExternalRegistry
from infra.stack.file_registry import PackagedRegistry
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.memory import MemorySampler
from infra.stack.registry import register_all
from infra.stack.spec import APICURIO, EMBEDDED, FILE, KAFKA, StackSpec, clickhouse_at, kafka_at
from infra.stack.supervisor import Supervisor
from infra.stack.tansu import MEMORY_ONLY_NOTICE, TansuBroker
from infra.topics import apply_all
from infra.trust.people import People

_SCENARIO: Final = Path(__file__).parents[1] / "demo" / "scenario.yaml"


class Stack:
    """A context manager: inside it the engines run, with topics, tables and keys.

    Leaving it, however, stops workers and then engines; a kill -9 of this process ends them too.

    Args:
        spec: Which engines. data_dir: Private folder: stores, logs, objects, keys.
        base: What to build the settings on (TLS, passwords, policies); default: environment.
        progress: Told what happens and what takes long.
    """

    def __init__(
        self,
        spec: StackSpec,
        data_dir: Path,
        *,
        base: Settings | None = None,
        progress: Progress = to_stderr,
    ) -> None:
        self.spec = spec.checked()
        self.data_dir = data_dir.absolute()
        self._base = base or Settings()
        self._progress = progress
        self._exit = ExitStack()
        self._memory = MemorySampler()
        self.supervisor = Supervisor(self.data_dir / "logs")
        self.broker = self._make_broker()
        self.clickhouse = self._make_clickhouse()
        self.registry = self._make_registry()

    def __enter__(self) -> Self:
        begun = time.monotonic()
        with self._exit:
            self._exit.enter_context(hold(self.data_dir))
            self._exit.callback(self.registry.stop)  # it may be a thread of this process
            self._exit.enter_context(self.supervisor)
            self._memory.start()
            self._exit.callback(self._memory.stop)
            for engine in (self.broker, self.clickhouse, self.registry):
                engine.start()
                self._progress(f"{engine.version} answers")
            self._prepare()
            self._exit = self._exit.pop_all()
        self._progress(f"engines ready after {time.monotonic() - begun:.1f} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._exit.close()

    @property
    def settings(self) -> Settings:
        """What a process of this installation needs to know."""
        return self._base.model_copy(
            update={
                "kafka": self.broker.settings,
                "clickhouse": self.clickhouse.settings,
                "registry_url": self.registry.url,
                **self._own_settings(),
            }
        )

    @property
    def engines(self) -> dict[str, str]:
        """Name and version of broker, clickhouse and registry."""
        return {
            "broker": self.broker.version,
            "clickhouse": self.clickhouse.version,
            "registry": self.registry.version,
        }

    @property
    def peak_rss_mb(self) -> float:
        """Highest sum of the RSS of all processes of the installation, this one included."""
        return self._memory.peak_rss_mb

    @property
    def peak_pss_mb(self) -> float:
        """As `peak_rss_mb`, with each shared page counted once."""
        return self._memory.peak_pss_mb

    def environment(self) -> dict[str, str]:
        """The FLEETLOOP_* variables of `settings`."""
        return variables(self.settings)

    def spawn_python(
        self, name: str, module: str, *arguments: str, extra: Mapping[str, str] | None = None
    ) -> Child:
        """Start a supervised worker that knows the settings: python -m MODULE ARGUMENTS.

        `extra` variables come on top; its log is `data_dir`/logs/<name>.log.
        """
        environment = {
            **child_environment(self.settings),
            "PYTHONPATH": python_path(),
            "PYTHONUNBUFFERED": "1",
            **(extra or {}),
        }
        command = [sys.executable, "-m", module, *arguments]
        return self.supervisor.start(name, command, env=environment)

    def check(self) -> None:
        """Raise ChildDiedError when an engine or a worker ended although nobody stopped it."""
        self.supervisor.check()

    def _own_settings(self) -> dict[str, object]:
        """Objects, keys and what is simulated, unless the environment says otherwise."""
        stated = self._base.model_fields_set
        own: dict[str, object] = {}
        if "objects_url" not in stated:
            own["objects_url"] = f"file://{self.data_dir / 'objects'}"
        if "keys_dir" not in stated:
            own["keys_dir"] = self._own_keys
        if "evidence_dir" not in stated:
            own["evidence_dir"] = self.data_dir / "evidence"
        if "scenario_file" not in stated:
            own["scenario_file"] = _SCENARIO
        return own

    @property
    def _own_keys(self) -> Path:
        return self.data_dir / "keys"

    def _prepare(self) -> None:
        if self.broker.settings.memory_only:
            self._progress(MEMORY_ONLY_NOTICE)
        done = apply_all(Admin(self.broker.settings))
        migrations = migrate.apply(self.clickhouse.settings)
        self._progress(f"{len(done.changes)} changes of topics, {len(migrations)} migrations made")
        # A shell that has sourced the env file of the stack before states the same folder.
        if self.settings.keys_dir.absolute() == self._own_keys:
            self._make_keys()
        if self.spec.registry == APICURIO and self.registry.url is not None:
            self._progress(f"{len(register_all(self.registry.url))} schemas registered")

    def _make_keys(self) -> None:
        """Keys of signers, of the online host, and of people who stand for the offline ones."""
        people = People(self.data_dir / "offline")
        objects = ObjectStore(self.settings.objects_url)
        people.found(self.settings.keys_dir, objects, datetime.now(UTC))

    def _make_broker(self) -> Broker:
        if self.spec.broker == EMBEDDED:
            return TansuBroker(self.supervisor)
        if self.spec.broker == KAFKA:
            return KafkaBroker(self.supervisor, self.data_dir / KAFKA, progress=self._progress)
        return ExternalBroker(kafka_at(self.spec.broker, self._base.kafka))

    def _make_clickhouse(self) -> ClickHouse:
        if self.spec.clickhouse != EMBEDDED:
            return ExternalClickHouse(clickhouse_at(self.spec.clickhouse, self._base.clickhouse))
        return ClickHouseServer(
            self.supervisor,
            self.data_dir / "clickhouse",
            database=self._base.clickhouse.database,
        )

    def _make_registry(self) -> Registry:
        if self.spec.registry == FILE:
            return PackagedRegistry()
        if self.spec.registry == APICURIO:
            return ApicurioRegistry(self.supervisor, progress=self._progress)
        return ExternalRegistry(self.spec.registry)
