"""Runs `doctor` for tests."""


def examine(relay, *words, check=None, **options):
    """Returns {id: item}; checks that the exit code is 10 exactly if one is an error."""
    result = relay("doctor", *words, "-o", "json", **options)
    document = result.json()
    assert document["kind"] == "CheckList" and document["changed"] is False and document["next"] is None
    items = {item["check"]: item for item in document["items"]}
    assert len(items) == len(document["items"])
    assert result.code == (10 if "error" in {item["status"] for item in items.values()} else 0), result
    assert check is None or result.code == check, result
    return items


def one(relay, check, *, flags=(), **options):
    """The item of one check, asked for alone."""
    items = examine(relay, check, *flags, **options)
    assert list(items) == [check], items
    return items[check]


def assert_found(item, status, *words):
    assert item["status"] == status, item
    text = f"{item['message']} {item['next']}"
    assert all(word in text for word in words), item
    if status in ("warn", "error"):
        assert item["next"], f"nothing to do is told: {item}"


def complaints(items):
    return {check: item for check, item in items.items() if item["status"] != "ok"}
