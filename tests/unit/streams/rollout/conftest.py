"""What tests of the gate begin with."""

import pytest

from tests.rollout_desk import Desk, everybody_on_r1


@pytest.fixture
def desk() -> Desk:
    """Everybody runs r1."""
    return everybody_on_r1()
