"""The state scenarios of Mender's client, each played on ours."""

from pathlib import Path

import pytest

from schemas.reasons import TRANSIENT
from schemas.records import AckState
from tests.mender_scene import play, scene
from tests.mender_states import Trace, menders_ends, spelled, states_table, traces

DOCS = Path(__file__).parents[5] / "docs" / "device-states.md"
CASES = [(case, words, row) for row in traces() for case, words in row.cases.items()]


@pytest.mark.parametrize(("case", "words", "row"), CASES, ids=[case for case, _, _ in CASES])
def test_a_case_of_menders_client_ends_as_stated(case: str, words: str, row: Trace) -> None:
    made = scene(words)
    played = play(made, is_new=row.starts == "nothing")
    assert made.missing() == [], "what should go wrong did"
    about = [ack for ack in played.acks if ack.release_id == made.offered.release_id]
    assert tuple(spelled(ack) for ack in about) == row.reports, case
    assert (played.runs or "nothing") == row.runs
    committed = [ack.model_digest for ack in about if ack.state is AckState.COMMITTED]
    assert committed in ([], [made.offered.digest]), "COMMITTED is said of what runs"


def test_every_case_is_played_once() -> None:
    assert sorted(case for case, _, _ in CASES) == sorted(menders_ends())


def test_cases_of_a_row_end_alike_on_menders_client() -> None:
    ends = menders_ends()
    for row in traces():
        assert len({ends[case] for case in row.cases}) == 1, row.what


def test_the_gate_waits_for_what_a_device_tries_again() -> None:
    for row in traces():
        ended = [one.split()[-1] for one in row.reports if "INSTALL_FAILED " in one]
        again = [one for one in row.reports if one.endswith(" OFFERED")]
        assert set(ended[: len(again)]) <= TRANSIENT, row.what


def test_what_goes_wrong_is_named_or_refused() -> None:
    with pytest.raises(ValueError, match="nothing like it"):
        scene("model broken")
    with pytest.raises(KeyError, match="somewhere"):
        scene("kill somewhere")
    with pytest.raises(KeyError, match="tea"):
        scene("server tea")


def test_the_docs_have_the_table() -> None:
    wanted = states_table()
    assert wanted in DOCS.read_text("utf-8"), f"put this into {DOCS.name}:\n{wanted}"
