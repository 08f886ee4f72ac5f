"""Whether the engines that settings name answer, and what to check when one does not."""

from collections.abc import Mapping
from typing import Final

from infra.kafka.admin import Admin, AdminError
from infra.settings import Settings
from infra.stack.clickhouse_http import ClickHouseUnreachableError, server_version
from infra.stack.registry import registry_answers

OK: Final = "ok"
_REACH_S: Final = 5.0


def health(settings: Settings) -> Mapping[str, str]:
    """OK, or what is wrong, of broker, clickhouse and registry."""
    return {
        "broker": _broker(settings),
        "clickhouse": _clickhouse(settings),
        "registry": _registry(settings),
    }


def _broker(settings: Settings) -> str:
    kafka = settings.kafka
    try:
        admin = Admin(kafka)
    except (AdminError, ValueError) as error:
        return str(error)
    if admin.answers(_REACH_S):
        return OK
    return (
        f"no answer from {kafka.bootstrap} ({kafka.security_protocol}) in {_REACH_S:.0f} s "
        f"({admin.last_error or 'nothing was said'}); "
        "check the address, the security protocol, the certificates and the password file"
    )


def _clickhouse(settings: Settings) -> str:
    try:
        server_version(settings.clickhouse)
    except (ClickHouseUnreachableError, ValueError) as error:
        return str(error)
    return OK


def _registry(settings: Settings) -> str:
    if settings.registry_url is None or registry_answers(settings.registry_url):
        return OK
    return f"GET {settings.registry_url}/subjects is not answered; check the address"
