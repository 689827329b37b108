"""Shows the agents of an organization which of them run, and takes their cards and beats. Copy it into your gateway, beside verifier.py.

relay-admin-registry(7) explains the rules that it keeps.

  POST   /api/registry/agents/ID/register    {card, instance_id, lease_seconds}: the agent runs. Without a card, a beat: it still runs
  POST   /api/registry/agents/ID/drain       with ?instance_id=&started_at=: it takes no new work, and searches do not find it any more
  DELETE /api/registry/agents/ID/unregister  with ?instance_id=&started_at=: it has stopped
  POST   /api/registry/agents/ID/refused     {reason, claimed_org_id, trace_id}: the agent refused a message of its organization
  GET    /api/registry/agents, .../search    ?skill=&tag=&capability=&pattern=&after=&most=: those that run and meet all conditions
  GET    /api/registry/agents/ID             one of them

`route` reads a request. The gateway authenticates the key, with `request["own"]` as the agent that it must belong to, and gives the
decision to `Registry.answer`. The organization comes from the decision, never from the request.
"""

import json
import math
import re
import threading
import time
from collections import OrderedDict
from urllib.parse import unquote_to_bytes

from verifier import EVERYTHING

# The database makes the answers, so a card passes through as it was sent, whatever this language makes of its numbers.
TIME = """to_char({} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
LEASE = f"""
    SELECT r.reason, jsonb_strip_nulls(jsonb_build_object('ok', r.ok, 'reason', r.reason, 'problems', r.problems,
               'lease_ends_at', {TIME.format("r.lease_ends_at")}, 'started_at', {TIME.format("r.started_at")},
               'lease_seconds', round(extract(epoch FROM r.lease_ends_at - clock_timestamp())::numeric, 3)))::text AS answer
    FROM relay_api."""
REGISTER = LEASE + "register(%s, %s::json -> 'card', %s, make_interval(secs => %s)) AS r"
HEARTBEAT = LEASE + "heartbeat(%s, %s, make_interval(secs => %s), %s::timestamptz, %s::boolean) AS r"
END = "SELECT jsonb_build_object('ok', true, 'found', relay_api.{}(%s, %s, %s::timestamptz))::text AS answer"
DRAIN, UNREGISTER = END.format("drain"), END.format("unregister")
REFUSED = "SELECT relay_api.refuse_message(%s, NULL, %s, %s, %s, %s)"
ENTRY = f"""
    SELECT f.agent_id, f.next, jsonb_build_object('agent_id', f.agent_id, 'card', f.card, 'instances', f.instances,
               'lease_ends_at', {TIME.format("f.lease_ends_at")}, 'queue', relay_api.queue_name(%s, 'agent', f.agent_id))::text AS entry
    FROM relay_api."""
FIND = ENTRY + "find_agents(%s, %s, %s, %s, %s, %s, %s) AS f"
CARD = ENTRY + "agent_card(%s, %s) AS f"

PLACE = "/api/registry/"
AGENT = re.compile("[A-Za-z0-9][A-Za-z0-9_.-]{0,126}")
WORD = re.compile("[!-~]{0,127}")  # the database knows which of them it takes
NUMBER = re.compile("-?[0-9]{1,15}")
WAYS = {"register": "POST", "drain": "POST", "unregister": "DELETE", "refused": "POST"}
CONDITIONS = ("skill", "tag", "capability", "pattern", "after", "most")
PAGE, LONGEST_PAGE = 100, 1000  # agents
LONGEST_BODY = 2**16 + 2**10  # bytes: a card and what is around it
LEASE_SECONDS, MOST_SECONDS = 60, 86_400  # the database makes a lease of 10 s to 10 min of them
STATUS = {"ok": 200, "card_invalid": 422, "register": 409}  # 403: the database refuses the agent
MAX_KEPT, MOST_KEPT, MOST_BYTES = 5, 1000, 2**24  # seconds, results, characters of all of them


class Refused(Exception):
    """A request that is answered with `status` and `answer`. `allow`: the methods that the place knows, if it is 405."""

    def __init__(self, status, reason, *problems, allow=None):
        super().__init__(reason)
        self.status, self.allow = status, allow
        self.answer = json.dumps({"ok": False, "reason": reason, **({"problems": problems} if problems else {})})


def bad(*problems):
    return Refused(400, "bad_request", *problems)


def decode(text):
    """A part of a target, without its percent signs; None for what is not UTF-8, or has a NUL."""
    if re.search("%(?![0-9A-Fa-f]{2})", text):
        return None
    try:
        plain = unquote_to_bytes(text).decode()
    except UnicodeError:
        return None
    return None if "\0" in plain else plain


def parameters(query, known):
    """{name: value} of a query that names each parameter once, and none but these."""
    found = {}
    for part in filter(None, query.split("&")):
        name, _, value = (decode(text.replace("+", " ")) for text in part.partition("="))
        if name is None or value is None:
            raise bad("the query must be percent-encoded UTF-8")
        if name not in known:
            raise bad(f"{name}: not a parameter of this request")
        if name in found:
            raise bad(f"{name}: given twice")
        found[name] = value
    return found


def word(value, where):
    if not isinstance(value, str) or not WORD.fullmatch(value):
        raise bad(f"{where}: must be at most 127 characters without blanks")
    return value


def route(method, target):
    """What a request is about: a dict with `operation`, `own` (the agent that must make it, or None) and what belongs to the operation.

    None: the place is not one of the registry. Raises Refused for 400, 404 and 405."""
    path, _, query = target.partition("?")
    if not path.startswith(PLACE):
        return None
    kind, *rest = path.removeprefix(PLACE).split("/")
    rest = [decode(part) for part in rest]
    if kind != "agents" or len(rest) > 2 or (rest and not AGENT.fullmatch(rest[0] or "")) or (len(rest) == 2 and rest[1] not in WAYS):
        raise Refused(404, "not_found")
    allow = WAYS[rest[1]] if len(rest) == 2 else "GET"
    if method != allow:
        raise Refused(405, "method_not_allowed", allow=allow)
    if not rest or rest == ["search"]:
        given = parameters(query, CONDITIONS)
        most = given.pop("most", str(PAGE))
        if not NUMBER.fullmatch(most):
            raise bad("most: must be a whole number")
        return {"operation": "find", "own": None, "conditions": {**given, "most": min(max(int(most), 1), LONGEST_PAGE)}}
    if len(rest) == 1 or rest[1] in ("register", "refused"):
        parameters(query, ())
        return {"operation": rest[1], "own": rest[0]} if len(rest) == 2 else {"operation": "card", "own": None, "agent_id": rest[0]}
    given = parameters(query, ["instance_id", "started_at"])
    return {"operation": rest[1], "own": rest[0], "instance_id": word(given.get("instance_id", ""), "instance_id"),
            "started_at": word(given["started_at"], "started_at") if "started_at" in given else None}  # fmt: skip


def refuse_constant(name):
    raise ValueError(name)


def number(text):
    """A number that a double can hold."""
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number that does not fit a double")
    return value


def unique(members):
    """An object in which no name is given twice."""
    if len(dict(members)) < len(members):
        raise ValueError("a name is given twice")
    return dict(members)


def read_object(content_type, body, fields):
    """The object that a body is, with at most these fields. Raises Refused for 400 and 415."""
    if (content_type or "").partition(";")[0].strip().lower() != "application/json":
        raise Refused(415, "unsupported_media_type", "the body must be application/json")
    try:
        said = json.loads(body.decode(), parse_constant=refuse_constant, parse_float=number, parse_int=number, object_pairs_hook=unique)
    except (ValueError, RecursionError):
        raise bad("the body must be JSON in UTF-8, and no object may have a name twice") from None
    if not isinstance(said, dict):
        raise bad("the body must be an object")
    unknown = sorted(said.keys() - fields)
    if unknown:
        raise bad(*(f"/{name}: unknown field" for name in unknown))
    return said


def read(content_type, body):
    """What `register` says: has_card, instance_id, lease (seconds), and of a beat started_at and ready. Raises Refused for 400 and 415."""
    said = read_object(content_type, body, {"card", "instance_id", "lease_seconds", "started_at", "ready"}) if body else {}
    lease = said.get("lease_seconds", LEASE_SECONDS)
    if isinstance(lease, bool) or not isinstance(lease, (int, float)):
        raise bad("/lease_seconds: must be a number")
    instance_id = word(said.get("instance_id", ""), "/instance_id")
    started_at = word(said["started_at"], "/started_at") if "started_at" in said else None
    if "ready" in said and not isinstance(said["ready"], bool):
        raise bad("/ready: must be true or false")
    return {"has_card": "card" in said, "instance_id": instance_id, "lease": float(min(max(lease, 0), MOST_SECONDS)), "started_at": started_at,
            "ready": said.get("ready")}  # fmt: skip


def read_refused(content_type, body):
    """(reason, claimed_org_id, trace_id) of a message that an agent refused. The database knows the reasons."""
    said = read_object(content_type, body, {"reason", "claimed_org_id", "trace_id"})
    for name in ("claimed_org_id", "trace_id"):
        if not isinstance(said.get(name), (str, type(None))):
            raise bad(f"/{name}: must be a text")
    return word(said.get("reason"), "/reason"), said.get("claimed_org_id"), said.get("trace_id")


class Registry:
    """query(sql, arguments), on the primary, and a Verifier that follows the feed, as in verifier.py.

    A search is answered from memory for at most 5 seconds, and asked anew if the feed has a row about one of its agents, for
    example a block. Agents that come and go have no rows, so a search may show them 5 seconds late.
    """

    def __init__(self, query, verifier):
        self.query, self.verifier = query, verifier
        self.lock, self.kept = threading.Lock(), OrderedDict()  # (org, conditions) -> result, the longest unused first
        self.bytes = self.turn = 0  # turn: how many times a result was forgotten

    def answer(self, request, decision, content_type=None, body=b""):
        """(status, text of JSON). `decision`: of the key, which belongs to `request["own"]` if that is given. Raises if the database
        cannot be asked: then 503."""
        try:
            return getattr(self, request["operation"])(request, decision, content_type, body)
        except Refused as refused:
            return refused.status, refused.answer
        except Exception as error:
            if (getattr(error, "pgcode", None) or "")[:2] not in ("22", "54"):  # else it is about a value of the request
                raise
            refused = bad(error.diag.message_primary)
            return refused.status, refused.answer

    def register(self, _, decision, content_type, body):
        said = read(content_type, body)
        if said["has_card"]:
            (row,) = self.query(REGISTER, (decision["agent_id"], body.decode(), said["instance_id"], said["lease"]))
            self.forget(decision["org_id"])
        else:
            (row,) = self.query(HEARTBEAT, (decision["agent_id"], said["instance_id"], said["lease"], said["started_at"], said["ready"]))
        return STATUS.get(row["reason"], 403), row["answer"]

    def drain(self, request, decision, *_):
        return self.end(DRAIN, request, decision)

    def unregister(self, request, decision, *_):
        return self.end(UNREGISTER, request, decision)

    def end(self, sql, request, decision):
        (row,) = self.query(sql, (decision["agent_id"], request["instance_id"], request["started_at"]))
        self.forget(decision["org_id"])
        return 200, row["answer"]

    def refused(self, _, decision, content_type, body):
        """The sender of the message is of the same organization: only its agents can write to the queue."""
        self.query(REFUSED, (decision["org_id"], *read_refused(content_type, body), decision["agent_id"]))
        return 200, '{"ok": true}'

    def card(self, request, decision, *_):
        rows = self.query(CARD, (decision["org_id"], decision["org_id"], request["agent_id"]))
        return (200, rows[0]["entry"]) if rows else (404, Refused(404, "not_found").answer)

    def find(self, request, decision, *_):
        conditions = request["conditions"]
        rows = self.rows((decision["org_id"], *(conditions.get(name, "" if name == "after" else None) for name in CONDITIONS)))
        following = rows[-1]["next"] if rows else None  # its row has no agent
        entries = ", ".join(row["entry"] for row in rows if row["agent_id"])
        return 200, f'{{"agents": [{entries}], "next": {json.dumps(following)}}}'

    def rows(self, question):
        """Those that were kept, if they may answer; else those of the database."""
        changes, now = self.verifier.changes, time.monotonic()
        with self.lock:
            result = self.kept.get(question)
            if result and now < result["until"] and self.verifier.hears() and changes.unchanged(result["places"], result["asked"]):
                self.kept.move_to_end(question)
                return result["rows"]
            turn = self.turn
        asked = changes.number
        rows = self.query(FIND, (question[0], *question))
        about = [EVERYTHING, ("org_id", question[0]), *(("agent_id", row["agent_id"]) for row in rows if row["agent_id"])]
        result = {"rows": rows, "until": now + MAX_KEPT, "asked": asked, "places": [changes.place(one) for one in about],
                  "bytes": sum(len(row["entry"]) for row in rows)}  # fmt: skip
        with self.lock:
            if turn == self.turn and result["bytes"] <= MOST_BYTES:
                self.drop(question)
                self.kept[question] = result
                self.bytes += result["bytes"]
                while self.bytes > MOST_BYTES or len(self.kept) > MOST_KEPT:
                    self.drop(next(iter(self.kept)))
        return rows

    def forget(self, org_id):
        """An agent of the organization came or went here: the next search asks."""
        with self.lock:
            self.turn += 1
            for question in [one for one in self.kept if one[0] == org_id]:
                self.drop(question)

    def drop(self, question):
        """For a thread that holds the lock."""
        self.bytes -= self.kept.pop(question, {"bytes": 0})["bytes"]
