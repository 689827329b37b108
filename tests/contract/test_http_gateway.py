"""A real HTTP gateway: its checks in their order, what each leaves in auth_events, and how little the answers
reveal."""

import json
import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress

import pytest
from support.agents import first_agent, key_id, read_key
from support.gateways import HTTP_LANGUAGES, HttpGateway
from support.own_key import make_key
from support.prepared import prepared
from support.processes import wait_until
from support.quota import set_limit, used

CALL = "/stripe/refund"


@prepared
def keys(relay, tmp_path):
    """The keys of `bot` and `payer` of `acme`, and of `spy` of `evil`, who may all refund up to 100."""
    made = {"bot": first_agent(relay, tmp_path / "bot.key")}
    relay("org", "create", "evil", "--name", "Evil", check=0)
    for agent, org in (("payer", "acme"), ("spy", "evil")):
        relay("agent", "create", agent, "--org", org, "--name", agent, "--secret-file", tmp_path / agent, check=0)
        made[agent] = read_key(tmp_path / agent)
    for agent in made:
        relay("agent", "grant", agent, "stripe:refund", "--conditions", '{"max_amount": 100}', check=0)
    return made


@pytest.fixture
def port(database, keys):
    """Of the gateway in Python, which knows calls without a key, too."""
    with HttpGateway(database) as gateway:
        yield gateway.port


@pytest.fixture(params=HTTP_LANGUAGES)
def written_in(request):
    return request.param


@pytest.fixture
def each_port(database, keys, written_in):
    """Of the gateway in each language."""
    with HttpGateway(database, language=written_in) as gateway:
        yield gateway.port


