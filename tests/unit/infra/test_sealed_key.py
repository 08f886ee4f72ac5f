"""A sealed key opens with its passphrase alone, and as it was written alone."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from infra import sealed_key
from infra.sealed_key import (
    PASSPHRASE,
    KeysError,
    public_half,
    read_key,
    read_passphrase,
    write_key,
    write_private,
)
from infra.trust.key_folder import KeyFolder

SECRET = b"a long secret"


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sealed_key, "COST", 4)
    found = tmp_path / "some.key"
    write_key(found, Ed25519PrivateKey.from_private_bytes(b"7" * 32), SECRET)
    return found


def test_it_opens_and_shows_no_secret(path: Path) -> None:
    assert read_key(path, SECRET).private_bytes_raw() == b"7" * 32
    assert public_half(path) == read_key(path, SECRET).public_key().public_bytes_raw()
    assert (b"7" * 32).hex() not in path.read_text()
    assert path.stat().st_mode & 0o777 == 0o600


def test_another_passphrase_does_not_open_it(path: Path) -> None:
    with pytest.raises(KeysError, match=r"some.key: does not open with this passphrase"):
        read_key(path, b"another secret")


@pytest.mark.parametrize("field", ["public", "nonce", "sealed", "salt", "n", "format"])
def test_a_changed_field_does_not_open(path: Path, field: str) -> None:
    body = json.loads(path.read_text())
    place = body["scrypt"] if field in {"salt", "n"} else body
    place[field] = {"n": 8, "format": "other"}.get(field, "00" * 32)
    path.write_text(json.dumps(body))
    with pytest.raises(KeysError):
        read_key(path, SECRET)


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"format": 1}', b"\xff"])
def test_what_is_no_sealed_key_is_named(path: Path, body: bytes) -> None:
    path.write_bytes(body)
    with pytest.raises(KeysError, match=r"some.key: not a sealed key"):
        read_key(path, SECRET)


def test_a_key_is_never_written_over_and_needs_a_real_passphrase(path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    with pytest.raises(KeysError, match="never written over"):
        write_key(path, key, SECRET)
    with pytest.raises(KeysError, match="at least 8 bytes"):
        write_key(path.with_name("new.key"), key, b"short")


def test_a_passphrase_is_the_first_line_of_a_private_file(tmp_path: Path) -> None:
    path = tmp_path / "passphrase"
    path.write_bytes(b"  twelve bytes\nnot this\n")
    path.chmod(0o600)
    assert read_passphrase(path) == b"twelve bytes"
    path.chmod(0o640)
    with pytest.raises(KeysError, match="chmod 600"):
        read_passphrase(path)


def test_a_guess_at_a_persons_passphrase_costs_128_mib_and_a_drawn_one_is_long(
    tmp_path: Path,
) -> None:
    person, machine = KeyFolder(tmp_path / "person"), KeyFolder(tmp_path / "machine")
    (tmp_path / "person").mkdir()
    write_private(tmp_path / "person" / PASSPHRASE, b"typed by somebody\n")
    machine.make_passphrase()
    for folder in (person, machine):
        folder.make("some")
        folder.load("some")
    costs = [
        json.loads((folder.folder / "some.key").read_text())["scrypt"]["n"]
        for folder in (person, machine)
    ]
    assert costs == [1 << 17, 1 << 10]
    assert len((tmp_path / "machine" / PASSPHRASE).read_text()) > 43 + len("drawn")
