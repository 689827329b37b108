"""device list, device show, and block, unblock and revoke of devices: what they say, what gateways are answered, and what leaks not."""

import json
from contextlib import closing

import psycopg2
import pytest

from support.devices import Contract, insert_device, new_id, new_token
from support.processes import wait_until
from support.proxy import Fault, Proxy, commit


@pytest.fixture
def api(database, key):
    """The contract, as a gateway calls it, beside the agent `bot` of `acme`."""
    with closing(database.connect(user=database.gateway_login())) as connection:
        yield Contract(connection)


@pytest.fixture
def device(api):
    """(device id, token) of a device that was paired and used once."""
    device_id, token = api.pair()
    _, token, _ = api.refresh(device_id, token)
    return device_id, token


def items(result):
    return result.json()["items"]


# ---- list and show


def test_a_list_has_what_is_not_over_and_all_has_the_rest(relay, database, api):
    paired = {name: api.pair(name=name)[0] for name in ("laptop", "phone", "old")}
    relay("revoke", "--device", paired["phone"], check=0)
    database.execute("UPDATE relay.devices SET expires_at = now() WHERE name = 'old'")
    assert {item["name"]: item["status"] for item in items(relay("device", "list", "-o", "json", check=0))} == {"laptop": "active"}
    everything = items(relay("device", "list", "--all", "-o", "json", check=0))
    assert {item["name"]: item["status"] for item in everything} == {"laptop": "active", "phone": "revoked", "old": "expired"}
    assert [item["name"] for item in items(relay("device", "list", "--state", "revoked", "-o", "json", check=0))] == ["phone"]
    assert [item["device_id"] for item in everything] == sorted(paired.values())
    table = relay("device", "list", check=0).out
    assert paired["laptop"] in table and "laptop" in table and paired["phone"] not in table


def test_a_list_of_an_agent_or_an_organization_knows_them(relay, api, device):
    for words in (["--agent", "bot"], ["--org", "acme"], ["--agent", "bot", "--org", "acme"]):
        assert [item["device_id"] for item in items(relay("device", "list", *words, "-o", "json", check=0))] == [device[0]]
    assert relay("device", "list", "--agent", "bott", check=3).err.count("bot") >= 2
    relay("device", "list", "--org", "nowhere", check=3)
    assert relay("device", "list", "--state", "activ", check=2)


def test_show_says_who_blocked_it_and_what_was_tried(relay, api, device):
    device_id, token = device
    api.refresh(device_id, new_token(device_id), ip="203.0.113.7")
    relay("block", "bot", "--ticket", "INC-1", "--reason", "odd calls", check=0)
    shown = relay("device", "show", device_id, "-o", "json", check=0).json()["data"]
    assert (shown["status"], shown["agent_id"], shown["org_id"], shown["seen_from"]) == ("blocked", "bot", "acme", "192.0.2.9")
    assert [(row["subject_kind"], row["subject_id"], row["ticket"]) for row in shown["standing"]] == [("agent", "bot", "INC-1")]
    actions = [(event["action"], event["reason"], event["ip_address"]) for event in shown["events"]]
    assert ("device_refused", "unknown_token", "203.0.113.7") in actions and ("device_paired", "ok", "192.0.2.9") in actions
    page = relay("device", "show", device_id, check=0).out
    assert "INC-1" in page and "unknown_token" in page and token[-40:] not in page


def test_an_agent_says_how_many_devices_it_has(relay, api):
    assert relay("agent", "show", "bot", "-o", "json", check=0).json()["data"]["devices"] == 0
    assert "Devices" not in relay("agent", "show", "bot", check=0).out
    first, _ = api.pair()
    api.pair()
    relay("revoke", "--device", first, check=0)
    assert relay("agent", "show", "bot", "-o", "json", check=0).json()["data"]["devices"] == 1
    assert "Devices" in relay("agent", "show", "bot", check=0).out


