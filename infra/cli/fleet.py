"""`fleetloop fleet run`: simulated devices, with real inference, on a real log."""

import hashlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from infra.cli.output import Exit, fail, say
from infra.fleet_store import FleetStore
from infra.health import Check, HealthServer
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.pinned import pinned_roots
from producers.camera.open import open_camera
from producers.device.client.evidence import Notes
from producers.device.client.fleet_evidence import FleetEvidence
from producers.device.client.fleet_trust import FleetTrust
from producers.device.client.shelf_storage import ShelfStorage
from producers.device.engine import Engine
from producers.device.identity import Who
from producers.device.models import ModelShelf
from producers.device.people import people
from producers.device.trust.places import sources
from producers.device.yardstick import Yardstick
from producers.fleet import Fleet, Shore
from producers.scenario.file import load
from producers.scenario.scenario import Scenario
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.registry import registry_from
from schemas.topics import COLLECTION_CAMPAIGNS, MODEL_RELEASES

app = typer.Typer(no_args_is_help=True, help="Simulated devices.")


@app.callback()
def fleet() -> None:
    """Simulated devices."""


@app.command("run")
def run(
    scenario: Annotated[
        Path | None, typer.Option(help="What to play; else the setting scenario_file.")
    ] = None,
    devices: Annotated[
        int | None, typer.Option(min=1, help="So many devices, in the scenario's proportions.")
    ] = None,
    seconds: Annotated[
        float | None,
        typer.Option(min=0.0, help="Stop after driving this long; else on TERM or Ctrl-C."),
    ] = None,
    shard: Annotated[
        str, typer.Option(help="I/N: run every N-th device from the I-th on, I from 0.")
    ] = "0/1",
) -> None:
    """Run the devices of a scenario. Open reporting windows are sent at the end."""
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    settings = Settings()
    playing = chosen_scenario(scenario or settings.scenario_file, devices)
    part = _shard(shard)
    with stopping(seconds) as stop:
        _run(settings, playing, part, stop)


def chosen_scenario(path: Path | None, devices: int | None = None) -> Scenario:
    """The scenario of a file; without one the command ends."""
    if path is None:
        fail("no scenario; give --scenario or set FLEETLOOP_SCENARIO_FILE", Exit.USAGE)
    scenario = load(path)
    return scenario if devices is None else scenario.with_devices(devices)


def _shard(text: str) -> tuple[int, int]:
    shard, slash, shards = text.partition("/")
    if not (slash and shard.isdecimal() and shards.isdecimal() and int(shard) < int(shards)):
        fail(f"--shard {text}: must be I/N with 0 <= I < N, for example 0/2", Exit.USAGE)
    return int(shard), int(shards)


@contextmanager
def stopping(seconds: float | None) -> Iterator[Callable[[], bool]]:
    """Whether to stop: TERM or Ctrl-C came, or the time since the first question is over."""
    asked = threading.Event()
    began: list[float] = []

    def ask(_number: int, _frame: FrameType | None) -> None:
        asked.set()

    def stops() -> bool:
        if not began:
            began.append(time.monotonic())
        return asked.is_set() or (seconds is not None and time.monotonic() - began[0] >= seconds)

    before = {number: signal.signal(number, ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stops
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(
    settings: Settings, scenario: Scenario, part: tuple[int, int], stopping: Callable[[], bool]
) -> None:
    codec = Codec(registry_from(settings.registry_url))
    book = ReleaseBook(load_keyring(settings.keys_dir))
    objects = ObjectStore(settings.objects_url)
    store = FleetStore(objects, scenario.name, part)
    trust = _trust(settings, objects, store)
    shelf = ModelShelf(objects.get, _sha256, partial(Engine, yardstick=Yardstick()))
    camera = open_camera(scenario)
    evidence = FleetEvidence(settings.evidence_dir / store.place)

    def storage(who: Who) -> ShelfStorage:
        notes = Notes(evidence.log(who.device_id))
        return ShelfStorage(shelf, None if trust is None else trust.belief(who), notes)

    with ExitStack() as stack:
        follower = stack.enter_context(
            closing(
                Follower(settings.kafka, codec, [MODEL_RELEASES, COLLECTION_CAMPAIGNS], "fleet")
            )
        )
        publisher = stack.enter_context(Publisher(settings.kafka, codec, "fleet"))
        shore = Shore(
            camera=camera,
            storage=storage,
            pictures=objects,
            publisher=publisher,
            follower=follower,
            book=book,
            clock=now_us,
            save=lambda flashes: store.save(flashes, trust),
        )
        running = Fleet(scenario, shore, people(scenario, *part), store.flashes())
        _serve(settings, running, stack)
        say(f"fleet: {len(running.devices)} devices of {scenario.name}, boot saved in {store.name}")
        running.run(stopping)
        _say_figures(running)


def _serve(settings: Settings, running: Fleet, stack: ExitStack) -> None:
    if settings.metrics_port is None:
        return
    checks = {"pace": lambda: Check(running.on_schedule, f"shifted {running.figures.shifts} times")}
    server = stack.enter_context(HealthServer(settings.metrics_port, checks))
    say(f"fleet: health and metrics on 127.0.0.1:{server.port}")


def _say_figures(running: Fleet) -> None:
    figures = running.figures
    if not figures.frames:
        say("fleet: no frame was due: no device runs a release yet")
        return
    mean_us = figures.cpu_ns / figures.frames / 1000
    wall_us = figures.wall_ns / figures.frames / 1000
    say(
        f"fleet: {figures.frames} frames, {figures.missed} missed; an inference took "
        f"{mean_us:.0f} us of CPU time and {wall_us:.0f} us of wall time in the mean; "
        f"schedule shifted {figures.shifts} times by {figures.shifted_us / 1e6:.1f} s in all"
    )


def _trust(settings: Settings, objects: ObjectStore, store: FleetStore) -> FleetTrust | None:
    """What the devices believe by; where there are no repositories, nothing but decisions."""
    roots = pinned_roots(settings.keys_dir)
    if roots is None:
        say(
            f"fleet: {settings.keys_dir} has no Roots: devices take every model that a valid "
            "decision names; to have them verify, hold a ceremony: fleetloop keys init"
        )
        return None
    say("fleet: devices verify the metadata of both repositories before they update")
    return FleetTrust(sources(objects), roots, store.trusted())


def _sha256(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()


def now_us() -> int:
    """The wall clock, UTC microseconds."""
    return time.time_ns() // 1000
