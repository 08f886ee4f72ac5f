"""The device's client behind the three commands of the public TUF conformance suite.

init, refresh and download, exit code 0 or 1. The trusted files stand in the metadata folder as
<role>.json, byte for byte as the repository gave them; what was refused is said on stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import httpx
from tuf.api.metadata import Root, TargetFile

from producers.device.client.files import FolderFiles, replace_file
from producers.device.trust.delegations import find
from producers.device.trust.documents import mismatch, read, verify
from producers.device.trust.http_source import HttpSource, Patience
from producers.device.trust.images import receive
from producers.device.trust.limits import PLAIN_TUF
from producers.device.trust.refusal import RefusedError
from producers.device.trust.repository import Repository
from producers.device.trust.sources import Source
from producers.device.trust.store import Store


def main(words: Sequence[str], now: datetime) -> int:
    """Run one command; 0: done, 1: refused."""
    options = _parser().parse_args(words)
    store = Store(FolderFiles(options.metadata_dir))
    try:
        if options.command == "init":
            init(store, options.root.read_bytes())
            return 0
        with httpx.Client(timeout=Patience().silence_s) as client:
            images_url = options.target_base_url or options.metadata_url
            source = HttpSource(client, options.metadata_url, images_url)
            repository = Repository(source, store, PLAIN_TUF, now)
            repository.refresh()
            if options.command == "download":
                download(repository, source, options.target_name, options.target_dir)
    except RefusedError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def init(store: Store, data: bytes) -> None:
    """Begin to trust a root."""
    root = read(data, "root", Root, PLAIN_TUF)
    verify(root, root.signed)
    store.put("root", data)


def download(repository: Repository, source: Source, path: str, folder: Path) -> None:
    """Find, fetch and keep a target; one that is there already is not fetched again."""
    target = find(repository, path, PLAIN_TUF.delegations)
    file = folder / quote(path, safe="")
    if _is_there(target, file):
        return
    pieces: list[bytes] = []
    receive(source, target, consistent=repository.consistent, keep=pieces.append)
    replace_file(FolderFiles(folder), file.name, b"".join(pieces))


def _is_there(target: TargetFile, file: Path) -> bool:
    return file.exists() and mismatch(file.read_bytes(), target.length, target.hashes) is None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tuf_client", description=__doc__)
    parser.add_argument("--metadata-url", default="")
    parser.add_argument("--metadata-dir", type=Path, required=True)
    parser.add_argument("--target-name", default="")
    parser.add_argument("--target-dir", type=Path, default=Path())
    parser.add_argument("--target-base-url", default="")
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("init").add_argument("root", type=Path)
    commands.add_parser("refresh")
    commands.add_parser("download")
    return parser


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:], datetime.now(UTC)))
