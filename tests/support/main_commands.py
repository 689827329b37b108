"""The commands of every day in a row, for tests of settings, poolers and proxies that must not change what they do."""

from .agents import first_agent


def whole_day(relay, tmp_path, prefix=""):
    """The main commands, one after the other; returns the last key."""
    first_agent(relay, tmp_path / f"{prefix}1", org="acme", agent="bot")
    relay("org", "update", "acme", "--name", '\u00c4rzte \u20ac \U0001f600 O\'Neil \\ "x"', check=0)
    relay("rotate-key", "bot", "--grace", "1h", "--secret-file", f"{prefix}2", check=0)
    data = relay.json("agent", "show", "bot")["data"]
    assert (
        data["keys"]
        and relay.json("org", "show", "acme")["data"]["name"] == '\u00c4rzte \u20ac \U0001f600 O\'Neil \\ "x"'
    )
    assert relay.json("org", "show", "acme")["data"]["key_max_age_seconds"] == 90 * 86400
    assert relay.json("rotate-key", "bot", "--if-older-than", "1d", "--secret-file", f"{prefix}3")["changed"] is False
    relay("block", "bot", "--until", "2h", check=0)
    relay("unblock", "bot", "--yes", check=0)
    relay("agent", "create", "cat", "--org", "acme", "--name", "Cat", "--permissions", "a:b,c:d", "--secret-file", f"{prefix}4", check=0)
    relay("agent", "update", "cat", "--remove-permission", "a:b", check=0)
    relay("revoke", "cat", check=0)
    relay("restore", "cat", "--yes", "--secret-file", f"{prefix}5", check=0)
    relay("key", "verify", stdin=(tmp_path / f"{prefix}5").read_bytes(), check=0)
    relay("recover", "op_" + "0" * 24, check=0)
    for words in (["org", "list"], ["agent", "list"], ["key", "list"], ["schema", "status"], ["schema", "verify"]):
        relay(*words, check=0)
    return (tmp_path / f"{prefix}5").read_text()
