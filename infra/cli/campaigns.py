"""`fleetloop campaigns`: what devices are asked to collect."""

import os
import re
import secrets
import time
from dataclasses import replace
from typing import Annotated, Any, Final

import typer

from infra.cli.log import read_whole
from infra.cli.output import Exit, Format, FormatOption, fail, say, show
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from producers.campaigns.demand import FloodError, demand, uplink_limit
from producers.campaigns.predicate import parse
from producers.campaigns.signals import KINDS
from producers.campaigns.tokens import PredicateError
from schemas import durations, moments
from schemas.alert_log import AlertBook
from schemas.codec import Codec
from schemas.facts import Fact
from schemas.records import CollectionCampaign, Device, Lifecycle
from schemas.registry import registry_from
from schemas.topics import ALERTS, COLLECTION_CAMPAIGNS, DEVICES
from schemas.validation import check
from streams.drift.wording import CAMPAIGN

app = typer.Typer(no_args_is_help=True, help="Say what devices should collect.")

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,63}")
_LONGEST_US: Final = 90 * 86_400_000_000
_HOUR_US: Final = 3_600_000_000


@app.command()
def create(
    name: Annotated[str, typer.Argument(help="Its id: small letters, digits and dashes.")],
    quota: Annotated[int, typer.Option(min=1, help="Edge cases wanted in all.")],
    lasting: Annotated[str, typer.Option("--for", help="How long, such as 6h or 7d.")],
    when: Annotated[
        str | None,
        typer.Option(help="Condition, such as 'margin < 0.2 and light == \"NIGHT\"'"),
    ] = None,
    from_alert: Annotated[
        str | None,
        typer.Option(help="The condition that this alert proposes: its id or fingerprint."),
    ] = None,
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of the fleet.")] = 1.0,
) -> None:
    """Ask devices for encounters of a kind. Refused when it would flood their uplink.

    The condition compares signals of an encounter; `fleetloop campaigns signals` lists them.
    """
    if not _NAME.fullmatch(name):
        fail(f"campaign {name!r}: 1 to 64 small letters, digits and dashes", Exit.USAGE)
    now_us = time.time_ns() // 1_000
    settings = Settings()
    predicate = _condition(settings, when, from_alert)
    try:
        parse(predicate)
        lasting_us = durations.parse(lasting)
    except (PredicateError, ValueError) as error:
        fail(str(error), Exit.USAGE)
    if not 0 < lasting_us <= _LONGEST_US:
        fail(f"--for {lasting}: above 0 and at most 90d", Exit.USAGE)
    known = _campaigns(settings)
    if name in known:
        fail(f"campaign {name} is there already; choose another name", Exit.CONDITION_NOT_MET)
    try:
        asked = demand(quota, share, _active_devices(settings), lasting_us / _HOUR_US)
        limit = uplink_limit(asked, quota, known.values(), now_us)
    except FloodError as error:
        fail(f"campaign {name}: {error}", Exit.CONDITION_NOT_MET)
    record = CollectionCampaign(
        event_id=f"{name}/{now_us}",
        source="live",
        campaign_id=name,
        predicate=predicate,
        share=share,
        # A salt of its own: other campaigns ask other devices.
        salt=secrets.token_hex(8),
        quota=quota,
        expires_ts=now_us + lasting_us,
        uplink_bytes_limit=limit,
    )
    _publish(settings, record, now_us)
    say(
        f"campaign {name}: about {asked.members:.0f} devices, at most {limit} bytes each, "
        f"until {moments.spell(record.expires_ts)}"
    )


@app.command("list")
def list_(output: FormatOption = Format.TABLE) -> None:
    """Every campaign, as last written."""
    now_us = time.time_ns() // 1_000
    found = _campaigns(Settings())
    show([_row(found[name], now_us) for name in sorted(found)], output, empty="no campaign")


@app.command()
def get(
    name: Annotated[str, typer.Argument(help="Its id.")], output: FormatOption = Format.TABLE
) -> None:
    """One campaign in full."""
    record = _one(_campaigns(Settings()), name)
    row = _row(record, time.time_ns() // 1_000) | {"salt": record.salt}
    show([{"what": what, "value": value} for what, value in row.items()], output)


@app.command()
def stop(name: Annotated[str, typer.Argument(help="Its id.")]) -> None:
    """End a campaign now. Devices stop as soon as they hear of it; what was sent stays."""
    settings = Settings()
    now_us = time.time_ns() // 1_000
    record = _one(_campaigns(settings), name)
    if record.expires_ts <= now_us:
        fail(f"campaign {name} ended {moments.spell(record.expires_ts)}", Exit.CONDITION_NOT_MET)
    _publish(settings, replace(record, event_id=f"{name}/{now_us}", expires_ts=now_us), now_us)
    say(f"campaign {name} is stopped")


@app.command()
def signals(output: FormatOption = Format.TABLE) -> None:
    """Signals that a condition may compare. Texts take ==, != and in; numbers also <, <=, >, >=."""
    rows = [
        {"signal": name, "is": "text" if kind is str else "number"} for name, kind in KINDS.items()
    ]
    show(rows, output)


def _campaigns(settings: Settings) -> dict[str, CollectionCampaign]:
    facts: list[Fact] = read_whole(settings, COLLECTION_CAMPAIGNS)
    return {fact.record.campaign_id: fact.record for fact in facts}


def _condition(settings: Settings, when: str | None, from_alert: str | None) -> str:
    """What is given, or what an alert proposes: it is a person who runs this command."""
    if from_alert is None and when is not None:
        return when
    if from_alert is None or when is not None:
        fail("give --when CONDITION or --from-alert ALERT, one of the two", Exit.USAGE)
    book = AlertBook()
    for fact in read_whole(settings, ALERTS):
        book.observe(fact.record)
    found = [one for one in book if from_alert in (one.alert_id, one.fingerprint)]
    if not found:
        fail(f"no alert {from_alert}; see: fleetloop alerts list", Exit.CONDITION_NOT_MET)
    if CAMPAIGN not in found[0].annotations:
        fail(
            f"alert {from_alert} is {found[0].alertname}, which proposes no campaign; give a "
            "condition with --when",
            Exit.CONDITION_NOT_MET,
        )
    return found[0].annotations[CAMPAIGN]


def _active_devices(settings: Settings) -> int:
    newest: dict[str, Device] = {}
    for fact in read_whole(settings, DEVICES):
        newest[fact.record.device_id] = fact.record
    return sum(
        one.lifecycle is Lifecycle.ACTIVE and one.consent_pictures for one in newest.values()
    )


def _one(found: dict[str, CollectionCampaign], name: str) -> CollectionCampaign:
    if name not in found:
        fail(f"no campaign {name}; see: fleetloop campaigns list", Exit.CONDITION_NOT_MET)
    return found[name]


def _publish(settings: Settings, record: CollectionCampaign, now_us: int) -> None:
    check(COLLECTION_CAMPAIGNS, record, now_us)
    codec = Codec(registry_from(settings.registry_url))
    with Publisher(settings.kafka, codec, f"fleetloop.campaigns-{os.getpid()}") as publisher:
        publisher.publish(COLLECTION_CAMPAIGNS, record)


def _row(record: CollectionCampaign, now_us: int) -> dict[str, Any]:
    return {
        "campaign": record.campaign_id,
        "state": "OPEN" if record.expires_ts > now_us else "ENDED",
        "when": record.predicate,
        "share": record.share,
        "quota": record.quota,
        "until": moments.spell(record.expires_ts),
        "bytes_per_device": record.uplink_bytes_limit,
    }
