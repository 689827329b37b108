"""A command that fails, in text and in JSON, and the proof that it changed nothing."""

NAMES = {
    1: "internal", 2: "usage", 3: "not_found", 4: "denied", 5: "conflict", 6: "limit", 7: "partial", 8: "unavailable",
    9: "unknown",
    10: "check_no", 11: "schema", 12: "sink", 13: "declined", 14: "untold",
}  # fmt: skip


def snapshot(database):
    """All that is stored; two of them are equal when nothing was changed."""
    tables = ("organizations", "agents", "agent_keys", "revocations", "operations", "auth_events", "org_tokens")
    return {table: database.rows(f"SELECT t::text AS row FROM relay.{table} t ORDER BY 1") for table in tables}


def both(relay, *words, code, says=(), next=None, **options):
    """Runs a command that fails, in text and in JSON; returns the error object.

    `says`: parts of the message, in both; `next`: a part of the `next:` line.
    """
    text = relay(*words, check=code, **options)
    assert text.out == "" and "relay-admin: error: " in text.err
    error = relay(*words, "-o", "json", check=code, **options).error()
    assert error["exit"] == code and error["code"] == NAMES[code]
    assert set(error) == {"code", "exit", "message", "why", "next", "suggestions", "changed", "retryable", "sqlstate"}
    assert not error["message"].endswith(".") and "\n" not in error["message"]
    for part in says:
        assert part in error["message"] and part in text.err, f"{part!r} is not in {error} and\n{text.err}"
    if next:
        assert next in error["next"] and "next: " in text.err
    return error
