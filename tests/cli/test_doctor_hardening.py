"""doctor --env-file: the relay's own settings that make it stricter; and from which status on doctor fails."""

import pytest

from support.agents import first_agent
from support.relay import finish_terminal

GOOD = {
    "EDGE_VERIFY_JWT": "true", "EDGE_REQUIRE_HMAC": "true", "EDGE_ALLOW_HEADER_SECRET": "false", "AGENT_SESSION_REQUIRED": "true",
    "AGENT_REQUIRE_NONCE": "true", "AGENT_HMAC_WINDOW_MS": "60000", "AGENT_SESSION_TTL_MS": "600000", "AGENT_SECRET_CACHE_MS": "30000",
}  # fmt: skip
CHECKS = {
    "EDGE_VERIFY_JWT": "relay.verify_jwt", "EDGE_REQUIRE_HMAC": "relay.require_hmac", "EDGE_ALLOW_HEADER_SECRET": "relay.header_secret",
    "AGENT_SESSION_REQUIRED": "relay.session", "AGENT_REQUIRE_NONCE": "relay.nonce", "AGENT_HMAC_WINDOW_MS": "relay.hmac_window",
    "AGENT_SESSION_TTL_MS": "relay.session_ttl", "AGENT_SECRET_CACHE_MS": "relay.secret_cache",
}  # fmt: skip
WRONG = [
    ("EDGE_VERIFY_JWT", "false"), ("EDGE_REQUIRE_HMAC", "no"), ("EDGE_ALLOW_HEADER_SECRET", "1"), ("AGENT_SESSION_REQUIRED", "off"),
    ("AGENT_REQUIRE_NONCE", "perhaps"), ("AGENT_HMAC_WINDOW_MS", "29999"), ("AGENT_HMAC_WINDOW_MS", "120001"), ("AGENT_HMAC_WINDOW_MS", "60s"),
    ("AGENT_SESSION_TTL_MS", "3600001"), ("AGENT_SECRET_CACHE_MS", "60001"), ("AGENT_SECRET_CACHE_MS", "-1"),
]  # fmt: skip


@pytest.fixture
def doctor(relay, tmp_path):
    """Runs the checks of the relay's settings on a file with these; returns {check: item}."""
    first_agent(relay, tmp_path / "bot.key")

    def run(settings, *flags, code=0):
        (tmp_path / "relay.env").write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        (tmp_path / "relay.env").chmod(0o600)
        return {item["check"]: item for item in relay.json("doctor", "relay", "--env-file", "relay.env", *flags, check=code)["items"]}

    return run


def test_all_is_well(doctor):
    found = doctor(GOOD, "--fail-on", "warn")
    assert list(found) == list(CHECKS.values()) and {item["status"] for item in found.values()} == {"ok"}
    for window in ("30000", "120000"):
        assert doctor({**GOOD, "AGENT_HMAC_WINDOW_MS": window})["relay.hmac_window"]["status"] == "ok"


@pytest.mark.parametrize(("name", "value"), WRONG)
def test_a_value_that_is_weaker_than_it_should_be(doctor, name, value):
    found = doctor({**GOOD, name: value}, code=10)
    item = found.pop(CHECKS[name])
    assert item["status"] == "error" and name in item["message"] and f"set {name}=" in item["next"]
    assert {each["status"] for each in found.values()} == {"ok"}
    advised = item["next"].split(f"set {name}=")[1].split()[0]
    assert doctor({**GOOD, name: advised})[CHECKS[name]]["status"] == "ok"
    assert (name, str(int(advised) + 1 if advised.isdigit() else 0)) not in WRONG, "the loosest value is not the advice"


def test_a_setting_that_is_missing_is_a_warning(doctor):
    for name, check in CHECKS.items():
        settings = {key: value for key, value in GOOD.items() if key != name}
        item = doctor(settings)[check]
        assert item["status"] == "warn" and "is not set" in item["message"]
    assert doctor(settings, "--fail-on", "error")
    assert doctor(settings, "--fail-on", "warn", code=10)


def test_the_settings_are_held_against_the_policy_of_the_platform(relay, tmp_path, doctor):
    def held(settings):
        doctor(settings, code=None)
        return [(item["status"], item["message"]) for item in relay.json("doctor", "policy.relay", "--env-file", "relay.env")["items"]]

    ((status, message),) = held(GOOD)
    assert status == "warn" and message.split("; ") == [
        "AGENT_REQUIRE_NONCE does not fit --require-nonce no", "EDGE_ALLOW_HEADER_SECRET does not fit --signing bearer",
        "EDGE_REQUIRE_HMAC does not fit --signing bearer"]  # fmt: skip
    relay("policy", "set", "--platform", "--signing", "required", check=0)
    assert held(GOOD) == [("ok", "the relay's settings fit the policy of the platform")]
    for name, value, flag in (("AGENT_HMAC_WINDOW_MS", "30000", "--window 60s"), ("AGENT_SESSION_TTL_MS", "900000", "--session-ttl 600s"),
                              ("EDGE_REQUIRE_HMAC", "false", "--signing required"), ("AGENT_REQUIRE_NONCE", "off", "--require-nonce yes")):  # fmt: skip
        assert held({**GOOD, name: value}) == [("warn", f"{name} does not fit {flag}")]
    assert held({}) == [("ok", "the relay's settings fit the policy of the platform")]


def test_the_last_line_of_a_name_counts(relay, tmp_path, doctor):
    (tmp_path / "two.env").write_text("EDGE_VERIFY_JWT=true\nEDGE_VERIFY_JWT=\n")
    (tmp_path / "two.env").chmod(0o600)
    items = relay.json("doctor", "relay", "--env-file", "two.env")["items"]
    assert {item["check"]: item["status"] for item in items}["relay.verify_jwt"] == "warn"


def test_without_a_file_nothing_is_said_about_it(relay, tmp_path):
    first_agent(relay, tmp_path / "bot.key")
    assert not [item for item in relay.json("doctor", check=10)["items"] if item["check"].startswith("relay.")]


@pytest.mark.parametrize("check", ["relay", "relay.nonce"])
def test_a_check_that_was_asked_for_needs_the_file(relay, check):
    error = relay.error("doctor", check, "--fail-on", "warn", check=2)
    assert "--env-file" in error["message"] and "--env-file FILE" in error["next"]


def test_no_value_that_could_be_a_secret_is_shown(relay, doctor, tmp_path):
    doctor({**GOOD, "EDGE_VERIFY_JWT": "s3cr3t", "AGENT_HMAC_WINDOW_MS": "s3cr3t"}, code=10)
    result = relay("doctor", "relay", "--env-file", "relay.env", check=10)
    assert "s3cr3t" not in result.out + result.err


def test_it_wraps_at_80_columns(relay, doctor):
    doctor({}, code=0)
    code, text = finish_terminal(relay.terminal("doctor", "--env-file", "relay.env", "--no-pager", columns=80))
    lines = text.splitlines()
    assert code == 10 and len(lines) > 40  # fsync is off
    assert all(len(line) <= 80 or "next: relay-admin" in line or "next: chmod" in line for line in lines), max(lines, key=len)
    piped = relay("doctor", "relay", "--env-file", "relay.env", check=0).out.splitlines()
    assert len(piped) > 8 and all("next: " in line for line in piped if line.startswith(" "))


def test_another_word_is_refused(relay, doctor):
    relay.error("doctor", "--fail-on", "wran", check=2)
