"""Pairing over real HTTP: the gateway of the kit, its endpoints and its page."""

import http.client
import json
import socket
import sys
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing

import pytest

from support.devices import new_id, new_token
from support.gateways import KIT, HttpGateway
from support.http_pairing import gateway, pair, post, start  # noqa: F401
from support.processes import wait_until

sys.path.insert(0, str(KIT))
import pairing  # noqa: E402


# ---- codes and tokens as texts


@pytest.mark.parametrize("typed", [
    "k7qm93xr4t0h", "K7QM-93XR-4T0H", " k7qm 93xr 4t0h\n", "K7QM–93XR—4TOH", "k7qm\u00a093xr−4toh", "K-7-Q-M-9-3-X-R-4-T-O-H",
])  # fmt: skip
def test_a_code_is_read_as_people_type_it(typed):
    assert pairing.fold(typed) == "k7qm93xr4t0h"


def test_letters_that_look_like_digits_are_digits():
    assert pairing.fold("IiLlOo-000000") == "111100000000"


@pytest.mark.parametrize("typed", ["", "k7qm93xr4t0", "k7qm93xr4t0hh", "k7qm93xr4t0u", "k7qm_93xr_4t0h", "ｋ7qm93xr4t0h", "k7qm93xr4t0h\0", "\ud800" * 12])
def test_what_is_no_code_is_not_asked_about(typed):
    assert pairing.fold(typed) is None


def test_a_code_of_the_gateway_is_shown_in_three_parts_and_read_back():
    codes = {pairing.new_code() for _ in range(200)}
    assert len(codes) == 200
    assert all(pairing.fold(pairing.shown(code)) == code and len(pairing.shown(code)) == 14 for code in codes)


def test_a_token_of_the_gateway_has_the_form_of_a_key(relay, tmp_path):
    token = pairing.new_token("4mz8q0v2h7rk")
    assert pairing.parse(token) == "4mz8q0v2h7rk" and len(token) == 71
    (tmp_path / "log").write_text(token)
    found = relay("whois", tmp_path / "log", "-o", "json", check=0).json()["items"]
    assert [(item["thing"], item["key_id"]) for item in found] == [("device", "4mz8q0v2h7rk")]
    for bad in (token[:-1], token + "0", token[:-1] + ("0" if token[-1] != "0" else "1"), token.replace("_dt_", "_sk_"), "relay_dt_", ""):
        assert pairing.parse(bad) is None


# ---- over HTTP


def test_a_device_is_paired_refreshed_and_calls_as_its_agent(relay, database, post, key):
    said = start(post, key)
    assert said["expires_in"] == 600 and post("/api/pair/status", {"pairing_id": said["pairing_id"]}, key) == (200, {"status": "pending"})
    status, device = post("/api/pair/redeem", {"code": said["code"].lower().replace("0", "O"), "name": "Ada's laptop"})
    assert status == 200
    assert post("/api/pair/status", {"pairing_id": said["pairing_id"]}, key) == (200, {"status": "redeemed"})
    status, first = post("/api/device/refresh", secret=device["refresh_token"])
    assert (status, first["agent_id"], first["org_id"], first["expires_in"]) == (200, "bot", "acme", 600)
    status, again = post("/api/device/refresh", secret=device["refresh_token"])
    assert (status, again["refresh_token"]) == (200, None), "another tab"
    token = first["refresh_token"]
    assert post("/stripe/refund", {"amount": 1}, token)[0] == 403
    relay("agent", "grant", "bot", "stripe:refund", check=0)
    # Whatever changes about the agent, the gateway forgets the device, and the client refreshes.
    wait_until(lambda: post("/stripe/refund", {"amount": 1}, token)[0] == 401, what="the gateway to hear of it")
    _, second = post("/api/device/refresh", secret=token)
    assert post("/stripe/refund", {"amount": 1}, second["refresh_token"])[0] == 200
    assert database.one("SELECT name, host(seen_from) AS ip FROM relay.devices") == {"name": "Ada's laptop", "ip": "127.0.0.1"}


@pytest.mark.parametrize("verb, subject", [("block", "device"), ("revoke", "device"), ("block", "bot"), ("block", "org")])
def test_a_token_is_forgotten_at_the_row_of_the_feed(relay, post, key, verb, subject):
    relay("agent", "grant", "bot", "stripe:refund", check=0)
    device_id, token = pair(post, key)
    other_id, other = pair(post, key)
    assert post("/stripe/refund", {"amount": 1}, token)[0] == 200
    relay(verb, *{"device": ["--device", device_id], "bot": ["bot"], "org": ["--org", "acme", "--confirm", "acme"]}[subject],
          "--wait-ack", "20s", check=0)  # fmt: skip
    assert post("/stripe/refund", {"amount": 1}, token)[0] == 401
    assert post("/api/device/refresh", secret=token)[0] == (403 if verb == "block" else 401)
    assert post("/stripe/refund", {"amount": 1}, other)[0] == (200 if subject == "device" else 401)


