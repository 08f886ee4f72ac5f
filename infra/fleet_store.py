"""Where a simulated fleet saves what its devices keep: two objects, whole at any moment."""

from infra.objects import ObjectMissingError, ObjectStore
from producers.device.client import fleet_trust
from producers.device.client.fleet_trust import FleetTrust, Kept
from producers.device.flash import Flash
from producers.device.flash_json import from_json, to_json


class FleetStore:
    """The storage of one process's devices in the object store.

    Args:
        objects: The store.
        scenario: Name of what the fleet plays.
        part: I and N: it runs every N-th device from the I-th on.

    Attributes:
        place: What sets it apart from other processes of an installation, as a path.
        name: Of the object with slots, attempts and boots.
    """

    def __init__(self, objects: ObjectStore, scenario: str, part: tuple[int, int]) -> None:
        self._objects = objects
        self.place = f"{scenario}/{part[0]}-of-{part[1]}"
        base = f"fleet/{self.place}"
        self.name, self._trust_name = f"{base}.json", f"{base}.trust.json"

    def flashes(self) -> dict[str, Flash]:
        """Slots, attempts and boots by device id; empty: the fleet is new.

        Raises:
            FlashError: They cannot be read.
        """
        body = self._get(self.name)
        return {} if body is None else from_json(body)

    def trusted(self) -> Kept:
        """What each device trusts and keeps with its models; empty: the fleet is new.

        Raises:
            TrustStateError: It cannot be read.
        """
        body = self._get(self._trust_name)
        return {} if body is None else fleet_trust.from_json(body)

    def save(self, flashes: dict[str, Flash], trust: FleetTrust | None) -> None:
        """Save both.

        Trust comes first: a device that is killed between may trust more than its slots show,
        never less, or it could be led back behind what it runs.

        Raises:
            OSError: The store does not take it.
        """
        if trust is not None:
            self._objects.put_named(self._trust_name, trust.to_json())
        self._objects.put_named(self.name, to_json(flashes))

    def _get(self, name: str) -> bytes | None:
        try:
            return self._objects.get(name)
        except ObjectMissingError:
            return None
