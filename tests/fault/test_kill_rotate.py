"""kill -9 at every step of `rotate-key`: no agent is locked out, no key is lost, a repeat succeeds."""

import pytest
from killing import kill_everywhere
from scenes import ROTATE

SECONDS = 100


@pytest.mark.parametrize("kind", ROTATE)
def test_a_kill_at_any_step_loses_nothing(stage, kind, tally):
    kill_everywhere(stage, kind, tally)
