"""The sink process: every topic of the log into its table, each record once."""

import logging
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Final

from consumers.clickhouse.delivery import FIRST_WAIT_S, LONGEST_WAIT_S, Delivery
from consumers.clickhouse.faults import Fault
from consumers.clickhouse.intake import Intake
from consumers.clickhouse.ledger import LedgerError
from consumers.clickhouse.letter_limits import TooManyLettersError
from consumers.clickhouse.patience import GiveUpError, Patience
from consumers.clickhouse.preparation import Preparation
from consumers.clickhouse.same_logs import check_logs
from consumers.clickhouse.server import Server, ServerError
from consumers.clickhouse.settling import Settling
from consumers.clickhouse.startup import NotReadyError, check
from infra.health import Check, Checks, HealthServer
from infra.kafka.admin import Admin
from infra.kafka.config import LONGEST_LETTER_BYTES
from infra.kafka.erasures import KnownErasures
from infra.kafka.errors import (
    CatchUpError,
    CommitRefusedError,
    DeliveryError,
    KafkaUnreachableError,
    LogReadError,
)
from infra.kafka.loop import GroupLoop
from infra.kafka.publisher import Publisher
from infra.settings import Settings
from schemas.codec import Codec
from schemas.http_registry import RegistryUnavailableError
from schemas.registry import registry_from
from schemas.topics import TOPICS

# Where going on would lose or double rows, or cannot help.
STOPS: Final = (
    NotReadyError,
    LedgerError,
    GiveUpError,
    ServerError,
    TooManyLettersError,
    CommitRefusedError,
    DeliveryError,
    LogReadError,
    KafkaUnreachableError,
    RegistryUnavailableError,
    CatchUpError,
)

logger = logging.getLogger("fleetloop.sink")


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT.

    Raises:
        SystemExit: It had to stop; the log says in one sentence why and what to do.
    """
    stopping = threading.Event()
    try:
        with assembled(settings, stopping) as loop:
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, _stopper(loop, stopping))
            loop.run()
    except STOPS as error:
        logger.critical("the sink stops: %s", error)
        raise SystemExit(1) from error


@contextmanager
def assembled(settings: Settings, stopping: threading.Event) -> Generator[GroupLoop]:
    """A sink whose loop is ready to run, health endpoints included.

    Args:
        settings: Whole settings.
        stopping: Set it, then stop the loop: waits end at once.

    Raises:
        NotReadyError: ClickHouse lacks a table, a column or a setting.
        LedgerError: Going on would lose or double rows; the message says which.
        CommitRefusedError: Another member owns the partitions.
        GiveUpError: ClickHouse was silent for longer than the limit.
    """
    if settings.kafka.memory_only:
        logger.warning(
            "this broker keeps no commit metadata: a crash may store one batch of a partition "
            "twice; the tables' sorting keys remove it when parts are merged"
        )
    registry = registry_from(settings.registry_url)
    topics = tuple(TOPICS.values())
    patience = Patience(settings.sink.give_up_after_s)
    with ExitStack() as stack:
        erasures = KnownErasures(settings.kafka, Codec(registry), "sink")
        stack.callback(erasures.close)
        preparation = Preparation(registry, topics, erasures.now)
        server = Server(settings.clickhouse)
        stack.callback(server.close)

        def checked() -> Settling:
            settling = check(server, preparation.mappings.values())
            if not settings.kafka.memory_only:  # such a broker makes all topics again at each start
                topic_ids = Admin(settings.kafka).topic_ids(tuple(TOPICS))
                check_logs(server, topic_ids, adopt=settings.adopt_new_topic)
            return settling

        settling = _when_up(checked, patience, stopping)
        letters = stack.enter_context(
            Publisher(settings.kafka, Codec(registry), "sink", longest_bytes=LONGEST_LETTER_BYTES)
        )
        delivery = Delivery(server, settling, preparation, letters, patience, stopping)
        intake = Intake(settings, server, delivery, patience)
        stack.callback(intake.close)
        stack.callback(stopping.set)  # runs first: a waiting writer lets go
        intake.loop = loop = GroupLoop(settings.kafka, settings.sink.group, topics, intake)
        if settings.metrics_port is not None:
            stack.enter_context(HealthServer(settings.metrics_port, _checks(loop, patience)))
        yield loop


def _when_up(
    action: Callable[[], Settling], patience: Patience, stopping: threading.Event
) -> Settling:
    """Do it as soon as ClickHouse answers."""
    wait = FIRST_WAIT_S
    while not stopping.is_set():
        try:
            settling = action()
        except ServerError as error:
            if error.fault is not Fault.WAIT:
                raise
            patience.failed(error)
            logger.warning("waiting for ClickHouse: %s", error)
            stopping.wait(wait)
            wait = min(LONGEST_WAIT_S, wait * 2)
        else:
            patience.answered()
            return settling
    raise NotReadyError("the sink was stopped before ClickHouse answered")


def _checks(loop: GroupLoop, patience: Patience) -> Checks:
    def assigned() -> Check:
        return Check(bool(loop.owned), f"{len(loop.owned)} partitions")

    def clickhouse() -> Check:
        return Check(patience.silent_s == 0, f"silent for {patience.silent_s:.0f} s")

    return {"assigned": assigned, "clickhouse": clickhouse}


def _stopper(loop: GroupLoop, stopping: threading.Event) -> Callable[[int, object], None]:
    """Begun inserts still end within the revoke's deadline; what waits for ClickHouse lets go."""

    def stop(_number: int, _frame: object) -> None:
        stopping.set()
        loop.stop()

    return stop
