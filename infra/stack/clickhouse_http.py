"""The few HTTP requests that ask a ClickHouse server whether and what it is."""

import ssl
from pathlib import Path
from typing import Final

import httpx

from infra.settings import ClickHouseSettings, SettingsError, secret_from

_PROBE_S: Final = 5.0


class ClickHouseUnreachableError(ConnectionError):
    """No ClickHouse server answers, or it refuses; the message names the address and why."""


def answers(settings: ClickHouseSettings) -> bool:
    """Whether the server's HTTP port answers a ping."""
    try:
        ask(settings, "SELECT 1")
    except ClickHouseUnreachableError:
        return False
    return True


def server_version(settings: ClickHouseSettings) -> str:
    """Version of the server. Raises as `ask`."""
    return ask(settings, "SELECT version() FORMAT TabSeparated")


def ask(settings: ClickHouseSettings, sql: str, *, database: str = "default") -> str:
    """Answer to one statement, without its last line end.

    Raises:
        ClickHouseUnreachableError: No answer, or a refusal.
        SettingsError: The certificate or password file cannot be used.
    """
    scheme = "https" if settings.secure else "http"
    url = f"{scheme}://{settings.host}:{settings.http_port}/"
    try:
        reply = httpx.post(
            url,
            content=sql,
            headers={
                "X-ClickHouse-Database": database,
                "X-ClickHouse-User": settings.user,
                "X-ClickHouse-Key": secret_from(settings.password_file).get_secret_value(),
            },
            verify=_trust(settings.ca_file),
            timeout=_PROBE_S,
            trust_env=False,
        )
    except httpx.HTTPError as error:
        raise ClickHouseUnreachableError(f"ClickHouse at {url}: {error}") from error
    if reply.status_code != httpx.codes.OK:
        raise ClickHouseUnreachableError(
            f"ClickHouse at {url} as user {settings.user}: {reply.text.strip()[:300]}"
        )
    return reply.text.rstrip("\n")


def _trust(ca_file: Path | None) -> ssl.SSLContext | bool:
    if ca_file is None:
        return True
    try:
        return ssl.create_default_context(cafile=str(ca_file))
    except OSError as error:
        raise SettingsError(
            f"clickhouse.ca_file {ca_file}: {error.strerror}; name a PEM file"
        ) from error
