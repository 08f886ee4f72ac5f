"""Evidence: nothing in it changes unseen, and only its end may be torn."""

import hashlib
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from producers.device.evidence.chain import read
from producers.device.evidence.entry import Entry, EvidenceError, Kind, parse

AT: Final = 1_763_769_000_000_000
FACTS = st.dictionaries(
    st.text(max_size=8), st.text(max_size=8) | st.integers() | st.none(), max_size=4
)


def chain(count: int, first: int = 0) -> list[bytes]:
    lines, prev = [], "" if first == 0 else "ab" * 32
    for seq in range(first, first + count):
        entry = Entry(seq=seq, prev=prev, at_us=AT + seq, kind=Kind.DID, facts={"n": seq})
        lines.append(entry.line())
        prev = entry.hash
    return lines


LINES: Final = chain(6)


@given(FACTS, st.sampled_from(list(Kind)), st.integers(0, 2**62))
def test_a_line_reads_back(facts: dict[str, object], kind: Kind, at_us: int) -> None:
    entry = Entry(seq=3, prev="cd" * 32, at_us=at_us, kind=kind, facts=facts)
    assert parse(entry.line().rstrip(b"\n")) == entry


@pytest.mark.parametrize("first", [0, 9])
def test_a_whole_log_reads_from_its_first_line_or_from_where_older_ones_were_dropped(
    first: int,
) -> None:
    found = read(b"".join(chain(4, first)))
    assert [entry.seq for entry in found.entries] == list(range(first, first + 4))
    assert (found.torn, found.next_seq) == (0, first + 4)
    assert found.heads[found.head] == 3


def test_nothing_is_a_log_that_begins() -> None:
    assert (read(b"").head, read(b"").next_seq) == ("", 0)


@given(st.integers(0, len(LINES[-1]) - 1))
def test_a_torn_end_is_left_out_and_counted(cut: int) -> None:
    found = read(b"".join(LINES[:-1]) + LINES[-1][:cut])
    assert len(found.entries) == 5
    assert found.torn == cut


def test_an_end_of_zeros_or_of_a_spoilt_line_is_torn_too() -> None:
    assert read(LINES[0] + bytes(50)).torn == 50
    spoilt = LINES[1].replace(b"DID", b"XXX")
    assert read(LINES[0] + spoilt).torn == len(spoilt)
    assert read(LINES[0] + spoilt + b"xy").torn == len(spoilt) + 2


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ([*LINES[:2], *LINES[3:]], "line 3: number 3 does not follow number 1"),
        ([*LINES[:3], LINES[2], *LINES[3:]], "line 4: number 2 does not follow number 2"),
        ([LINES[0], LINES[2], LINES[1], *LINES[3:]], "line 2: number 2 does not follow"),
        ([LINES[1].replace(b'"n":1', b'"n":7'), *LINES[2:]], "line 1: the line is not the one"),
        ([*LINES[:2], *chain(6)[3:]], "line 3: number 3 does not follow number 1"),
        ([*LINES[:2], *chain(6, 3)[:2]], "line 3: number 3 does not follow"),
        ([b"no line\n", *LINES], "line 1: the line is not the one"),
    ],
)
def test_every_change_but_at_the_end_is_named_with_its_line(
    changed: list[bytes], words: str
) -> None:
    with pytest.raises(EvidenceError, match=words):
        read(b"".join(changed))


def test_a_line_made_anew_with_its_own_hash_is_found_by_the_next() -> None:
    forged = Entry(seq=1, prev=parse(LINES[0][:-1]).hash, at_us=AT, kind=Kind.DID, facts={})
    with pytest.raises(EvidenceError, match="line 3: number 2 does not follow number 1"):
        read(LINES[0] + forged.line() + LINES[2])


def _raw(body: bytes) -> bytes:
    return hashlib.sha256(body).hexdigest().encode() + b" " + body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b"[" * 5_000,
        b'{"at_us":1,"facts":{},"kind":"ELSE","prev":"","seq":0}',
        b'{"at_us":1,"facts":[],"kind":"DID","prev":"","seq":0}',
        b'{"at_us":1,"facts":{},"kind":"DID","prev":7,"seq":0}',
        b'{"at_us":true,"facts":{},"kind":"DID","prev":"","seq":0}',
        b'{"at_us":1,"facts":{},"kind":"DID","prev":"","seq":0,"more":1}',
        b'{"seq":0,"at_us":1,"facts":{},"kind":"DID","prev":""}',
        b'{"at_us":1,"facts":{},"kind":"DID","prev":"","seq": 0}',
    ],
)
def test_a_line_of_another_form_is_none_whatever_its_hash(body: bytes) -> None:
    with pytest.raises(EvidenceError):
        parse(_raw(body))


def test_a_first_line_that_can_be_none_is_refused() -> None:
    for seq, prev in ((0, "ab" * 32), (5, ""), (-1, "ab" * 32)):
        line = Entry(seq=seq, prev=prev, at_us=AT, kind=Kind.DID, facts={}).line()
        with pytest.raises(EvidenceError, match="begins no log"):
            read(line)
