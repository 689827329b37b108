"""Requests that chance makes of the vectors: the kit reads each of them in the same way in Node, Python and C++."""

import copy
import os

import pytest
from support import vectors
from support.gateways import LANGUAGES, Gateway
from support.sampling import dice

REQUESTS = int(os.environ.get("RELAY_FUZZ_REQUESTS", "600"))
DOCUMENT = vectors.load("signing")
STARTS = [[vector["request"] for vector in DOCUMENT[group]] for group in ("accepted", "accepted", "accepted", "malformed", "unsigned")]
# Of the grammars of the headers, and what no grammar has.
PIECES = ['"', ",", ";", "=", "(", ")", ":", " ", "\t", "\\", "\\\"", "%", "?", "/", "//", "@", "-", ".", "0", "1", "A", "=:", ":,", ", ", ";x", ";x=1",
          "relay", "relay=", "a=1, ", ", z=?0", '%"%c3"', "@-1", "1.5", ";created=1", "\x00", "\x7f", "\xff", "\u20ac", "\r", "\n", "sha-256=", "http://"]  # fmt: skip
NAMES = ("Host", "Content-Digest", "Signature-Input", "Signature", "Authorization", "X-Forwarded-Host", "signature", "X")


def change(chance, text):
    """The text with a piece put in, taken out, doubled, or replaced."""
    at, end = sorted(chance.randrange(len(text) + 1) for _ in range(2))
    end = min(end, at + chance.randrange(4))
    what = chance.randrange(4)
    piece = chance.choice(PIECES) if what else text[at : at + chance.randrange(40)]
    return text[:at] + piece + text[at if what == 1 else end :]


def mutate(chance):
    request = copy.deepcopy(chance.choice(chance.choice(STARTS)))
    for _ in range(chance.randrange(1, 3)):
        what = chance.randrange(10)
        headers = request["headers"]
        if what == 0:
            request["target"] = change(chance, request["target"])
        elif what == 1:
            request["method"] = change(chance, request["method"])
        elif what == 2:
            request["authority"] = change(chance, request.get("authority", "relay.example.com"))
        elif what == 3 and headers:
            del headers[chance.randrange(len(headers))]
        elif what == 4:
            headers.insert(chance.randrange(len(headers) + 1), [chance.choice(NAMES), chance.choice(PIECES)])
        elif headers:
            header = chance.choice(headers)
            header[1] = change(chance, header[1])
    return request


@pytest.fixture
def kits():
    running = [Gateway(language, part="signing") for language in LANGUAGES]
    yield running
    for kit in running:
        kit.close()


def test_three_languages_read_every_request_alike(kits):
    chance = dice("signed requests")
    read = 0
    for _ in range(REQUESTS):
        request = mutate(chance)
        said = [kit.call("read", request=request, names=DOCUMENT["names"]) for kit in kits]
        alike = [one | {"malformed": "for some reason"} if "malformed" in one else one for one in said]
        assert alike[0] == alike[1] == alike[2], (request, said)
        read += "base" in said[0]
    assert read > REQUESTS / 50, "chance makes requests that are still signed"
