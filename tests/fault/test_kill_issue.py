"""kill -9 at every step of `migrate-legacy issue`: no agent gets two keys, none is lost, a repeat succeeds."""

import pytest
from killing import kill_everywhere
from scenes import BATCH


@pytest.mark.parametrize("kind", BATCH)
def test_a_kill_at_any_step_loses_nothing(stage, kind, tally):
    kill_everywhere(stage, kind, tally)
