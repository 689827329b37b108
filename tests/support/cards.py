"""Agent cards for tests, in the shapes of the A2A protocol; the texts are our own."""


def skill(skill_id="search_kb", *tags, **more):
    """A skill of a card."""
    return {"id": skill_id, "name": "Search", "description": "Finds an article", "tags": list(tags)} | more


def card(**changes):
    """A card of A2A 0.3 with one skill; a value of None removes the field."""
    usual = {
        "protocolVersion": "0.3.0", "name": "Knowledge", "description": "Answers from the handbook", "version": "1.4.0",
        "url": "https://knowledge.example/a2a", "preferredTransport": "JSONRPC",
        "capabilities": {"streaming": True, "pushNotifications": False},
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"], "skills": [skill()],
    } | changes  # fmt: skip
    return {name: value for name, value in usual.items() if value is not None}


def card_1_0(**changes):
    """The same in the shape of 1.0, where the interfaces have the addresses."""
    interface = {"url": "https://knowledge.example/a2a", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    return card(protocolVersion=None, url=None, preferredTransport=None, supportedInterfaces=[interface]) | changes
