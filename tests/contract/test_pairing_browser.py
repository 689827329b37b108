"""Pairing in a real browser, over real HTTP: the page of the kit."""

import json

import pytest
from support.browser import Browser
from support.http_pairing import gateway, post, start  # noqa: F401
from support.processes import wait_until


@pytest.fixture
def browser():
    with Browser() as running:
        yield running


def state_of(tab, expected):
    wait_until(lambda: tab.text("state") == expected, timeout=30, what=f"the page to say {expected!r}, not {tab.text('state')!r}")


def tokens(tab):
    return tab.run("inTurn(read)")


def test_a_browser_is_paired_refreshed_in_two_tabs_and_signed_out_from_the_command_line(relay, database, gateway, post, key, browser):
    page = f"http://127.0.0.1:{gateway.port}/pair"
    first = browser.tab(page)
    assert first.text("state") == "signed out"
    first.type("code", "K7QM-93XR-4TGH")
    first.press_enter()
    state_of(first, "wrong code")
    code = start(post, key)["code"]
    first.type("code", code)
    first.type("name", "❤\ufe0f")
    first.press_enter()
    state_of(first, "choose another name")
    first.type("code", f" {code.lower()} ")
    first.type("name", "Ada's Chromium")
    first.press_enter()
    state_of(first, "paired with bot")
    kept = tokens(first)
    assert kept["token"] != kept["before"] and all(token.startswith("relay_dt_") for token in kept.values())

    second = browser.tab(page)
    state_of(second, "paired with bot")
    assert tokens(first) == tokens(second), "one store"
    for _ in range(3):  # both together: they take turns
        first.run("(globalThis.asked = refresh(), 0)")
        second.run("refresh()")
        assert first.run("asked") is True
    assert tokens(first) == tokens(second) and tokens(first)["token"] != kept["token"]
    assert database.value("SELECT count(*) FROM relay.revocations") == 0

    (device,) = relay("device", "list", "-o", "json", check=0).json()["items"]
    assert device["name"] == "Ada's Chromium"
    relay("revoke", "--device", device["device_id"], check=0)
    state_of(first, "signed out")
    state_of(second, "signed out")
    assert tokens(first) is None


@pytest.mark.parametrize("words", [("--device",), ("bot",), ("--org", "acme", "--confirm", "acme")])
def test_a_browser_that_was_blocked_is_paired_again_when_the_block_is_lifted(relay, database, gateway, post, key, browser, words):
    tab = browser.tab(f"http://127.0.0.1:{gateway.port}/pair")
    tab.type("code", start(post, key)["code"])
    tab.press_enter()
    state_of(tab, "paired with bot")
    device = database.value("SELECT device_id FROM relay.devices")
    words = (*words, device) if words == ("--device",) else words
    relay("block", *words, check=0)
    state_of(tab, "refused for now")
    assert tab.run("refresh()") is None and tokens(tab)["token"].startswith(f"relay_dt_{device}_")
    relay("unblock", *(words[:2] if words[0] == "--org" else words), "--yes", check=0)
    state_of(tab, "paired with bot")
    assert database.one("SELECT device_id, status FROM relay.device_status") == {"device_id": device, "status": "active"}


def test_a_browser_repeats_a_lost_answer_and_is_not_paired_twice(database, gateway, post, key, browser):
    tab = browser.tab(f"http://127.0.0.1:{gateway.port}/pair")
    tab.run("""(() => {
        const ask = globalThis.fetch;
        globalThis.lost = 0;
        globalThis.fetch = async (path, how) => {
            const answer = await ask(path, how);
            if (path !== '/api/pair/redeem' || lost) return answer;
            lost += 1;
            throw new TypeError('the connection broke');
        };
    })()""")
    tab.type("code", start(post, key)["code"])
    tab.press_enter()
    state_of(tab, "paired with bot")
    device = database.value("SELECT device_id FROM relay.devices")
    assert tab.run("lost") == 1
    tab.type("code", start(post, key)["code"])
    tab.press_enter()
    state_of(tab, f"paired already: to pair it again, first revoke device {device}")
    assert database.value("SELECT count(*) FROM relay.devices") == 1
    tab.run("(() => { const inline = document.createElement('script'); inline.textContent = 'globalThis.injected = true'; document.body.append(inline); })()")
    assert tab.run("globalThis.injected === undefined") is True, "a script that is not the page's does not run"


def test_a_browser_whose_gateway_forgets_it_refreshes_more_and_more_rarely(database, gateway, post, key, browser):
    tab = browser.tab(f"http://127.0.0.1:{gateway.port}/pair")
    tab.run("""(() => {
        globalThis.pauses = [];
        const real = globalThis.setTimeout;
        globalThis.setTimeout = (done, ms) => { if (ms >= 500) pauses.push(ms); return real(done, 0); };
        const ask = globalThis.fetch;
        globalThis.fetch = (path, how) => path === '/api/device/wait' ? Promise.resolve({ status: 401 }) : ask(path, how);
    })()""")
    tab.type("code", start(post, key)["code"])
    tab.press_enter()
    wait_until(lambda: tab.run("pauses.length") >= 9, what="nine pauses")
    pauses = tab.run("pauses.slice(0, 9)")
    assert all(0.75 * usual <= pause <= 1.25 * usual for pause, usual in zip(pauses, (1e3, 2e3, 4e3, 8e3, 16e3, 32e3, 6e4, 6e4, 6e4)))
    assert tokens(tab) is not None


def test_a_browser_survives_a_lost_answer_and_a_lost_rotation(database, gateway, post, key, browser):
    tab = browser.tab(f"http://127.0.0.1:{gateway.port}/pair")
    tab.type("code", start(post, key)["code"])
    tab.press_enter()
    state_of(tab, "paired with bot")
    lost = tokens(tab)
    tab.run("refresh()")
    tab.run(f"inTurn(() => write({json.dumps(lost)}))")  # as if the answer had never come
    assert tab.run("refresh()") is True
    database.execute("UPDATE relay.devices SET token_at = token_at - interval '11 seconds'")
    assert tab.run("refresh()") is True and tokens(tab)["token"] != lost["token"]
    # As after a failover that lost the last rotation: the database is one token behind.
    before = database.one("SELECT token_hash, last_hash, token_at FROM relay.devices")
    tab.run("refresh()")
    database.execute("DELETE FROM relay.spent_tokens WHERE token_hash = %s", before["token_hash"])
    database.execute("UPDATE relay.devices SET token_hash = %s, last_hash = %s", before["token_hash"], before["last_hash"])
    assert tab.run("refresh()") is True
    assert database.value("SELECT count(*) FROM relay.revocations") == 0