@pytest.mark.parametrize("words", [("block", "bot"), ("block", "--org", "acme", "--confirm", "acme"), ("revoke", "bot", "--yes"), ("unblock", "bot", "--yes")])
def test_who_is_shut_out_is_so_with_the_devices_too_or_nothing_is_said_to_be_done(relay, database, device, words):
    """A view that was replaced: gateways would go by it."""
    if words[0] == "unblock":
        relay("block", "bot", check=0)
    definition = database.value("SELECT pg_get_viewdef('relay.device_status')")
    wrong = "blocked" if words[0] == "unblock" else "active"
    columns = "device_id, org_id, agent_id, name, paired_at, token_at, expires_at, seen_at, seen_from"
    database.execute(f"CREATE OR REPLACE VIEW relay.device_status AS SELECT {columns}, '{wrong}' AS status FROM relay.devices")
    relay(*words, check=11)
    database.execute(f"CREATE OR REPLACE VIEW relay.device_status AS {definition}")
    relay(*words, check=0)


def test_a_name_of_a_device_cannot_draw_on_the_terminal(relay, database, api):
    """The CHECK keeps such a name out; a database that lacks it must not hurt either."""
    device_id, _ = api.pair()
    database.execute("ALTER TABLE relay.devices DROP CONSTRAINT devices_name_form")
    database.execute("UPDATE relay.devices SET name = E'x\\x1b[2J\\x1b]0;y\\x07'")
    for words in (["device", "list"], ["device", "show", device_id]):
        assert "\x1b" not in relay(*words, check=0).out


# ---- block, unblock, revoke


def test_a_block_refuses_the_device_until_it_is_lifted_and_its_agent_is_not_affected(relay, database, api, device):
    device_id, token = device
    done = relay("block", "--device", device_id, "--ticket", "INC-2", check=0)
    assert "REFUSED now" in done.out and device_id in done.out
    assert f"unblock --device {device_id}" in done.err
    assert api.refresh(device_id, token)[0] == "blocked"
    assert database.value("SELECT status FROM relay.agent_status WHERE agent_id = 'bot'") == "active"
    again = relay("block", "--device", device_id, "-o", "json", check=0).json()
    assert again["changed"] is False and again["items"][0]["status"] == "blocked"
    relay("unblock", "--ticket", "INC-2", "--yes", check=0)
    assert api.refresh(device_id, token)[0] == "ok"
    said = database.rows("SELECT action, key_id, agent_id, org_id, ticket FROM relay.auth_events"
                         " WHERE action IN ('device_blocked', 'device_unblocked') ORDER BY event_id")  # fmt: skip
    assert [(event["action"], event["key_id"], event["agent_id"], event["org_id"], event["ticket"]) for event in said] == [
        ("device_blocked", device_id, "bot", "acme", "INC-2"), ("device_unblocked", device_id, "bot", "acme", "INC-2")]  # fmt: skip


def test_unblock_of_a_device_asks_and_says_what_still_refuses_it(relay, api, device):
    device_id, token = device
    relay("block", "--device", device_id, check=0)
    relay("block", "bot", check=0)
    assert relay("unblock", "--device", device_id, check=2).err.startswith("relay-admin: error: this needs a confirmation")
    done = relay("unblock", "--device", device_id, "--yes", check=0)
    assert f"device {device_id} is still refused: agent bot is blocked" in done.err
    assert api.refresh(device_id, token)[0] == "blocked"


def test_a_revocation_is_permanent_and_json_says_whose_device_it_was(relay, api, device):
    device_id, token = device
    other_id, other_token = api.pair()
    document = relay("revoke", "--device", f"{device_id},{other_id}", "--reason", "stolen", "-o", "json", check=0).json()
    assert [(item["subject_kind"], item["subject_id"], item["agent_id"], item["org_id"], item["status"]) for item in document["items"]] == [
        ("device", each, "bot", "acme", "revoked") for each in (device_id, other_id)]  # fmt: skip
    assert api.refresh(device_id, token)[0] == api.refresh(other_id, other_token)[0] == "revoked"
    assert relay("revoke", "--device", device_id, "-o", "json", check=0).json()["changed"] is False


def test_a_dry_run_shows_the_same_and_changes_nothing(relay, api, device):
    device_id, token = device
    for verb in ("block", "revoke"):
        document = relay(verb, "--device", device_id, "--dry-run", "-o", "json", check=0).json()
        assert document["dry_run"] and document["changed"]
    assert api.refresh(device_id, token)[0] == "ok"


