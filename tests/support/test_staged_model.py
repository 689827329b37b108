"""No interleaving of three deliveries leaves the store with a key that does not work; without any of the rules, some do."""

import pytest

from support.staged_model import RULES, search


def test_what_the_store_holds_works_at_every_instant():
    way, looked_at = search()
    assert way is None, way
    assert looked_at > 50_000  # it did search


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_is_needed(rule):
    way, _ = search(without=rule)
    assert way, f"without '{rule}' nothing goes wrong"
