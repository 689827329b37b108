"""Agent cards are judged alike by SQL, by the JSON Schema and by the program: vectors, and cards that chance has changed."""

import pytest

from support import sampling
from support.card_judges import WHOLE, BySchema, by_program, by_sql, many_by_program, many_by_sql, mutate, vectors
from support.cards import card, card_1_0, skill
from support.database import Database, make_template
from support.relay import Runner

CARDS, TEXTS = vectors()
# RELAY_FAULT_FULL=1: all of them, some minutes.
MUTATED = 100_000 if sampling.FULL else 400
AT_ONCE = 1000


@pytest.fixture(scope="module")
def database(cluster):
    """One database for all tests of this file: they write nothing."""
    made = Database(cluster, template=make_template(cluster))
    yield made
    made.drop()


@pytest.fixture(scope="module")
def program():
    """The program, with nothing configured: it needs no database."""
    return Runner()


@pytest.fixture(scope="module")
def by_schema():
    return BySchema()


@pytest.mark.whole
@pytest.mark.parametrize("vector", CARDS, ids=lambda vector: vector["name"])
def test_every_judge_finds_the_problems_of_a_card(database, program, by_schema, vector):
    assert by_sql(database, vector["text"]) == vector["problems"]
    assert by_program(program, vector["text"]) == vector["problems"]
    assert by_schema.accepts(vector["text"]) == (vector["problems"] == [])


@pytest.mark.whole
@pytest.mark.parametrize("vector", TEXTS, ids=lambda vector: vector["name"])
def test_every_judge_makes_the_same_of_a_text(database, program, by_schema, vector):
    verdicts = (by_sql(database, vector["text"]) == [], by_program(program, vector["text"]) == [], by_schema.accepts(vector["text"]))
    assert verdicts == (vector["ok"],) * 3


def test_a_hundred_thousand_changed_cards_are_judged_alike(database, program, by_schema):
    """Also that no judge fails. Every hundredth card is also a file for registry check."""
    chance = sampling.dice("changed cards")
    bases = [vector["card"] for vector in CARDS if vector["problems"] == [] and "fill" not in vector and isinstance(vector["card"], dict)]
    bases += [card(), card_1_0(), card(skills=[skill(str(n)) for n in range(99)])]
    accepted = 0
    for start in range(0, MUTATED, AT_ONCE):
        texts = [mutate(chance, bases) for _ in range(min(AT_ONCE, MUTATED - start))]
        for at, (text, sql, run) in enumerate(zip(texts, many_by_sql(database, texts), many_by_program(texts), strict=True)):
            if at % 100 == 0:
                shown = by_program(program, text)
                too_long = len(text.encode("utf-8", "surrogatepass")) > 2**20  # registry check does not read such a file
                assert shown == run or (run is None and shown != []) or (shown is None and too_long and run), text[:2000]
            verdicts = {"sql": sql == [], "program": run == [], "schema": by_schema.accepts(text)}
            assert len(set(verdicts.values())) == 1, (verdicts, sql, run, text[:2000])
            # Where a judge stops at the text as a whole, another may have found something before.
            if sql is not None and run is not None and not any(p.startswith(WHOLE) for p in sql + run):
                assert sql == run, text[:2000]
            accepted += verdicts["sql"]
    assert MUTATED * 0.1 < accepted < MUTATED * 0.8, accepted
    print(f"{accepted} of {MUTATED} accepted")