def test_a_client_that_waits_hears_of_the_end(relay, post, key):
    device_id, token = pair(post, key)
    assert post("/api/device/wait", secret=new_token(new_id(12)))[0] == 401
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(post, "/api/device/wait", None, token)
        relay("revoke", "--device", device_id, check=0)
        assert answer.result()[0] == 401


def test_after_a_reset_a_client_that_waits_refreshes_and_no_key_is_asked_about(database, post, key):
    _, token = pair(post, key)
    with ThreadPoolExecutor(1) as waiting:
        answer = waiting.submit(post, "/api/device/wait", None, token)
        while not answer.done():  # the client may not wait yet at the first one
            database.execute("TRUNCATE relay.call_policies")
            wait([answer], timeout=0.5)
        assert answer.result()[0] == 401
    assert post("/api/device/refresh", secret=token)[0] == 200
    assert database.value("SELECT count(*) FROM relay.recorded_events WHERE outcome = 'failed'") == 0


def test_a_token_is_never_remembered_past_its_end(database, post, key):
    _, token = pair(post, key)
    database.execute("UPDATE relay.devices SET token_ttl = '1 minute'")
    status, said = post("/api/device/refresh", secret=token)
    assert status == 200 and 55 <= said["expires_in"] <= 60


def test_a_token_that_was_replaced_works_for_ten_seconds_and_a_void_one_never(relay, database, post, key):
    relay("agent", "grant", "bot", "stripe:refund", check=0)
    _, token = pair(post, key)

    def call(shown):
        return post("/stripe/refund", {"amount": 1}, shown)[0]

    status, said = post("/api/device/refresh", secret=token)
    lost = said["refresh_token"]
    assert (call(token), call(lost)) == (200, 200), "the tabs take turns"
    status, again = post("/api/device/refresh", secret=token)
    assert (status, again["refresh_token"], again["expires_in"]) == (200, None, 10)
    database.execute("UPDATE relay.devices SET token_at = token_at - interval '11 seconds'")
    status, said = post("/api/device/refresh", secret=token)
    assert status == 200 and (call(lost), call(said["refresh_token"])) == (401, 200)


def test_the_policy_of_an_agent_holds_for_its_devices(relay, database, post, key):
    relay("agent", "grant", "bot", "stripe:refund", check=0)
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('agent', 'bot', 'agent_qps', 'acme', 1)")
    _, token = pair(post, key)
    statuses = [post("/stripe/refund", {"amount": 1}, token)[0] for _ in range(20)]
    assert statuses[0] == 200 and 429 in statuses, statuses
    relay("policy", "set", "bot", "--allow", "203.0.113.0/24", check=0)
    wait_until(lambda: post("/stripe/refund", {"amount": 1}, token)[0] == 401, what="the gateway to hear of it")
    status, said = post("/api/device/refresh", secret=token)
    assert status == 200 and post("/stripe/refund", {"amount": 1}, said["refresh_token"])[0] == 403


def test_what_is_refused_has_a_status_and_nothing_more(relay, database, post, key):
    code = start(post, key)["code"]
    assert post("/api/pair/start") == (401, None) and post("/api/pair/start", secret=new_token(new_id(12))) == (401, None)
    for body, status in (({"code": "wrong"}, 401), ({"code": code[:-1] + "-"}, 401), ({}, 400), ({"code": code, "name": "x" * 201}, 400),
                         ({"code": code, "name": "a\u202eb"}, 400), ({"code": 7}, 400)):  # fmt: skip
        assert post("/api/pair/redeem", body) == (status, None), body
    assert post("/api/pair/redeem", raw="[") == (400, None) and post("/api/pair/redeem", raw="[]") == (400, None)
    assert post("/api/pair/redeem", raw=" " * 5000)[0] == 413
    for token in (None, "x", key, new_token(new_id(12))):
        assert post("/api/device/refresh", secret=token) == (401, None)
    database.execute("INSERT INTO relay.limits (owner_kind, owner_id, meter, org_id, amount) VALUES ('org', 'acme', 'devices', 'acme', 0)")
    assert post("/api/pair/redeem", {"code": code}) == (403, None)
    relay("block", "bot", check=0)
    assert post("/api/pair/start", secret=key)[0] == 401, "the key of a blocked agent"
    assert database.value("SELECT count(*) FROM relay.devices") == 0


def test_an_answer_that_was_lost_is_asked_for_again(database, post, key):
    said = {"code": start(post, key)["code"], "name": "laptop", "attempt": 16 * "0a"}
    status, first = post("/api/pair/redeem", said)
    assert (status, first) == (200, post("/api/pair/redeem", said)[1]) and first["refresh_token"]
    assert post("/api/pair/redeem", {**said, "attempt": 16 * "0b"}) == (401, None), "another client"
    assert database.value("SELECT count(*) FROM relay.devices") == 1
    assert post("/api/device/refresh", secret=first["refresh_token"])[0] == 200
    assert post("/api/pair/redeem", said) == (401, None), "it is in use"
    for attempt in ("", "0a", 16 * "0A", 17 * "0a", 16 * "0a" + "\n"):
        assert post("/api/pair/redeem", {**said, "attempt": attempt}) == (400, None)


