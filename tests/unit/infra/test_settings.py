"""Settings: unsafe combinations and unknown keys are refused by name; secrets come from files."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from infra.settings import KafkaSettings, Settings, secret_from


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"sasl_mechanism": "PLAIN"}, "needs kafka.security_protocol SASL_SSL, not PLAINTEXT"),
        (
            {
                "security_protocol": "SASL_SSL",
                "sasl_mechanism": "PLAIN",
                "sasl_username": "worker",
            },
            "needs kafka.sasl_password_file",
        ),
        ({"security_protocol": "SASL_SSL"}, "SASL_SSL needs kafka.sasl_mechanism"),
        (
            {"security_protocol": "SASL_PLAINTEXT", "sasl_mechanism": "PLAIN"},
            "PLAIN over SASL_PLAINTEXT would send the password unencrypted",
        ),
        ({"session_timeout_s": 0.1}, "greater than or equal to 1"),
        ({"bootstrapp": "x:9092"}, "bootstrapp"),
    ],
)
def test_an_unsafe_or_unknown_kafka_setting_is_refused(
    values: dict[str, object], message: str
) -> None:
    with pytest.raises(ValidationError, match=message):
        KafkaSettings.model_validate(values)


def test_nested_settings_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAP", "broker:9092")
    assert Settings().kafka.bootstrap == "broker:9092"
    monkeypatch.setenv("FLEETLOOP_KAFKA__BOOTSTRAPP", "broker:9092")
    with pytest.raises(ValidationError, match="bootstrapp"):
        Settings()


def test_a_password_is_read_from_its_file_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("hunter2\n")
    assert secret_from(path).get_secret_value() == "hunter2"
    assert "hunter2" not in repr(secret_from(path))
    with pytest.raises(ValueError, match=f"{tmp_path}/missing.*make it readable"):
        secret_from(tmp_path / "missing")