def call(port, key, *, path=CALL, agent="bot", org="acme", amount=1, trace="t"):
    """(status, everything after the status line) of one call."""
    body = json.dumps({"amount": amount})
    claims = {
        "Authorization": None if key is None else f"Bearer {key}",
        "X-Agent-Id": agent,
        "X-Org-Id": org,
        "X-Request-Id": trace,
    }
    lines = [f"POST {path} HTTP/1.1", "Host: relay", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in claims.items() if value is not None]
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall("\r\n".join([*lines, "", body]).encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    status, _, rest = answer.partition("\r\n")
    return int(status.split()[1]), rest


def events(database, trace):
    """Returns the row that the call with this trace left."""
    return database.rows(
        "SELECT action, outcome, reason, agent_id, org_id, key_id, host(ip_address) AS ip FROM relay.auth_events"
        " WHERE trace_id = %s ORDER BY event_id",
        trace,
    )


def refusal(action, reason, agent, org, key, ip="127.0.0.1"):
    return [
        {
            "action": action,
            "outcome": "failed",
            "reason": reason,
            "agent_id": agent,
            "org_id": org,
            "key_id": key,
            "ip": ip,
        }
    ]


def test_a_good_call_passes_and_is_recorded_once(each_port, database, keys):
    for number in range(3):
        assert call(each_port, keys["bot"], trace=f"good-{number}")[0] == 200
    assert [event["action"] for event in events(database, "good-0")] == ["authenticated"]
    assert events(database, "good-1") == events(database, "good-2") == []
    assert call(each_port, keys["bot"], amount=100)[0] == 200
    assert call(each_port, keys["bot"], agent=None, org=None)[0] == 200


def test_the_uses_of_keys_are_reported_when_it_stops(database, keys, written_in):
    with HttpGateway(database, language=written_in) as gateway:
        statuses = [call(gateway.port, keys["bot"], **more)[0] for more in ({}, {}, {"path": "/bank/wire"}, {"agent": "payer"})]
        assert statuses == [200, 200, 403, 403]
    assert gateway.process.returncode == 0
    seen = database.one("SELECT uses, host(ip_address) AS ip, reported_by FROM relay.key_sightings")
    # A call that lacks a permission has used its key.
    assert seen == {"uses": 3, "ip": "127.0.0.1", "reported_by": database.gateway_login()}


def accepts(port):
    try:
        socket.create_connection(("127.0.0.1", port)).close()
        return True
    except ConnectionError:
        return False


def test_a_call_that_is_under_way_when_it_stops_is_answered_and_its_use_reported(database, keys, written_in):
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'relay.agent_keys'::regclass"
    with HttpGateway(database, language=written_in) as gateway, ThreadPoolExecutor(1) as caller:
        with closing(database.connect(autocommit=False)) as holder:
            holder.cursor().execute("LOCK TABLE relay.agent_keys IN ACCESS EXCLUSIVE MODE")
            answer = caller.submit(call, gateway.port, keys["bot"])
            wait_until(lambda: database.value(waiting) == 1, what="the call")
            gateway.process.terminate()
            wait_until(lambda: not accepts(gateway.port), what="it to accept no more calls")
        assert answer.result()[0] == 200
        assert gateway.process.wait(30) == 0
    assert database.value("SELECT uses FROM relay.key_sightings") == 1


def test_each_check_has_its_status_and_its_row(each_port, database, keys):
    stranger = make_key()
    wrong_secret = make_key(identity=key_id(keys["bot"]))
    bot, spy = key_id(keys["bot"]), key_id(keys["spy"])
    cases = {
        # trace: (the call, its status, its row)
        "unknown": ({"key": stranger}, 401, refusal("auth_failed", "unknown_key", None, None, key_id(stranger))),
        "secret": ({"key": wrong_secret}, 401, refusal("auth_failed", "unknown_key", None, None, bot)),
        "agent": ({"key": keys["bot"], "agent": "payer"}, 403, refusal("auth_failed", "agent_mismatch", "bot", "acme", bot)),
        "org": (
            {"key": keys["spy"], "agent": "spy"}, 403, refusal("auth_failed", "org_mismatch", "spy", "evil", spy),
        ),
        "permission": (
            {"key": keys["bot"], "path": "/bank/wire"}, 403,
            refusal("authorization_failed", "permission_missing", "bot", "acme", None),
        ),
        # Wrong in several ways: only the earliest check that fails counts and is recorded.
        "all": (
            {"key": stranger, "agent": "payer", "org": "evil", "path": "/bank/wire"}, 401,
            refusal("auth_failed", "unknown_key", None, None, key_id(stranger)),
        ),
        "agent and org": (
            {"key": keys["spy"], "path": "/bank/wire"}, 403, refusal("auth_failed", "agent_mismatch", "spy", "evil", spy),
        ),
        "org and permission": (
            {"key": keys["spy"], "agent": "spy", "path": "/bank/wire"}, 403,
            refusal("auth_failed", "org_mismatch", "spy", "evil", spy),
        ),
    }  # fmt: skip
    for trace, (request, status, row) in cases.items():
        assert call(each_port, **request, trace=trace)[0] == status, trace
        failed = [event for event in events(database, trace) if event["outcome"] == "failed"]
        assert failed == row, trace


def test_a_key_that_is_shut_out_is_refused_before_its_claims_are_looked_at(each_port, relay, database, keys):
    relay("block", "bot", check=0)
    assert call(each_port, keys["bot"], agent="payer", path="/bank/wire", trace="blocked")[0] == 401
    assert [event["reason"] for event in events(database, "blocked")] == ["blocked"]
    relay("revoke", "bot", check=0)
    assert call(each_port, keys["bot"], org="evil", trace="revoked")[0] == 401
    assert [event["reason"] for event in events(database, "revoked")] == ["revoked"]


def test_what_cannot_be_a_key_is_refused_without_a_query(each_port, database, keys):
    good = keys["bot"]
    typo = good[:30] + ("a" if good[30] != "a" else "b") + good[31:]
    for key in ("relay_sk_", good + "A", good[:-1], good.upper(), typo, "relay_at_" + good[9:]):
        assert call(each_port, key, trace="malformed")[0] == 401
    assert events(database, "malformed") == []


def test_a_call_without_a_key_passes_only_where_the_organization_still_lets_it(port, relay, database, keys):
    assert call(port, None, trace="required")[0] == 401
    assert [event["reason"] for event in events(database, "required")] == ["key_required"]
    relay("org", "update", "acme", "--auth-mode", "optional", check=0)
    assert call(port, None, trace="optional")[0] == 200
    assert [event["action"] for event in events(database, "optional")] == ["unauthenticated"]
    for wrong in (make_key(), "", "none", keys["spy"]):
        assert call(port, wrong)[0] in (401, 403), "a wrong key is not as good as none"
    assert call(port, None, path="/bank/wire")[0] == call(port, None, agent="nobody")[0] == 403
    assert call(port, None, org="evil")[0] == 401


def test_callers_without_a_key_spend_nothing_of_the_rate_of_the_agent_that_they_claim_to_be(port, relay, database, keys):
    relay("org", "update", "acme", "--auth-mode", "optional", check=0)
    relay("policy", "set", "bot", "--qps", "16", "--yes", check=0)
    strangers = [call(port, None)[0] for _ in range(100)]
    assert 429 in strangers and strangers.count(200) >= 16, "they have a rate, too"
    assert [call(port, keys["bot"])[0] for _ in range(2)] == [200, 200]
    assert database.value("SELECT count(*) FROM relay.rate_leases") == 0, "no share of the agent was asked for"
    assert database.rows("SELECT FROM relay.auth_events WHERE action = 'auth_violation'") == []


def test_conditions_are_the_gateways_to_check(each_port, keys):
    assert call(each_port, keys["bot"], amount=101)[0] == 403
    assert call(each_port, keys["bot"], amount="many")[0] == 403


def test_the_answer_tells_nothing_but_the_status(port, relay, keys):
    refused = [
        call(port, keys["bot"], agent="payer"), call(port, keys["spy"], agent="spy"), call(port, keys["bot"], path="/bank/wire"),
        call(port, keys["bot"], amount=101), call(port, keys["bot"], path="/"),
    ]  # fmt: skip
    relay("block", "payer", check=0)
    invalid = [
        call(port, None),
        call(port, make_key()),
        call(port, "relay_sk_typo"),
        call(port, keys["payer"], agent="payer"),
    ]
    assert {status for status, _ in refused} == {403} and {status for status, _ in invalid} == {401}
    assert len({rest for _, rest in refused}) == len({rest for _, rest in invalid}) == 1
    assert refused[0][1] == "Content-Length: 0\r\n\r\n"
    assert invalid[0][1] == "WWW-Authenticate: Bearer\r\nContent-Length: 0\r\n\r\n"


def test_when_the_calls_of_the_day_are_used_up_it_says_when_to_call_again(database, keys, written_in):
    set_limit(database, "acme", "api_calls", 3)
    with HttpGateway(database, language=written_in) as gateway:
        refused = call(gateway.port, keys["bot"], path="/bank/wire")[0]
        statuses = [call(gateway.port, keys[agent], agent=agent)[0] for agent in ("bot", "payer", "bot", "payer")]
        status, rest = call(gateway.port, keys["bot"], trace="over")
        assert (refused, statuses, status) == (403, [200, 200, 200, 429], 429), "a call that is refused spends nothing"
        seconds = int(re.search(r"^Retry-After: (\d+)\r$", rest, re.MULTILINE)[1])
        assert 0 < seconds <= 86_400
        assert call(gateway.port, keys["spy"], agent="spy", org="evil")[0] == 200
    assert used(database, "acme", "api_calls") == 3
    assert used(database, "evil", "api_calls") == 1, "it has given back the rest of the block"
    reasons = database.rows("SELECT org_id, reason, times FROM relay.recorded_events WHERE action = 'quota_refused' ORDER BY event_id")
    assert reasons and all((row["org_id"], row["reason"]) == ("acme", "over_quota") for row in reasons)


# ---- bodies in chunks

WHOLE = ("0\r\n\r\n", "c\r\n{\"amount\":1}\r\n0\r\n\r\n", "0001\r\n{\r\n00B;a=b;c=\"d\"\r\n\"amount\":1}\r\n000\r\n\r\n")
UNCLEAR = {
    "no size": "\r\n\r\n", "hexadecimal in C": "0x2\r\n{}\r\n0\r\n\r\n", "a sign": "+2\r\n{}\r\n0\r\n\r\n", "less than none": "-2\r\n{}\r\n0\r\n\r\n",
    "a blank before": " 2\r\n{}\r\n0\r\n\r\n", "an underscore": "1_0\r\n0123456789abcdef\r\n0\r\n\r\n", "17 digits": "10000000000000002\r\n{}\r\n0\r\n\r\n",
    "more than there are": "1\r\n{}\r\n0\r\n\r\n", "less than there are": "3\r\n{}\r\n0\r\n\r\n", "LF after a size": "2\n{}\r\n0\r\n\r\n",
    "LF after a chunk": "2\r\n{}\n0\r\n\r\n", "LF at the end": "2\r\n{}\r\n0\n\n", "CR in an extension": "2;a\rb\r\n{}\r\n0\r\n\r\n",
    "LF in an extension": "2;a\nb\r\n{}\r\n0\r\n\r\n", "a trailer": "2\r\n{}\r\n0\r\nContent-Digest: x\r\n\r\n",
}  # fmt: skip
TOO_LARGE = {
    "the body": f"{2**20 + 1:x}\r\n{'x' * (2**20 + 1)}\r\n0\r\n\r\n",
    "a line": f"2;{'a' * 20_000}\r\n{{}}\r\n0\r\n\r\n",
    "what is around the chunks": f"1;{'a' * 200}\r\n \r\n" * 200 + "0\r\n\r\n",
}


def statuses_of(port, key, chunks):
    """Of a call with these chunks and of one after it, on the same connection."""
    head = f"POST /stripe/charge HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {key}\r\nTransfer-Encoding: Chunked\r\n\r\n"
    last, said = "POST /a/b HTTP/1.1\r\nHost: relay\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", b""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection, suppress(ConnectionError):  # it closes before it has read all
        connection.sendall(f"{head}{chunks}{last}".encode())
        while more := connection.recv(4096):
            said += more
    return [int(line.split()[1]) for line in said.decode().splitlines() if line.startswith("HTTP/1.1 ")]


def test_a_body_in_chunks_has_one_end_or_none(each_port, keys, written_in):
    """Otherwise the rest would be read as the next request, and a proxy in front would give its answer to someone else."""
    for chunks in WHOLE:
        assert statuses_of(each_port, keys["bot"], chunks) == [403, 401], chunks
    for what, chunks in UNCLEAR.items():
        assert statuses_of(each_port, keys["bot"], chunks) == [400], what
    for what, chunks in TOO_LARGE.items():
        taken = [403, 401] if (written_in, what) == ("node", "what is around the chunks") else [413]  # Node bounds each line alone
        assert statuses_of(each_port, keys["bot"], chunks) == taken, what


def test_an_answer_reaches_a_client_that_still_sends(each_port, keys):
    head = f"POST /stripe/charge HTTP/1.1\r\nHost: relay\r\nAuthorization: Bearer {keys['bot']}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection(("127.0.0.1", each_port), timeout=10) as connection:
        connection.sendall(f"{head}{2**22:x}\r\n".encode() + b"x" * 2**21)
        for _ in range(8):
            time.sleep(0.05)  # the answer is there by now
            connection.sendall(b"x" * 2**18)
        assert connection.recv(4096).startswith(b"HTTP/1.1 413 ")


def test_without_a_database_nobody_is_let_in(each_port, cluster, database, keys):
    assert call(each_port, keys["bot"])[0] == 200
    cluster.query(f'ALTER DATABASE "{database.name}" ALLOW_CONNECTIONS false')
    cluster.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database.name,))
    status, rest = call(each_port, keys["payer"], agent="payer")
    assert status == 503 and rest.endswith("\r\n\r\n") and "Content-Length: 0\r\n" in rest
