"""What each error of ClickHouse means; what is not known stops."""

import pytest

from consumers.clickhouse.faults import Fault, fault
from consumers.clickhouse.patience import GiveUpError, Patience


@pytest.mark.parametrize(
    ("code", "status", "meaning"),
    [
        (395, 500, Fault.LEASE),
        (252, 500, Fault.WAIT),
        (241, 500, Fault.WAIT),
        (0, 503, Fault.WAIT),
        (0, 502, Fault.WAIT),
        (469, 400, Fault.ROW),
        (53, 400, Fault.ROW),
        (60, 404, Fault.STOP),
        (516, 403, Fault.STOP),
        (115, 404, Fault.STOP),
        (0, 404, Fault.STOP),
        (9999, 500, Fault.STOP),
    ],
)
def test_each_code_has_one_meaning(code: int, status: int, meaning: Fault) -> None:
    assert fault(code, status) is meaning


def test_patience_counts_from_the_first_failure_and_an_answer_ends_it() -> None:
    now = 0.0
    patience = Patience(10.0, lambda: now)
    patience.failed(OSError("a"))
    now = 9.0
    assert patience.silent_s == 9.0
    patience.failed(OSError("b"))
    patience.answered()
    assert patience.silent_s == 0.0
    patience.failed(OSError("c"))
    now = 19.0
    with pytest.raises(GiveUpError, match=r"for 10 s.*GIVE_UP_AFTER_S=10\): d"):
        patience.failed(OSError("d"))
