"""The questions of a line: what people were asked about, where it comes from, what they said."""

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from schemas.ballots import Ballot, Vote
from schemas.erasures import ErasureBook
from schemas.manifests import ManifestError
from schemas.name_hashes import Hashes, hashed
from schemas.records import SKIP


@dataclass(frozen=True, slots=True)
class Question:
    """An encounter that people were asked about.

    Attributes:
        event_id: The edge case that stands for the encounter.
        frame_media_type: See `schemas.media`.
        planned: People asked before any disagreement was known.
        stamp_us: The broker's stamp of the edge case, UTC microseconds.
    """

    event_id: str
    device_id: str
    encounter_id: str
    frame_uri: str
    frame_digest: str
    frame_media_type: str
    topic_id: str
    partition: int
    offset: int
    stamp_us: int
    planned: int
    ballot: Ballot


_PLAIN: Final = {
    "event_id": pa.string(),
    "device_id": pa.string(),
    "encounter_id": pa.string(),
    "frame_uri": pa.string(),
    "frame_digest": pa.string(),
    "frame_media_type": pa.string(),
    "topic_id": pa.string(),
    "partition": pa.int32(),
    "offset": pa.int64(),
    "stamp_us": pa.int64(),
    "planned": pa.int32(),
}
_VOTE: Final = pa.struct(
    [("reviewer", pa.string()), ("label", pa.string()), ("event_id", pa.string())]
)
_FORMAT: Final = "fleetloop.questions/1"
_FORGOTTEN: Final = "forgotten"
_SCHEMA: Final = pa.schema(
    [
        *_PLAIN.items(),
        ("needed", pa.int32()),
        ("wanted", pa.int32()),
        ("votes", pa.list_(_VOTE)),
        ("taken_back", pa.list_(pa.string())),
    ],
    metadata={"format": _FORMAT},
)


class QuestionSheet:
    """All questions a line ever asked, as columns: few of them change from one dataset to the next.

    Args:
        rows: A table of the columns above, in the order of event ids.
        forgotten: Hashes of encounters that were asked about and whose rows were erased: none is
            asked about again, whoever looks before or after the erasure reached the sheet.
    """

    def __init__(self, rows: pa.Table | None = None, forgotten: Hashes | None = None) -> None:
        self._rows = _SCHEMA.empty_table() if rows is None else rows
        self._forgotten = hashed([]) if forgotten is None else forgotten

    def __len__(self) -> int:
        return int(self._rows.num_rows)

    def pick(self, event_ids: Iterable[str]) -> dict[str, Question]:
        """The questions about some edge cases, by edge case; what was not asked is left out."""
        found = self._rows.filter(_is_in(self._rows["event_id"], event_ids))
        return {row["event_id"]: _question(row) for row in found.to_pylist()}

    def encounters(self) -> Hashes:
        """Encounters that were asked about, erased ones among them, in any order."""
        return np.concatenate([hashed(self._rows["encounter_id"].to_pylist()), self._forgotten])

    def replaced(self, questions: Sequence[Question]) -> "QuestionSheet":
        """With some questions as they are now, new ones among them."""
        kept = self._rows.filter(
            pc.invert(_is_in(self._rows["event_id"], (q.event_id for q in questions)))
        )
        newer = pa.Table.from_pylist([_row(question) for question in questions], schema=_SCHEMA)
        return QuestionSheet(pa.concat_tables([kept, newer]).sort_by("event_id"))

    def without(self, erasures: ErasureBook) -> "QuestionSheet":
        """Without the questions about what erased devices had recorded."""
        return QuestionSheet(self._rows.filter(pc.invert(self._erased(erasures))))

    def redacted(self, erasures: ErasureBook) -> "QuestionSheet":
        """Without them, but for the hashes of their encounters."""
        erased = self._erased(erasures)
        names = hashed(self._rows["encounter_id"].filter(erased).to_pylist())
        return QuestionSheet(
            self._rows.filter(pc.invert(erased)), np.union1d(self._forgotten, names)
        )

    def _erased(self, erasures: ErasureBook) -> pa.ChunkedArray:
        """Bool [n]: which questions are about what erased devices had recorded."""
        gone = [
            row["event_id"]
            for row in self._rows.filter(_is_in(self._rows["device_id"], erasures.devices()))
            .select(["event_id", "device_id", "stamp_us"])
            .to_pylist()
            if erasures.covering(row["device_id"], row["stamp_us"]) is not None
        ]
        return _is_in(self._rows["event_id"], gone)

    def labels(self) -> list[list[str]]:
        """For each encounter that more than one planned person labelled, their labels."""
        several = self._rows.filter(pc.greater(pc.list_value_length(self._rows["votes"]), 1))
        found = [
            [v["label"] for v in row["votes"][: row["planned"]] if v["label"] != SKIP]
            for row in several.select(["votes", "planned"]).to_pylist()
        ]
        return [labels for labels in found if len(labels) > 1]

    def to_parquet(self) -> bytes:
        """The same questions give the same bytes."""
        sink = io.BytesIO()
        told = {_FORGOTTEN: self._forgotten.tobytes().hex()} if len(self._forgotten) else {}
        rows = self._rows.combine_chunks()
        rows = rows.replace_schema_metadata({"format": _FORMAT, **told})
        pq.write_table(rows, sink, compression="zstd")
        return sink.getvalue()

    @classmethod
    def from_parquet(cls, body: bytes) -> "QuestionSheet":
        """Read a sheet.

        Raises:
            ManifestError: The bytes are no sheet.
        """
        try:
            rows = pq.read_table(pa.BufferReader(body))
        except (pa.ArrowException, OSError) as error:
            raise ManifestError(f"questions of {len(body)} bytes: not Parquet: {error}") from error
        if (
            not rows.schema.equals(_SCHEMA)
            or (rows.schema.metadata or {}).get(b"format") != _FORMAT.encode()
        ):
            raise ManifestError(f"questions with columns {rows.schema.names}: must be {_FORMAT}")
        forgotten = bytes.fromhex((rows.schema.metadata.get(_FORGOTTEN.encode()) or b"").decode())
        return cls(rows, np.frombuffer(forgotten, np.uint64))


def _is_in(column: pa.ChunkedArray, values: Iterable[str]) -> pa.ChunkedArray:
    return pc.is_in(column, value_set=pa.array(list(values), pa.string()))


def _question(row: Mapping[str, Any]) -> Question:
    votes = [Vote(**vote) for vote in row["votes"]]
    ballot = Ballot(row["needed"], row["wanted"], votes, list(row["taken_back"]))
    return Question(**{name: row[name] for name in _PLAIN}, ballot=ballot)


def _row(question: Question) -> dict[str, Any]:
    ballot = question.ballot
    return {
        **{name: getattr(question, name) for name in _PLAIN},
        "needed": ballot.needed,
        "wanted": ballot.wanted,
        "votes": [
            {"reviewer": v.reviewer, "label": v.label, "event_id": v.event_id} for v in ballot.votes
        ],
        "taken_back": ballot.taken_back,
    }
