"""`fleetloop device run`: one device as a process of its own, with real files."""

import logging
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from infra.cli.fleet import chosen_scenario, now_us, stopping
from infra.cli.output import Exit, fail, say
from infra.cli.watchdog import watched
from infra.kafka.follower import Follower
from infra.kafka.publisher import Publisher
from infra.keys import load_keyring
from infra.objects import ObjectStore
from infra.settings import Settings
from infra.trust.pinned import pinned_root
from producers.camera.open import open_camera
from producers.device.client.file_storage import FileStorage
from producers.device.client.files import FolderFiles
from producers.device.client.intake import Origin
from producers.device.client.layout import TRUST
from producers.device.client.owner_file import OwnerFile
from producers.device.engine import Engine
from producers.device.fetch.download import link
from producers.device.flash import Flash
from producers.device.home import Home, simulated
from producers.device.identity import Who
from producers.device.machine import LINUX, Machine
from producers.device.people import people
from producers.device.trust.cycle import UpdateCycle
from producers.device.trust.places import sources
from producers.device.trust.predicate import Identity
from producers.device.trust.state import TrustState
from producers.device.yardstick import Yardstick
from producers.fleet import Fleet, Shore
from producers.scenario.scenario import Scenario
from schemas.codec import Codec
from schemas.decisions import ReleaseBook
from schemas.records import DeviceConditions
from schemas.registry import registry_from
from schemas.topics import COLLECTION_CAMPAIGNS, MODEL_RELEASES


def run(
    device: Annotated[
        str, typer.Option(help="id of a device of the scenario that no fleet run plays")
    ],
    state: Annotated[Path, typer.Option(help="folder of all that the device keeps")],
    scenario: Annotated[
        Path | None, typer.Option(help="What to play; else the setting scenario_file.")
    ] = None,
    bytes_per_s: Annotated[
        float | None, typer.Option(min=1.0, help="Limit of downloads; else as fast as they come.")
    ] = None,
    asks: Annotated[
        bool, typer.Option(help="Ask an owner, who answers by device consent or postpone.")
    ] = False,
    sensors: Annotated[
        Path, typer.Option(help="sysfs of the machine: its thermometers and batteries.")
    ] = LINUX,
    seconds: Annotated[
        float | None, typer.Option(min=0.0, help="Stop after so long; else on TERM or Ctrl-C.")
    ] = None,
) -> None:
    """Run one device: it verifies, downloads, installs and tries releases in its own folder.

    It may be killed at any time and goes on when it is started again. A folder that trusts no Root
    yet gets those pinned in keys_dir, as in the factory. What the machine does not measure is as
    the scenario says.
    """
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.INFO)
    settings = Settings()
    playing = chosen_scenario(scenario or settings.scenario_file)
    who = next((one for one in people(playing) if one.device_id == device), None)
    if who is None:
        fail(f"--device {device}: the scenario {playing.name} has none of that id", Exit.USAGE)
    speed = None if bytes_per_s is None else link(bytes_per_s)
    objects = ObjectStore(settings.objects_url)
    director, images = sources(objects)
    cycle = UpdateCycle(
        director=director,
        images=images,
        state=_from_the_factory(TrustState(FolderFiles(state), TRUST), settings.keys_dir),
        me=Identity(ecu=who.device_id, hardware=who.hardware),
    )
    storage = FileStorage(
        who.device_id,
        FolderFiles(state),
        Origin(cycle=cycle, images=images, link=speed),
        partial(Engine, yardstick=Yardstick()),
    )
    machine = Machine(sensors)
    say(f"device: measures {' and '.join(machine.senses) or 'nothing'} here")
    owner = OwnerFile(FolderFiles(state)) if asks else None
    home = _home(simulated(playing, device), machine, owner)
    with stopping(seconds) as stops, watched(stops) as asked:
        _drive(settings, playing, who, storage, home, objects, asked)


def _from_the_factory(trust: TrustState, keys_dir: Path) -> TrustState:
    """With a Root of each repository: never one that the object store gives."""
    if not trust.provisioned:
        trust.provision(pinned_root(keys_dir, "director"), pinned_root(keys_dir, "images"))
    return trust


def _home(of_scenario: Home, machine: Machine, owner: OwnerFile | None) -> Home:
    """What the machine measures and the owner says, and for the rest the scenario."""

    def conditions(now_us: int) -> DeviceConditions:
        held, charge = of_scenario.conditions(now_us), machine.state_of_charge()
        return held if charge is None else replace(held, state_of_charge=charge)

    def temperature_c(now_us: int) -> float | None:
        measured = machine.temperature_c()
        return of_scenario.temperature_c(now_us) if measured is None else measured

    home = replace(of_scenario, conditions=conditions, temperature_c=temperature_c)
    if owner is None:
        return home
    household = replace(home.household, asks=True)
    return replace(home, household=household, speak=owner.speak)


def _drive(
    settings: Settings,
    scenario: Scenario,
    who: Who,
    storage: FileStorage,
    home: Home,
    objects: ObjectStore,
    stops: Callable[[], bool],
) -> None:
    codec = Codec(registry_from(settings.registry_url))
    kept = storage.kept()
    flashes: dict[str, Flash] = {} if kept is None else {who.device_id: kept}
    topics = [MODEL_RELEASES, COLLECTION_CAMPAIGNS]
    with ExitStack() as stack:
        follower = stack.enter_context(
            closing(Follower(settings.kafka, codec, topics, who.device_id))
        )
        shore = Shore(
            camera=open_camera(scenario),
            storage=lambda _: storage,
            pictures=objects,
            publisher=stack.enter_context(Publisher(settings.kafka, codec, who.device_id)),
            follower=follower,
            book=ReleaseBook(load_keyring(settings.keys_dir)),
            clock=now_us,
            save=lambda _: None,  # its client keeps every step itself, before it counts
            home=home,
        )
        running = Fleet(scenario, shore, [who], flashes)
        say(f"device: {who.device_id} runs, boot {running.devices[0].flash.boot}")
        running.run(stops)
