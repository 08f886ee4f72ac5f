"""Makes the receivers of an on-call file, with their secrets from files, and their plans."""

import time
from pathlib import Path

from pydantic import SecretStr

from consumers.oncall.alertmanager import PATH, AlertmanagerReceiver
from consumers.oncall.delivery import Receiver
from consumers.oncall.grouping import Groups, Plan, Told
from consumers.oncall.oncall_file import (
    AlertmanagerPart,
    FilePart,
    OncallFile,
    OncallFileError,
    PagerDutyPart,
    ReceiverPart,
    StdoutPart,
    WebhookPart,
    address,
)
from consumers.oncall.pagerduty import PagerDutyReceiver
from consumers.oncall.posting import Post
from consumers.oncall.pushing import Pushes
from consumers.oncall.webhook import WebhookReceiver
from consumers.oncall.writing import FileReceiver, StdoutReceiver
from infra.settings import secret_from
from schemas.durations import SECOND_US
from schemas.records import Alert, AlertKind


def receiver(part: ReceiverPart, file: OncallFile) -> Receiver:
    """Make one.

    Raises:
        SettingsError: A secret cannot be read; the message names its file.
        OncallFileError: A secret is empty, or holds no address.
    """
    timeout_s = file.request_timeout / SECOND_US
    match part:
        case StdoutPart():
            return StdoutReceiver(part.name)
        case FilePart():
            return FileReceiver(part.name, part.path)
        case PagerDutyPart():
            post = Post(part.url, timeout_s)
            return PagerDutyReceiver(part.name, post, _secret(part.routing_key_file))
        case WebhookPart():
            return WebhookReceiver(
                part.name, Post(_url(part), timeout_s, _optional(part.bearer_token_file))
            )
        case AlertmanagerPart():
            post = Post(part.url.rstrip("/") + PATH, timeout_s, _optional(part.bearer_token_file))
            return AlertmanagerReceiver(part.name, post, lambda: time.time_ns() // 1_000)


def plan(part: ReceiverPart, file: OncallFile, told: Told) -> Plan:
    """What the receiver is owed, from what it was told."""
    if isinstance(part, AlertmanagerPart):
        return Pushes(told.steps)
    return Groups(
        file.routing(),
        told,
        send_resolved=getattr(part, "send_resolved", True),
        acknowledges=isinstance(part, PagerDutyPart),
    )


def hears(part: ReceiverPart, alert: Alert) -> bool:
    """Whether an alert is for the receiver."""
    kind = "watchdog" if alert.kind is AlertKind.WATCHDOG else alert.severity.lower()
    return kind in part.hears


def _secret(path: Path) -> SecretStr:
    secret = secret_from(path)
    if not secret.get_secret_value():
        raise OncallFileError(f"secret file {path}: empty; write the secret into it")
    return secret


def _optional(path: Path | None) -> SecretStr | None:
    return None if path is None else _secret(path)


def _url(part: WebhookPart) -> str:
    if part.url_file is None:
        return str(part.url)
    url = _secret(part.url_file).get_secret_value()
    try:
        address(url)
    except ValueError as error:
        raise OncallFileError(f"secret file {part.url_file}: {error}") from error
    return url
