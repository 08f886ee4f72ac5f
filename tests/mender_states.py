"""The cases of Mender's client on ours: data, what the device should say, and their table."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict

from schemas.records import OtaAck
from streams.rollout.policy_faults import read_model
from streams.rollout.published.device_trace import counted, device_traces
from streams.rollout.published.tables import marked, table

DATA: Final = Path(__file__).parent / "unit/producers/device/client/mender_states.yaml"
_PATH: Final = ("OFFERED", "ACCEPTED", "DOWNLOADED", "VERIFIED", "INSTALLED", "TRIAL_BOOT")


class Trace(BaseModel):
    """Cases that end alike on our client.

    Attributes:
        what: What happens.
        cases: What goes wrong (`tests.mender_scene`), by the case of Mender's it stands for.
        starts: What the device runs before.
        acks: What the log has in the end: `[ATTEMPT] STATE [REASON]`, `[ATTEMPT] up to STATE`.
        runs: The release that runs in the end.
        worse: Whether Mender's end says more than ours.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    what: str
    cases: Mapping[str, str]
    starts: Literal["r1", "nothing"] = "r1"
    acks: tuple[str, ...]
    runs: Literal["r1", "r2", "r3", "nothing"]
    worse: bool = False
    why: str

    @property
    def reports(self) -> tuple[str, ...]:
        """The acks, one by one."""
        return tuple(one for words in self.acks for one in _spelled(words))


class _Traces(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    rows: tuple[Trace, ...]


def traces() -> Sequence[Trace]:
    """All of them."""
    return read_model(DATA, _Traces, unreadable="it is a file of the tests").rows


def spelled(ack: OtaAck) -> str:
    """An ack in words."""
    attempt = f"{ack.attempt} " if ack.attempt > 1 else ""
    return f"{attempt}{ack.state} {ack.reason_code}".strip()


def menders_ends() -> Mapping[str, str]:
    """How each case ends on Mender's client, by its name."""
    (client,) = [tool for tool in device_traces() if tool.title == "Mender's client"]
    return {case: row.theirs for row in client.rows for case in row.cases.split()}


def states_table() -> str:
    """The table of docs/device-states.md."""
    ends = menders_ends()
    head = ("cases, and what goes wrong on ours", "what happens", "Mender's end", "ours says")
    rows = [
        (
            "; ".join(
                f"{case} (`{words}`)" if words else case for case, words in row.cases.items()
            ),
            row.what,
            "; ".join(sorted({ends[case] for case in row.cases})),
            ", ".join(row.acks) or "nothing",
            row.runs,
            counted(row.reports) if row.reports else "no evidence",
            marked(row.why, worse=row.worse),
        )
        for row in traces()
    ]
    return table((*head, "runs", "counted", "why"), rows)


def _spelled(words: str) -> Iterator[str]:
    attempt, is_chain, state = words.rpartition("up to ")
    if is_chain:
        yield from (f"{attempt}{one}" for one in _PATH[: _PATH.index(state) + 1])
    else:
        yield words
