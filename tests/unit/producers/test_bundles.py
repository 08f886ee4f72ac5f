"""Models that belong together, in one file."""

import subprocess
import tarfile
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from producers.bundles import MAX_MEMBERS, BundleError, is_bundle, members_of, packed, renewed
from producers.patches import patch
from tests.unit.producers.device import kit

MEMBERS = {"model": b"signs", "lanes": b"lanes", "lights": b"lights"}
NAMES = st.from_regex(r"[a-z][a-z0-9_]{0,39}", fullmatch=True)


@given(
    st.dictionaries(NAMES, st.binary(max_size=2_000), min_size=1, max_size=MAX_MEMBERS - 1),
    st.binary(max_size=2_000),
)
@settings(max_examples=50, deadline=None)
def test_what_is_packed_comes_out_and_order_makes_no_difference(
    beside: dict[str, bytes], model: bytes
) -> None:
    members = {**beside, "model": model}
    body = packed(members)
    assert is_bundle(body)
    assert members_of(body) == members
    assert next(iter(members_of(body))) == "model"
    assert packed(dict(reversed(members.items()))) == body


def test_anybody_can_list_one(tmp_path: Path) -> None:
    file = tmp_path / "bundle.tar"
    file.write_bytes(packed(MEMBERS))
    listed = subprocess.run(["tar", "tf", file], check=True, capture_output=True, text=True)
    assert listed.stdout.split() == ["model.onnx", "lanes.onnx", "lights.onnx"]


def test_an_ordinary_file_is_the_model_alone() -> None:
    body = kit.tiny_model()
    assert not is_bundle(body)
    assert members_of(body) == {"model": body}


@pytest.mark.parametrize(
    ("members", "told"),
    [
        ({"model": b""}, "a bundle has model and from 1 to 15 beside it"),
        ({"lanes": b"", "lights": b""}, "a bundle has model"),
        ({"model": b"", **{f"m{n}": b"" for n in range(16)}}, "from 1 to 15"),
        ({"model": b"", "../slot": b""}, "'../slot': names are small letters"),
        ({"model": b"", "Lanes": b""}, "'Lanes': names"),
    ],
)
def test_what_makes_no_bundle_is_refused(members: dict[str, bytes], told: str) -> None:
    with pytest.raises(BundleError, match=told):
        packed(members)


def archive(*names: str, kind: bytes = tarfile.REGTYPE, mtime: int = 0) -> bytes:
    out = BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as made:
        for name in names:
            entry = tarfile.TarInfo(name)
            entry.type, entry.mtime, entry.linkname = kind, mtime, "/etc/passwd"
            made.addfile(entry)
    return out.getvalue()


@pytest.mark.parametrize(
    "body",
    [
        packed(MEMBERS)[:-512],
        packed(MEMBERS)[:700],
        packed(MEMBERS) + bytes(512),
        packed(MEMBERS)[:512] + b"S" + packed(MEMBERS)[513:600] + bytes(9_640),
        archive("model.onnx", "lanes.onnx", "lanes.onnx"),
        archive("model.onnx", "lanes.onnx", mtime=1),
        archive("lanes.onnx", "model.onnx"),
        archive("model.onnx", "../lanes.onnx"),
        archive("model.onnx", "lanes.onnx", kind=tarfile.SYMTYPE),
        archive("model.onnx"),
        archive(),
    ],
)
def test_only_what_packed_makes_is_one(body: bytes) -> None:
    if is_bundle(body):
        with pytest.raises(BundleError):
            members_of(body)
    else:
        assert members_of(body) == {"model": body}


def test_a_new_model_keeps_what_is_beside_the_old_one() -> None:
    assert renewed(None, b"new") == renewed(b"old", b"new") == b"new"
    assert members_of(renewed(packed(MEMBERS), b"new")) == {**MEMBERS, "model": b"new"}


def test_a_member_that_did_not_change_costs_no_download() -> None:
    model, lanes = kit.tiny_model(tag="a"), kit.tiny_model(tag="lanes" * 20_000)
    old = packed({"model": model, "lanes": lanes})
    made = patch(old, packed({"model": kit.tiny_model(tag="b"), "lanes": lanes}))
    assert made is not None
    assert len(made) < 1_000 < len(old)
