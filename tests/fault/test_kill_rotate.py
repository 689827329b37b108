"""kill -9 at every step of `rotate-key`: nobody is locked out, no key is lost, a repeat ends well."""

import pytest
from killing import kill_everywhere
from scenes import ROTATE


@pytest.mark.parametrize("kind", ROTATE)
def test_a_kill_at_any_step_loses_nothing(stage, kind, tally):
    kill_everywhere(stage, kind, tally)
