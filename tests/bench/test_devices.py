"""The cost of keeping a device logged in, that the time of a refusal shows nothing, and how soon a client hears of a revocation.

Figures are medians of rounds in which each script runs once; fsync is real."""

import http.client
import json
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest

from pairing import measured
from pgbench import Ratios, Script
from support.agents import first_agent
from support.cluster import Cluster
from support.database import Database, make_template
from support.gateways import HttpGateway
from support.relay import Runner

SETTINGS = {"fsync": "on", "full_page_writes": "on", "shared_buffers": "128MB", "autovacuum": "off"}
ROUNDS, CLIENTS = 5, 8
REFRESHES, SELECTS, GUESSES = 2000, 20_000, 1600
REFRESH_MUST, REFRESH_AIM = 0.03, 0.04
SAME_TIME = 0.10  # how far the ratio of two refusals may be from 1
GONE_MUST = 0.2  # seconds

FLEET = """
SET session_replication_role = replica;
INSERT INTO relay.organizations (org_id, name, plan, created_by) VALUES ('acme', 'Acme', 'paid', 'bench');
INSERT INTO relay.agents (agent_id, org_id, name, created_by) VALUES ('bot', 'acme', 'Bot', 'bench');
INSERT INTO relay.devices (device_id, org_id, agent_id, name, token_hash, token_ttl, expires_at)
SELECT lpad(n::text, 12, '0'), 'acme', 'bot', 'Device', sha256('x'), '30 days', now() + interval '30 days' FROM generate_series(0, 9999) AS n;
INSERT INTO relay.pairings (pairing_id, secret_hash, org_id, agent_id, expires_at, device_id)
SELECT lpad(n::text, 4, '0'), sha256('x'), 'acme', 'bot', now() + interval '1 hour', 'abcdefghjkmn' FROM generate_series(1, 1000) AS n;
SET session_replication_role = origin;
ANALYZE"""

# Each client has a device, and shows its tokens one after the other: the digest of token i is that of the text "i".
TOKEN = "sha256(((:client_id)::text || '-' || ({})::text)::bytea)"
REFRESH = ("\\set i :i + 1\nSELECT ok FROM relay_api.device_refresh(lpad(:client_id::text, 12, '0'), "
           + TOKEN.format(":i::integer - 1") + ", " + TOKEN.format(":i::integer") + ", '192.0.2.1')")  # fmt: skip
RESET = """
TRUNCATE relay.spent_tokens;
UPDATE relay.pairings SET attempts_left = 5;
UPDATE relay.devices SET last_hash = NULL, token_hash = sha256(sha256((ltrim(device_id, '0') || '-0')::bytea)) WHERE device_id < '000000000100';
UPDATE relay.devices SET token_hash = sha256(sha256('0-0')) WHERE device_id = '000000000000'"""
BARE = "SELECT token_hash FROM relay.devices WHERE device_id = lpad(:n::text, 12, '0')"
GUESS = "SELECT relay_api.pair_redeem({}, sha256('wrong'), 'abcdefghjkmn', 'Device', sha256('t'), '30 days', '192.0.2.1')"


@pytest.fixture(scope="module")
def database():
    with Cluster(settings=SETTINGS) as cluster:
        made = Database(cluster, template=make_template(cluster))
        made.execute(FLEET)
        yield made


def rounds(database, scripts, **options):
    """Ratios of {name: (script, transactions)}; every round begins with the same tokens and codes."""
    found = []
    for _ in range(ROUNDS + 1):
        database.execute(RESET)
        found.append({name: script.run(database, transactions=number, **options) for name, (script, number) in scripts.items()})
    return Ratios(found[1:])


def test_a_refresh_costs_what_an_fsync_costs(database, tmp_path):
    scripts = {"bare": (Script(tmp_path, "bare", BARE, most=9999), SELECTS), "refresh": (Script(tmp_path, "refresh", REFRESH), REFRESHES)}
    found = measured(lambda: rounds(database, scripts, clients=CLIENTS, variables={"i": 0}),
                     lambda ratios: ratios.of("refresh", "bare") >= REFRESH_MUST)  # fmt: skip
    assert database.value("SELECT count(*) FROM relay.revocations") == 0
    assert database.value("SELECT count(*) FROM relay.spent_tokens") == REFRESHES, "each was a rotation"
    print(f"\ndevice_refresh against a bare select: {found.text('refresh', 'bare')}, {found.tps('refresh'):.0f}/s; aim {REFRESH_AIM}")
    assert found.of("refresh", "bare") >= REFRESH_MUST


def test_a_wrong_guess_takes_as_long_whether_the_code_exists_or_not(database, tmp_path):
    there, absent = (Script(tmp_path, name, GUESS.format(f"lpad(:n::text, 4, '{fill}')")) for name, fill in (("there", "0"), ("absent", "z")))
    found = measured(lambda: rounds(database, {"there": (there, GUESSES), "absent": (absent, GUESSES)}),
                     lambda ratios: abs(ratios.of("there", "absent") - 1) <= SAME_TIME)  # fmt: skip
    print(f"\na wrong secret against an unknown code: {found.text('there', 'absent')}")
    assert abs(found.of("there", "absent") - 1) <= SAME_TIME


def test_a_client_soon_hears_of_a_revocation(tmp_path):
    with Cluster(settings=SETTINGS) as cluster:
        database = Database(cluster, template=make_template(cluster))
        key = first_agent(Runner(dsn=database.dsn(), home=tmp_path, cwd=tmp_path), tmp_path / "bot.key")
        with HttpGateway(database) as gateway, ThreadPoolExecutor(1) as waiting:

            def post(path, body=None, secret=None):
                with closing(http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=60)) as connection:
                    connection.request("POST", path, json.dumps(body or {}), {"Authorization": f"Bearer {secret}"} if secret else {})
                    answer = connection.getresponse()
                    return answer.status, json.loads(answer.read() or b"{}"), time.time()

            took = []
            for _ in range(10):
                code = post("/api/pair/start", secret=key)[1]["code"]
                device = post("/api/pair/redeem", {"code": code})[1]
                token = post("/api/device/refresh", secret=device["refresh_token"])[1]["refresh_token"]
                ended = waiting.submit(post, "/api/device/wait", None, token)
                time.sleep(0.3)
                database.execute("INSERT INTO relay.revocations (subject_kind, subject_id, kind, actor) VALUES ('device', %s, 'revoke', 'bench')",
                                 device["device_id"])  # fmt: skip
                committed = time.time()
                status, _, at = ended.result()
                assert status == 401
                took.append(at - committed)
    print(f"\nfrom the commit of a revocation to the client: {1000 * statistics.median(took):.0f} ms, at most {1000 * max(took):.0f} ms")
    assert statistics.median(took) <= GONE_MUST
