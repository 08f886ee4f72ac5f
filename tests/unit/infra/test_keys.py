"""Keys on disk."""

from pathlib import Path

import pytest

from infra.keys import KEYRING, load_keyring, load_signer, make_keys
from infra.sealed_key import KeysError
from infra.trust.key_folder import KeyFolder
from schemas.records import CommandKind
from tests.rollout_log import START, command


def test_made_keys_are_private_load_again_and_verify(tmp_path: Path) -> None:
    made = make_keys(tmp_path / "keys")
    assert make_keys(tmp_path / "keys") == made
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "keys").iterdir()} == {0o600}
    signer = load_signer(tmp_path / "keys", "operator")
    load_keyring(tmp_path / "keys").verify(command("r1", CommandKind.PAUSE, signer=signer), START)


def test_making_keys_that_was_cut_short_is_done_again(tmp_path: Path) -> None:
    """The keyring comes last and whole: without it, what lies there is made anew, private."""
    (tmp_path / "gate.key").write_text("half a k")
    (tmp_path / "gate.key").chmod(0o644)
    ring = make_keys(tmp_path)
    assert load_signer(tmp_path, "gate").public(*ring.keys["gate"].roles) == ring.keys["gate"]
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".partial"] == []


def test_a_key_others_may_read_is_refused(tmp_path: Path) -> None:
    make_keys(tmp_path)
    (tmp_path / "gate.key").chmod(0o644)
    with pytest.raises(KeysError, match=r"gate.key: mode lets others read it; run chmod 600"):
        load_signer(tmp_path, "gate")


def test_a_missing_or_broken_key_is_named(tmp_path: Path) -> None:
    KeyFolder(tmp_path).make_passphrase()
    with pytest.raises(KeysError, match=r"nobody.key: No such file"):
        load_signer(tmp_path, "nobody")
    (tmp_path / "broken.key").touch(mode=0o600)
    with pytest.raises(KeysError, match=r"broken.key: not a sealed key"):
        load_signer(tmp_path, "broken")
    with pytest.raises(KeysError, match=r"keyring .*No such file"):
        load_keyring(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "must map signer names"),
        ("{a: b: c", "not YAML"),
        ("gate: {key: '00', roles: [gate]}", "key has 1 bytes"),
        ("gate: {key: zz, roles: [gate]}", "key is hex"),
        (f"gate: {{key: '{'00' * 32}', roles: [king]}}", "roles are trainer, gate, operator"),
        (f"gate: {{key: '{'00' * 32}', roles: [gate], colour: red}}", "unknown colour"),
        (f"gate: {{key: '{'00' * 32}', roles: [gate], revoked_at: soon}}", "UTC microseconds"),
        ("gate: 7", "allowed are key, roles and revoked_at"),
    ],
)
def test_a_wrong_keyring_is_named(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / KEYRING).write_text(text)
    with pytest.raises(KeysError, match=message):
        load_keyring(tmp_path)
