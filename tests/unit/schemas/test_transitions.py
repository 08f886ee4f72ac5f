"""The table of the state machine is whole: no way is told twice, none leads nowhere."""

from collections import Counter

import pytest

from schemas.records import ReleaseKind as K
from schemas.strata import ACTIVE, BEFORE_OPENING, WAITING
from schemas.strata import StratumStatus as S
from schemas.stratum_view import StratumView, moved
from schemas.transitions import NEXT, TABLE, Guard
from streams.rollout.steps import GUARDS
from tests.rollout_log import follow, proposal


def test_every_guard_is_in_the_table_and_the_gate_can_ask_it() -> None:
    asked = Counter(row.cause for row in TABLE if isinstance(row.cause, Guard))
    assert asked == Counter(Guard)
    assert GUARDS.keys() == set(Guard)


def test_a_decision_leads_from_a_status_to_one_only() -> None:
    ways = {(row.kind, source, row.target) for row in TABLE for source in row.sources}
    assert len(ways) == len(NEXT)


def test_every_status_is_reached_and_every_kind_is_written() -> None:
    assert {row.target for row in TABLE} | {S.PROPOSED, S.PAUSED} == set(S)
    assert {row.kind for row in TABLE} == set(K) - {K.UNKNOWN, K.PROPOSED}


@pytest.mark.parametrize("status", sorted(BEFORE_OPENING | ACTIVE))
def test_a_person_can_end_what_is_not_over(status: S) -> None:
    assert NEXT[K.ABORTED, status] is S.ABORTED


@pytest.mark.parametrize("status", sorted(WAITING))
def test_the_gate_alone_never_lets_go_on_what_waits_for_a_person(status: S) -> None:
    by_itself = [row for row in TABLE if isinstance(row.cause, Guard) and status in row.sources]
    assert S.OPEN not in {row.target for row in by_itself}


def test_what_is_over_stays_over_unless_a_person_orders_it_back() -> None:
    for status in (S.ROLLED_BACK, S.REJECTED):
        assert [kind for kind, source in NEXT if source is status] == []
    for status in (S.COMPLETED, S.ABORTED, S.SUPERSEDED):
        assert [kind for kind, source in NEXT if source is status] == [K.ROLLBACK_ORDERED]


@pytest.mark.parametrize("status", list(S))
def test_a_decision_that_is_not_in_the_table_moves_nothing(status: S) -> None:
    view = StratumView(status=status, since_us=1)
    first = proposal("r1")
    for kind in K:
        if (kind, status) not in NEXT:
            assert moved("HW3", view, follow(first, kind, 1, wave=0, share=0.5), 2) is None