@pytest.mark.parametrize("name", ["a\ufe0f", "\u3164", "\u115f", "\u2800", "a\u2800", "a\0b", "\ud800"])
def test_a_name_that_no_one_can_read_is_refused_and_the_code_stays(post, key, name):
    code = start(post, key)["code"]
    assert post("/api/pair/redeem", {"code": code, "name": name}) == (400, None)
    assert post("/api/pair/redeem", {"code": code, "name": "laptop"})[0] == 200


@pytest.mark.parametrize("pairing_id", ["k7qu", "k7q", "k7qm9", "k7q\0", "k7q\ud800", "K7QM", "k7qé", ""])
def test_what_is_no_id_of_a_code_is_not_asked_about(post, key, pairing_id):
    assert post("/api/pair/status", {"pairing_id": pairing_id}, key) == (400, None)


UNCLEAR = {"Content-Length: -1": 400, "Content-Length: abc": 400, "Content-Length: +2": 400, "Content-Length: ": 400, "Content-Length: ²": 400,
           "Content-Length: 2\r\nContent-Length: 30": 400, "Content-Length: 99999999": 400, "Content-Length: 2000000": 413,
           "Transfer-Encoding: chunked": 400, "Content-Length: 2\r\nTransfer-Encoding: chunked": 400,
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked": 400, "Transfer-Encoding : chunked": 400,
           "Transfer-Encoding: gzip, chunked": 501, "Transfer-Encoding: chunked, identity": 501, "Transfer-Encoding:\x0bchunked": 501,
           "X-Odd: y\rTransfer-Encoding: chunked": 400, "X-Odd: y\rContent-Length: 2": 400}  # fmt: skip


@pytest.mark.parametrize("path", ["/api/pair/redeem", "/stripe/refund"])
@pytest.mark.parametrize("header", UNCLEAR)
def test_after_a_body_of_unclear_length_the_connection_ends(gateway, header, path):
    """Otherwise the rest would be read as the next request, and a proxy in front would give its answer to someone else."""
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        smuggled = "GET /pair HTTP/1.1\r\nHost: relay\r\n\r\n"
        connection.sendall(f"POST {path} HTTP/1.1\r\nHost: relay\r\n{header}\r\n\r\n{smuggled}".encode())
        answer = connection.makefile("rb").read()  # to the end of the connection
    assert answer.startswith(f"HTTP/1.1 {UNCLEAR[header]} ".encode()) and b"Connection: close" in answer
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_page_that_is_asked_for_with_a_body_ends_the_connection(gateway):
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=30) as connection:
        smuggled = b"GET /other HTTP/1.1\r\nHost: relay\r\n\r\n"
        connection.sendall(b"GET /pair HTTP/1.1\r\nHost: relay\r\nContent-Length: %d\r\n\r\n%s" % (len(smuggled), smuggled))
        answer = connection.makefile("rb").read()
    assert answer.startswith(b"HTTP/1.1 200 ") and answer.count(b"HTTP/1.1 ") == 1


def test_the_page_may_run_its_own_script_alone_and_be_in_no_frame(gateway):
    with closing(http.client.HTTPConnection("127.0.0.1", gateway.port)) as connection:
        connection.request("GET", "/pair")
        headers = connection.getresponse().headers
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'sha256-") and "unsafe" not in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"] and headers["X-Frame-Options"] == "DENY"
    assert (headers["Referrer-Policy"], headers["X-Content-Type-Options"], headers["Cache-Control"]) == ("no-referrer", "nosniff", "no-store")


def test_the_database_is_given_no_secret(database, post, key):
    """Everything that the functions were called with, as the server saw it."""
    database.execute(f"ALTER DATABASE {database.name} SET log_statement = 'all'")
    with HttpGateway(database) as gateway, closing(http.client.HTTPConnection("127.0.0.1", gateway.port)) as connection:

        def ask(path, body, secret=None):
            connection.request("POST", path, json.dumps(body), {"Authorization": f"Bearer {secret}"} if secret else {})
            return json.loads(connection.getresponse().read())

        code = ask("/api/pair/start", {}, key)["code"]
        token = ask("/api/pair/redeem", {"code": code})["refresh_token"]
        following = ask("/api/device/refresh", {}, token)["refresh_token"]
    log = database.cluster.log()
    secret = code.replace("-", "").lower()[4:]
    assert "pair_redeem" in log and "device_refresh" in log
    assert not any(word in log for word in (secret, token, following, token[22:], key[22:]))
