"""`fleetloop rollout trace`: the records a release was judged by, to be played again."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

import typer

from consumers.clickhouse.client import native
from infra.cli.output import Exit, fail, say
from infra.keys import load_keyring
from infra.settings import Settings
from infra.traces.cutting import Store, cut_trace
from infra.traces.log import LogStore
from infra.traces.stored import StoredStore
from streams.rollout.trace_cutting import NoReleaseError


class Origin(StrEnum):
    """Where a trace can be cut from."""

    LOG = "log"
    CLICKHOUSE = "clickhouse"


def trace(release_id: str, origin: Origin, settings: Settings) -> None:
    """Write the trace of a release to stdout."""
    lines = 0
    try:
        with _store(origin, settings) as store:
            for line in cut_trace(release_id, store, load_keyring(settings.keys_dir)):
                typer.echo(line)
                lines += 1
    except NoReleaseError as error:
        fail(str(error), Exit.CONDITION_NOT_MET)
    say(f"{release_id}: {lines - 1} records from {origin}")
    if store.unreadable:
        say(f"{store.unreadable} more cannot be decoded and were left out; see dead-letters list")


@contextmanager
def _store(origin: Origin, settings: Settings) -> Iterator[Store]:
    if origin is Origin.LOG:
        yield LogStore(settings)
        return
    with native(settings.clickhouse) as client:
        yield StoredStore(client)
