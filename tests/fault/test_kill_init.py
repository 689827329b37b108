"""kill -9 at every step of `init`: no key is lost, and a repeat succeeds."""

import pytest
from killing import kill_everywhere
from scenes import INIT

SECONDS = 200


@pytest.mark.parametrize("kind", INIT)
def test_a_kill_at_any_step_loses_nothing(stage, kind, tally):
    kill_everywhere(stage, kind, tally)
