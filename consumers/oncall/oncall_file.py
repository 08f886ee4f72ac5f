"""The on-call file: who is told, what is told together, how often, and what hides what."""

from pathlib import Path
from typing import Annotated, Final, Literal, Self

import httpx
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from consumers.oncall.grouping import Routing, Timing
from consumers.oncall.holding import Inhibition
from schemas import durations
from schemas.alert_controls import matcher
from schemas.records import Matcher
from schemas.yaml_file import YamlFileError, first_fault, read_mapping

DEFAULT_FILE: Final = Path(__file__).with_name("default.yaml")


class OncallFileError(ValueError):
    """An on-call file that cannot be used; the message names file, field, value and rule."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


def address(url: object) -> object:
    """A web address; it is not shown when it is none, since it may hold a secret."""
    try:
        parsed = httpx.URL(str(url))
    except httpx.InvalidURL as error:
        raise ValueError("is no address; write http:// or https:// and a host") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise ValueError(f"scheme {parsed.scheme!r}; write http:// or https:// and a host")
    return url


def _matchers(told: object) -> object:
    if not isinstance(told, list) or not all(isinstance(one, str) for one in told):
        raise ValueError("is no list of matchers, for example ['severity=page']")
    return tuple(matcher(one) for one in told)


Duration = Annotated[int, BeforeValidator(durations.parse)]
Address = Annotated[str, BeforeValidator(address)]
Matchers = Annotated[tuple[Matcher, ...], BeforeValidator(_matchers), Field(min_length=1)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,38}[a-z0-9])?$")]
Heard = Literal["page", "ticket", "info", "watchdog"]
Label = Annotated[str, Field(pattern=r"^[a-zA-Z_][a-zA-Z0-9_]*$")]


class _Heard(_Part):
    """What every receiver has: its name, and what it is for."""

    name: Name
    hears: tuple[Heard, ...] = ("page", "ticket")


class _Told(_Heard):
    send_resolved: bool = True


class StdoutPart(_Told):
    """Lines on the terminal."""

    kind: Literal["stdout"]


class FilePart(_Told):
    """Lines in a file."""

    kind: Literal["file"]
    path: Path


class WebhookPart(_Told):
    """Alertmanager's webhook, version 4. Exactly one of url and url_file."""

    kind: Literal["webhook"]
    url: Address | None = None
    url_file: Path | None = None
    bearer_token_file: Path | None = None

    @model_validator(mode="after")
    def _one_address(self) -> Self:
        if (self.url is None) is (self.url_file is None):
            raise ValueError("give either url or, where it holds a secret, url_file")
        return self


class AlertmanagerPart(_Heard):
    """An Alertmanager by its base address; it groups and silences by itself."""

    kind: Literal["alertmanager"]
    hears: tuple[Heard, ...] = ("page", "ticket", "info", "watchdog")
    url: Address
    bearer_token_file: Path | None = None


class PagerDutyPart(_Heard):
    """PagerDuty Events v2; it always hears of ends, which close its incidents."""

    kind: Literal["pagerduty"]
    hears: tuple[Heard, ...] = ("page",)
    routing_key_file: Path
    url: Address = "https://events.pagerduty.com/v2/enqueue"


ReceiverPart = Annotated[
    StdoutPart | FilePart | WebhookPart | AlertmanagerPart | PagerDutyPart,
    Field(discriminator="kind"),
]


class TimingPart(_Part):
    """When a group of alerts is told."""

    group_wait: Duration
    group_interval: Duration
    repeat_interval: Duration

    def timing(self) -> Timing:
        """For the core."""
        return Timing(
            wait_us=self.group_wait, interval_us=self.group_interval, repeat_us=self.repeat_interval
        )


class InhibitPart(_Part):
    """While `source` fires, `target` with the same labels is not told."""

    source: Matchers
    target: Matchers
    equal: tuple[Label, ...] | Literal["all"]

    def inhibition(self) -> Inhibition:
        """For the core."""
        equal = None if self.equal == "all" else tuple(self.equal)
        return Inhibition(source=self.source, target=self.target, equal=equal)


class OncallFile(_Part):
    """All of on-call's configuration.

    Attributes:
        request_timeout: How long a receiver may take to answer one request.
        give_up_after: How long it is tried again before a notification becomes a dead letter.
    """

    receivers: tuple[ReceiverPart, ...] = Field(min_length=1, max_length=20)
    group_by: tuple[Label, ...]
    page: TimingPart
    ticket: TimingPart
    watchdog: TimingPart
    inhibit: tuple[InhibitPart, ...]
    request_timeout: Duration
    give_up_after: Duration

    @model_validator(mode="after")
    def _different_names(self) -> Self:
        names = [one.name for one in self.receivers]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"receivers: {', '.join(twice)} is there twice; names are unique")
        return self

    def routing(self) -> Routing:
        """For the core."""
        return Routing(
            group_by=self.group_by,
            page=self.page.timing(),
            ticket=self.ticket.timing(),
            watchdog=self.watchdog.timing(),
        )


def load(path: Path | None) -> OncallFile:
    """Read an on-call file; None: the one of this package, which prints to the terminal.

    What a file leaves out is as in the package's, but for the receivers: whoever writes a file
    says who is told.

    Raises:
        OncallFileError: It cannot be read, or breaks a rule.
    """
    try:
        told = read_mapping(DEFAULT_FILE, example=DEFAULT_FILE.name)
        if path is not None:
            del told["receivers"]
            told |= read_mapping(path, example=DEFAULT_FILE.name)
        return OncallFile.model_validate(told)
    except YamlFileError as error:
        raise OncallFileError(f"on-call file {path}: {error}") from error
    except ValidationError as error:
        raise OncallFileError(
            f"on-call file {path}: {first_fault(error, secret={'url'})}"
        ) from error
