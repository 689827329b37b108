"""The commands for `key due --notify` that come with the program: mail, chat and webhook, run against stand-ins on this machine."""

import http.server
import json
import os
import subprocess
import threading
from email import message_from_bytes
from pathlib import Path

import pytest
from support.binaries import tool
from support.prepared import prepared

EXAMPLES = Path(os.environ["RELAY_SOURCE_DIR"]) / "cli/examples/notify"
OWNERS = {"ana@acme.example": "late", "Ben <ben@acme.example>": "later", None: "nobodys"}


@prepared
def fleet(relay, database):
    """Three overdue agents: of an address, of a name with an address, of no one."""
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    for owner, agent in OWNERS.items():
        create(relay, agent, owner)
    database.execute("UPDATE relay.agent_keys SET due_at = now() - interval '1 day'")
    return relay


def create(relay, agent, owner):
    owned = (f"--owner={owner}",) if owner else ()
    relay("agent", "create", agent, "--org", "acme", "--name", agent, *owned, "--secret-file", f"{agent}.key", check=0)


def notify(relay, name, *words, check, **variables):
    return relay.with_(env=variables)("key", "due", "--notify", f"sh {EXAMPLES / name}", *words, "-o", "json", check=check)


class Service:
    """A web service that keeps what it gets and answers with `code`; it holds requests back while `held`."""

    def __init__(self, code=200):
        self.got, self.code, self.released = [], code, threading.Event()
        self.released.set()
        service = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                service.got.append((self.path, dict(self.headers), body))
                service.released.wait(60)
                self.send_response(service.code)
                self.end_headers()
                self.wfile.write(body)  # a service may repeat what it got

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def stop(self):
        self.released.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def service():
    one = Service()
    yield one
    one.stop()


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.name)
def test_shellcheck_has_nothing_against_them(path):
    subprocess.run([tool("shellcheck"), "--shell=sh", path], check=True)


# --- mail


@pytest.fixture
def post(tmp_path):
    """A sendmail that keeps each mail and its arguments."""
    script = tmp_path / "sendmail"
    script.write_text('#!/bin/sh\nn=$(ls "$MAILS" | wc -l)\nprintf "%s" "$*" > "$MAILS/$n.args"\ncat > "$MAILS/$n.mail"\nexit "$CODE"\n')
    script.chmod(0o755)
    (tmp_path / "mails").mkdir()
    return {"SENDMAIL": str(script), "MAILS": str(tmp_path / "mails"), "CODE": "0", "RELAY_MAIL_FALLBACK": "ops@acme.example"}


def mails(post):
    folder = Path(post["MAILS"])
    return [(path.with_suffix(".args").read_text(), message_from_bytes(path.read_bytes())) for path in sorted(folder.glob("*.mail"))]


def test_each_owner_gets_a_mail(fleet, post):
    notify(fleet, "mail", check=10, **post)
    found = {mail["To"]: (args, mail) for args, mail in mails(post)}
    assert set(found) == {"ana@acme.example", "ben@acme.example", "ops@acme.example"}
    args, mail = found["ana@acme.example"]
    assert args == "-i -- ana@acme.example" and mail["Subject"] == "1 key of your agents is due"
    text = mail.get_payload(decode=True).decode()
    assert "  late  key " in text and "OVERDUE" in text and "relay_sk_" not in text


@pytest.mark.parametrize(
    "owner", ["-oQ/tmp@x", "a@b.example, c@d.example", "x <a@b.example> y", "a@b\u00e4.example", "team payments", "z <-f@x>", "a@b.example;c@d"]
)
def test_an_owner_that_is_no_plain_address_goes_to_the_fallback(relay, database, post, owner):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    create(relay, "bot", owner)
    database.execute("UPDATE relay.agent_keys SET due_at = now() - interval '1 day'")
    notify(relay, "mail", check=10, **post)
    assert [(args, mail["To"]) for args, mail in mails(post)] == [("-i -- ops@acme.example", "ops@acme.example")]


def test_a_mail_that_is_not_accepted_is_a_failure(fleet, post):
    result = notify(fleet, "mail", check=7, **{**post, "CODE": "75"})
    assert "--notify failed for owner ana@acme.example: it ended with exit code 75" in result.err
    del post["RELAY_MAIL_FALLBACK"]
    notify(fleet, "mail", check=7, **post)


# --- chat


@pytest.fixture
def chat(service, tmp_path):
    (tmp_path / "url").write_text(service.url + "/hooks/secret-part")
    return {"RELAY_CHAT_URL_FILE": str(tmp_path / "url")}


def test_each_owner_gets_a_message(fleet, service, chat):
    result = notify(fleet, "chat", check=10, **chat)
    messages = [json.loads(body)["text"] for path, _, body in service.got if path == "/hooks/secret-part"]
    assert len(messages) == 3 and messages[0].splitlines()[0] == "Ben &lt;ben@acme.example&gt;: 1 key is due, 1 overdue"
    assert any("- late, due " in message for message in messages)
    assert "secret-part" not in result.err + result.out


def test_a_name_cannot_call_everyone(relay, database, service, chat):
    relay("org", "create", "acme", "--name", "Acme", "--plan", "paid", check=0)
    create(relay, "bot", '<!channel> "& \\ <http://evil|click>')
    database.execute("UPDATE relay.agent_keys SET due_at = now() - interval '1 day'")
    notify(relay, "chat", check=10, **chat)
    text = json.loads(service.got[0][2])["text"]
    assert "<" not in text and "&lt;!channel&gt; \"&amp; \\ &lt;http" in text


def test_a_chat_that_refuses_is_a_failure_that_shows_no_address(fleet, service, chat):
    service.code = 403
    result = notify(fleet, "chat", check=7, **chat)
    assert len(result.json()["warnings"]) == 3 and "secret-part" not in result.err + result.out


# --- webhook


def test_the_json_arrives_as_it_is(fleet, service, tmp_path):
    (tmp_path / "header").write_text("Authorization: Bearer not-a-real-one\n")
    result = notify(fleet, "webhook", check=10, RELAY_WEBHOOK_URL=service.url, RELAY_WEBHOOK_HEADER_FILE=str(tmp_path / "header"))
    bodies = [json.loads(body) for _, _, body in service.got]
    assert sorted(item["agent_id"] for body in bodies for item in body["items"]) == sorted(OWNERS.values())
    assert {headers["Authorization"] for _, headers, _ in service.got} == {"Bearer not-a-real-one"}
    assert json.loads(result.out)["kind"] == "DueKeyList", "the answer of the service is not on our stdout"


def test_a_service_that_never_answers_is_a_failure_in_time(fleet, service):
    service.released.clear()
    result = notify(fleet, "webhook", "--owner", "ana@acme.example", "--notify-timeout", "1s", check=7, RELAY_WEBHOOK_URL=service.url)
    assert "took longer than 1 s" in result.err


def test_a_service_that_is_not_there_is_a_failure(fleet):
    notify(fleet, "webhook", "--notify-timeout", "30s", check=7, RELAY_WEBHOOK_URL="http://127.0.0.1:9")