def test_a_block_with_an_end_ends(relay, database, api, device):
    device_id, token = device
    relay("block", "--device", device_id, "--until", "2h", check=0)
    assert api.refresh(device_id, token)[0] == "blocked"
    database.execute("ALTER TABLE relay.revocations DISABLE TRIGGER USER")
    database.execute("UPDATE relay.revocations SET until = now() - interval '1 second'")
    assert api.refresh(device_id, token)[0] == "ok"


def test_every_live_gateway_acknowledges_it(relay, database, api, device):
    with closing(database.connect(user=database.gateway_login())) as gateway, gateway.cursor() as cursor:

        def acknowledge(cursor=cursor, place=[None]):
            cursor.execute("SELECT next_cursor FROM relay_api.changes_since(%s)", place)
            place[0] = (cursor.fetchall() or [place])[-1][0]
            cursor.execute("SELECT relay_api.acknowledge('edge', %s)", place)

        acknowledge()
        waiting = relay.start("revoke", "--device", device[0], "--wait-ack", "30s", "-o", "json")
        wait_until(lambda: acknowledge() or waiting.poll() is not None, what="the command to hear of it")
        out, _ = waiting.communicate(timeout=60)
    assert waiting.returncode == 0
    assert json.loads(out)["items"][0]["gateways"]["acknowledged"] == 1


def test_without_a_standby_durable_says_so(relay, device):
    assert relay("block", "--device", device[0], "--durable", check=10)


@pytest.mark.parametrize("words, code, said", [
    (["block", "--device", "4mz8q0v2h7rk"], 3, "no device 4mz8q0v2h7rk"),
    (["block", "--device", "4mz8q0v2h7rk", "bot"], 2, "--device"),
    (["block", "--device", "4mz8q0v2h7rk", "--force"], 2, "--force has no effect with --device"),
    (["revoke", "--device", "4mz8q0v2h7rk", "--force"], 2, "--force"),
    (["revoke", "--device", "4mz8q0v2h7rk", "--clean", "x"], 2, "--clean has no effect with --device"),
    (["revoke", "--device", "4mz8q0v2h7r"], 2, "has 11 characters where 12 are needed"),
    (["revoke", "--device", "4MZ8Q0V2H7RK"], 2, "try 4mz8q0v2h7rk"),
    (["device", "show", "4mz8q0v2h7rk"], 3, "no device 4mz8q0v2h7rk"),
    (["device", "show"], 2, "DEVICE"),
])  # fmt: skip
def test_bad_input_is_refused_before_anything_changes(relay, database, api, words, code, said):
    assert said in relay(*words, check=code).err
    assert database.value("SELECT count(*) FROM relay.revocations") == 0


def test_of_several_the_known_ones_are_revoked(relay, api, device):
    result = relay("revoke", "--device", f"{device[0]},4mz8q0v2h7rk", "-o", "json", check=7)
    assert [item["result"] for item in items(result)] == ["done", "not_found"]


@pytest.mark.parametrize("where", [["device", "show"], ["block", "--device"], ["revoke", "--device"], ["agent", "show"], ["block"]])
def test_a_token_is_never_repeated(relay, where):
    token = new_token(new_id(12))
    result = relay(*where, token, check=2)
    assert "withheld" in result.err and token[30:] not in result.err + result.out


# ---- where another id was expected, and in texts


def test_a_device_where_an_agent_was_expected_gives_the_right_command(relay, device):
    device_id, _ = device
    assert f"block --device {device_id}" in relay("block", device_id, check=3).err
    assert f"device show {device_id}" in relay("agent", "show", device_id, check=3).err
    assert "is a device of agent bot" in relay("revoke", "--key", device_id, check=3).err


def test_the_command_for_a_device_has_no_flag_that_it_would_refuse(relay, device):
    device_id, _ = device
    said = relay("revoke", device_id, "--clean", "fresh", "--ticket", "INC-1", check=3).err.splitlines()
    assert f"  next: relay-admin revoke --device {device_id} --ticket=INC-1" in said


