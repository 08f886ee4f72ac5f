"""What stands between this program and a ClickHouse server is named."""

from pathlib import Path

import pytest

from infra.settings import ClickHouseSettings, SettingsError
from infra.stack.clickhouse_http import ask


@pytest.mark.parametrize("text", [None, "not a certificate"])
def test_a_certificate_that_cannot_be_used_is_named(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "ca.pem"
    if text is not None:
        path.write_text(text)
    settings = ClickHouseSettings(secure=True, ca_file=path)
    with pytest.raises(SettingsError, match=r"clickhouse\.ca_file .*ca\.pem: .*name a PEM file"):
        ask(settings, "SELECT 1")
