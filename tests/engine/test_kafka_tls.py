"""A Kafka by address is reached over TLS with SASL, the password from a file, or named."""

import datetime as dt
import ipaddress
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from infra.kafka.errors import KafkaUnreachableError
from infra.settings import KafkaSettings, Settings
from infra.stack.external import ExternalBroker
from infra.stack.health import OK, health
from infra.stack.kafka_broker import KafkaBroker
from infra.stack.ports import LOOPBACK, free_port
from infra.stack.supervisor import Supervisor
from tests.engines import needed

pytestmark = [pytest.mark.engine, pytest.mark.kafka]
PASSWORD = "right"  # noqa: S105 - of a broker that lives for one test


class SecureKafka(KafkaBroker):
    """A Kafka with one more listener, SASL_SSL, on `secure_port`."""

    def __init__(self, supervisor: Supervisor, data_dir: Path, pem: Path) -> None:
        super().__init__(supervisor, data_dir)
        self.secure_port = free_port()
        self._pem = pem

    def _write_properties(self) -> Path:
        path = super()._write_properties()
        lines = []
        for line in path.read_text().splitlines():
            key, _, value = line.partition("=")
            if key in ("listeners", "advertised.listeners"):
                lines.append(f"{key}={value},SECURE://{LOOPBACK}:{self.secure_port}")
            elif key == "listener.security.protocol.map":
                lines.append(f"{key}={value},SECURE:SASL_SSL")
            else:
                lines.append(line)
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        user = f'user_fleetloop="{PASSWORD}"'
        lines += [
            "listener.name.secure.ssl.keystore.type=PEM",
            f"listener.name.secure.ssl.keystore.location={self._pem}",
            "listener.name.secure.sasl.enabled.mechanisms=PLAIN",
            f"listener.name.secure.plain.sasl.jaas.config={module} required {user};",
        ]
        path.write_text("\n".join(lines) + "\n")
        return path


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A self-signed certificate of 127.0.0.1: what to trust, and the server's own PEM."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fleetloop test")])
    now = dt.datetime.now(dt.UTC)
    address = x509.IPAddress(ipaddress.ip_address(LOOPBACK))
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    ca, server = folder / "ca.pem", folder / "server.pem"
    ca.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server.write_bytes(private + ca.read_bytes())
    return ca, server


@pytest.fixture(scope="module")
def secure(
    certificate: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KafkaSettings]:
    """Settings that reach it: CA, user and password file."""
    folder = tmp_path_factory.mktemp("secure-kafka")
    password = folder / "password"
    password.write_text(f"{PASSWORD}\n")
    with Supervisor(folder / "logs") as supervised:
        server = SecureKafka(supervised, folder / "kafka", certificate[1])
        needed(server.start)
        yield KafkaSettings(
            bootstrap=f"{LOOPBACK}:{server.secure_port}",
            security_protocol="SASL_SSL",
            ca_file=certificate[0],
            sasl_mechanism="PLAIN",
            sasl_username="fleetloop",
            sasl_password_file=password,
        )


def test_it_is_reached_with_the_right_password(secure: KafkaSettings) -> None:
    ExternalBroker(secure).start()
    assert health(Settings(kafka=secure))["broker"] == OK


def test_an_authority_file_that_is_not_there_is_named(secure: KafkaSettings) -> None:
    settings = secure.model_copy(update={"ca_file": Path("/no/such/ca.pem")})
    assert "/no/such/ca.pem" in health(Settings(kafka=settings))["broker"]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ("password", "Authentication failed"),
        ("authority", "certificate"),
        ("protocol", "nothing was said"),
    ],
)
def test_anything_wrong_is_named_with_address_and_reason(
    wrong: str, reason: str, secure: KafkaSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.stack.external._REACH_S", 2.0)
    (tmp_path / "wrong").write_text("wrong")
    others: dict[str, dict[str, object]] = {
        "password": {"sasl_password_file": tmp_path / "wrong"},
        "authority": {"ca_file": None},
        "protocol": {"security_protocol": "PLAINTEXT", "sasl_mechanism": None},
    }
    settings = secure.model_copy(update=others[wrong])
    said = rf"broker {secure.bootstrap} \({settings.security_protocol}\): no answer .*{reason}"
    with pytest.raises(KafkaUnreachableError, match=said):
        ExternalBroker(settings).start()
