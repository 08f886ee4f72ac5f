"""The people of an installation that runs by itself, such as the demo's: keys in its data folder.

Nobody is asked, so a machine chose their passphrases and they lie beside the keys. That is a
rehearsal of a ceremony with everything but the people; where it matters each of them makes a key
with `fleetloop keys new` and keeps it.
"""

from datetime import datetime
from pathlib import Path
from typing import Final

from infra.keys import make_keys
from infra.objects import ObjectStore
from infra.trust.agenda import again, begin, publish, vouch
from infra.trust.ceremony import Ceremony
from infra.trust.key_folder import KeyFolder
from infra.trust.pinned import PINNED
from infra.trust.roots import Holders
from infra.trust.signed_file import REPOSITORIES, public_key
from schemas.decisions import ReleaseBook

NAMES: Final = ("holder-a", "holder-b", "holder-c")
THRESHOLD: Final = 2
CEREMONY: Final = "ceremony"


class People:
    """Holders of the offline keys, each with a folder of their own, and their ceremony.

    Args:
        offline: Folder of theirs, which no worker reads.
    """

    def __init__(self, offline: Path) -> None:
        self._offline = offline
        self.ceremony = Ceremony(offline / CEREMONY)

    def found(self, keys_dir: Path, objects: ObjectStore, now: datetime) -> None:
        """Make all keys of an installation, and publish both repositories' first metadata.

        An installation that has them is left as it is.
        """
        make_keys(keys_dir)
        if all((keys_dir / PINNED.format(name)).exists() for name in REPOSITORIES):
            return
        if not self.ceremony.all():
            begin(self.ceremony, self._holders(), KeyFolder(keys_dir), now)
        self._sign()
        publish(self.ceremony, objects, keys_dir)

    def vouch(
        self,
        book: ReleaseBook,
        release_id: str,
        keys_dir: Path,
        objects: ObjectStore,
        now: datetime,
    ) -> None:
        """Hold the ceremony of a release, once.

        Raises:
            CeremonyError: There is no such release.
        """
        vouch(self.ceremony, book, release_id, objects, now)
        self._sign()
        publish(self.ceremony, objects, keys_dir)

    def vouch_again(self, keys_dir: Path, objects: ObjectStore, now: datetime) -> None:
        """Sign the newest Targets anew before they expire."""
        again(self.ceremony, now)
        self._sign()
        publish(self.ceremony, objects, keys_dir)

    def _sign(self) -> None:
        for name in NAMES[:THRESHOLD]:
            self.ceremony.sign(name, self._keys(name).load(name))

    def _holders(self) -> Holders:
        keys = []
        for name in NAMES:
            folder = self._keys(name)
            folder.make_passphrase()
            raw = folder.public(name) if name in folder.names() else folder.make(name)
            keys.append(public_key(name, raw))
        return Holders(keys, THRESHOLD)

    def _keys(self, name: str) -> KeyFolder:
        return KeyFolder(self._offline / name)
