"""Every setting of every process, read from the environment or an .env-style file, in one place."""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class SettingsError(ValueError):
    """A setting cannot be used, or one that is needed is missing; the message names it."""


class KafkaSettings(BaseModel):
    """How to reach the log. Passwords come from files, never from the environment.

    Attributes:
        memory_only: The broker is the embedded one: it keeps no commit metadata and stamps no
            append time, so the session is short and the sink says what a crash may do.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    bootstrap: str = "127.0.0.1:9092"
    security_protocol: str = "PLAINTEXT"
    ca_file: Path | None = None
    certificate_file: Path | None = None
    key_file: Path | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password_file: Path | None = None
    session_timeout_s: float = Field(default=30.0, ge=1.0)
    memory_only: bool = False

    @model_validator(mode="after")
    def _safe(self) -> Self:
        if self.sasl_mechanism and not self.security_protocol.startswith("SASL_"):
            raise ValueError(
                f"kafka.sasl_mechanism={self.sasl_mechanism} needs "
                f"kafka.security_protocol SASL_SSL, not {self.security_protocol}"
            )
        if self.security_protocol.startswith("SASL_") and not self.sasl_mechanism:
            raise ValueError(
                f"kafka.security_protocol={self.security_protocol} needs kafka.sasl_mechanism, "
                "for example SCRAM-SHA-512"
            )
        if (self.sasl_mechanism, self.security_protocol) == ("PLAIN", "SASL_PLAINTEXT"):
            raise ValueError(
                "kafka.sasl_mechanism=PLAIN over SASL_PLAINTEXT would send the password "
                "unencrypted; use kafka.security_protocol SASL_SSL"
            )
        if self.sasl_username and self.sasl_password_file is None:
            raise ValueError("kafka.sasl_username needs kafka.sasl_password_file")
        return self

    def client_config(self) -> dict[str, str | int | float | bool]:
        """The connection part of a librdkafka configuration.

        Raises:
            SettingsError: A certificate or password file is not there; the message names it.
        """
        config: dict[str, str | int | float | bool] = {
            "bootstrap.servers": self.bootstrap,
            "security.protocol": self.security_protocol,
        }
        for key, path in (
            ("ssl.ca.location", self.ca_file),
            ("ssl.certificate.location", self.certificate_file),
            ("ssl.key.location", self.key_file),
        ):
            if path is None:
                continue
            if not path.is_file():
                raise SettingsError(f"{key} file {path}: not there; name a PEM file")
            config[key] = str(path)
        if self.sasl_mechanism:
            config["sasl.mechanism"] = self.sasl_mechanism
            config["sasl.username"] = self.sasl_username or ""
            config["sasl.password"] = secret_from(self.sasl_password_file).get_secret_value()
        return config


class ClickHouseSettings(BaseModel):
    """How to reach ClickHouse: the native protocol for queries, HTTP for bulk inserts.

    Attributes:
        cluster: Name of a cluster of the server's remote_servers: tables are then replicated and
            spread over its shards. Empty: one server.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    host: str = "127.0.0.1"
    tcp_port: int = 9000
    http_port: int = 8123
    database: str = "fleetloop"
    cluster: str = ""
    user: str = "default"
    password_file: Path | None = None
    secure: bool = False
    ca_file: Path | None = None


class SinkSettings(BaseModel):
    """How the ClickHouse sink batches, and when it gives up.

    Attributes:
        group: Consumer group, which holds the ledger; a new one reads all topics from the start.
        max_rows: Messages in one insert at most.
        max_bytes: Bytes of one insert's messages at most.
        max_age_s: Seconds a message waits for its insert at most, while ClickHouse keeps up.
        max_memory_bytes: Messages held in all; beyond it the sink stops taking and keeps polling.
        writers: Inserts at the same time; each partition has one at most.
        give_up_after_s: Seconds without any answer of ClickHouse before the sink stops.
        accept_gaps: Go on where retention took records before they were stored.
        max_letter_run: Bad records of a partition one after another, before the sink stops.
        max_letter_share: Share of bad records among a partition's last 5,000, before it stops.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    group: str = Field(default="fleetloop.sink", min_length=1)
    max_rows: int = Field(default=20_000, ge=1)
    max_bytes: int = Field(default=10 << 20, ge=1)
    max_age_s: float = Field(default=0.5, gt=0)
    max_memory_bytes: int = Field(default=24 << 20, ge=1)
    writers: int = Field(default=2, ge=1, le=16)
    give_up_after_s: float = Field(default=7_200.0, gt=0)
    accept_gaps: bool = False
    max_letter_run: int = Field(default=1_000, ge=1)
    max_letter_share: float = Field(default=0.5, gt=0, le=1)


class Settings(BaseSettings):
    """What a process needs to know. Environment: FLEETLOOP_KAFKA__BOOTSTRAP and so on.

    Attributes:
        registry_url: A Confluent-compatible schema registry; None: the schemas in this package.
        objects_url: Folder or bucket (any fsspec address) for models, pictures and checkpoints.
        keys_dir: Signing keys of this installation: keyring.yaml and sealed <signer>.key
        evidence_dir: Folder of the evidence of simulated devices.
        policy_file: Rollout policy. slo_file: SLOs. dataset_file: policy of a dataset line.
        oncall_file: Who is told of alerts, and how often. watch_file: Thresholds of the watch.
        scenario_file: What the simulation plays.
        metrics_port: Port of /livez, /readyz and /metrics; 0: any free port, None: none.
    """

    model_config = SettingsConfigDict(
        env_prefix="FLEETLOOP_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    sink: SinkSettings = SinkSettings()
    registry_url: str | None = None
    objects_url: str = "file://.fleetloop/objects"
    keys_dir: Path = Path(".fleetloop/keys")
    evidence_dir: Path = Path(".fleetloop/evidence")
    policy_file: Path | None = None
    slo_file: Path | None = None
    watch_file: Path | None = None
    dataset_file: Path | None = None
    oncall_file: Path | None = None
    scenario_file: Path | None = None
    metrics_port: int | None = None
    adopt_new_topic: bool = False
    checkpoint_interval_s: float = Field(default=10.0, gt=0)


def secret_from(path: Path | None) -> SecretStr:
    """Read a secret from a file.

    Raises:
        SettingsError: The file is missing or not readable; the message names it.
    """
    if path is None:
        return SecretStr("")
    try:
        return SecretStr(path.read_text().strip())
    except OSError as error:
        raise SettingsError(f"secret file {path}: {error.strerror}; make it readable") from error