def test_a_blank_that_no_one_sees_is_refused_in_a_name(relay, database, device):
    with pytest.raises(psycopg2.errors.CheckViolation):
        database.execute("UPDATE relay.devices SET name = 'Browser '")


def test_what_is_in_doubt_after_a_scan_is_called_a_device(relay, database, cluster, api, tmp_path):
    device_id, token = api.pair()
    (tmp_path / "log").write_text(token)
    with Proxy(cluster.socket_path) as proxy:

        def lose(_):
            proxy.mode = "refuse"
            proxy.pairs[-1].end("rst")

        proxy.faults.append(Fault(lose, match=commit))
        result = relay.with_(dsn=proxy.dsn(database))("revoke", "--scan", tmp_path / "log", "--yes", check=9)
    assert result.err.splitlines()[-1] == f"NOT CONFIRMED: device {device_id} may still be live"


def test_an_agent_or_a_key_where_a_device_was_expected_gives_the_right_command(relay, key):
    assert "block bot" in relay("block", "--device", "bot", check=2).err
    assert f"revoke --key {key[9:21]}" in relay("revoke", "--device", key[9:21], check=3).err


def test_whois_and_scan_find_tokens_present_and_former_and_end_their_device_once(relay, database, api, key, tmp_path):
    device_id, first = api.pair()
    _, second, _ = api.refresh(device_id, first)
    other_id, other = api.pair()
    forged = new_token(other_id)
    (tmp_path / "log").write_text(f"GET /?t={first}\nAuthorization: {second}x\n{forged}\n{key}\n")
    found = relay("whois", tmp_path / "log", "-o", "json", check=0)
    assert {(item["thing"], item["key_id"], item["agent_id"], item["proof"], item["live"]) for item in items(found)} == {
        ("key", key[9:21], "bot", "whole_key", True), ("device", device_id, "bot", "whole_key", True),
        ("device", other_id, "bot", "other_secret", False)}  # fmt: skip
    done = relay("revoke", "--scan", tmp_path / "log", "-o", "json", check=7)
    assert sorted((item["subject_kind"], item["subject_id"], item["result"]) for item in items(done)) == sorted([
        ("device", device_id, "done"), ("key", key[9:21], "done"), ("key", other_id, "not_found")])  # fmt: skip
    places = {item["subject_id"]: len(item["places"]) for item in items(done)}
    assert places[device_id] == 2
    assert api.refresh(device_id, second)[0] == "revoked" and api.refresh(other_id, other)[0] == "ok"
    assert first[25:] not in found.out + done.out + done.err


def test_scan_of_keys_and_devices_waits_for_the_gateways(relay, api, key, tmp_path):
    _, token = api.pair()
    (tmp_path / "log").write_text(f"{token}\n{key}\n")
    document = relay("revoke", "--scan", tmp_path / "log", "--wait-ack", "1s", "-o", "json").json()
    assert {item["result"] for item in document["items"]} == {"done"} and all(item["gateways"] for item in document["items"])


def test_key_verify_says_that_a_token_is_no_key(relay, device):
    result = relay("key", "verify", "-o", "json", stdin=device[1], check=10).json()["data"]
    assert (result["reason"], result["key_id"]) == ("device_token", device[0])


def test_the_ids_are_completed(relay, api, device):
    device_id, _ = device
    for words in (["device", "show"], ["revoke", "--device"], ["block", "--device"]):
        assert device_id in relay("__complete", *words, device_id[:3], check=0).out
    relay("block", "--device", device_id, check=0)
    assert device_id not in relay("__complete", "block", "--device", device_id[:3], check=0).out
    assert device_id in relay("__complete", "unblock", "--device", device_id[:3], check=0).out


def play(scene):
    device_id = insert_device(scene.database)
    scene.read("device", "list")
    scene.read("device", "show", device_id)
    scene.read("whois", device_id)
    scene.read("agent", "show", "bot")
    scene.write("block", "--device", device_id, "--ticket", "INC-D")
    scene.read("device", "show", device_id)
    scene.write("unblock", "--device", device_id, "--yes")
    scene.write("revoke", "--device", device_id, "--ticket", "INC-D")
    scene.fail(3, "device", "show", "000000000000")
