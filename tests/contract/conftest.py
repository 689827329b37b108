"""Fixtures of the contract tests: a gateway in each language, and a first agent."""

import pytest

from support import vectors
from support.gateways import LANGUAGES, Gateway


@pytest.fixture(params=LANGUAGES)
def language(request):
    """The language that the gateway is written in."""
    return request.param


@pytest.fixture
def gateway(language, database):
    """A gateway that stays connected."""
    with Gateway(language, database) as running:
        yield running


@pytest.fixture
def foreign_key():
    """A well-formed key that none of our databases knows."""
    return vectors.load()["valid"][-2]["key"]
