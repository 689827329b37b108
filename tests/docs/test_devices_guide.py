"""relay-admin-devices(7) is played: the listings of each section run in their order, against a database with the agent that it names."""

import subprocess

import pytest
from support.agents import first_agent
from support.binaries import relay_admin
from support.database import Database, make_template
from support.devices import Contract
from support.guides import listings
from support.relay import Runner, clean_environment


@pytest.fixture
def scene(cluster, tmp_path):
    database = Database(cluster, template=make_template(cluster))
    relay = Runner(dsn=database.dsn(), home=tmp_path, cwd=tmp_path)
    first_agent(relay, tmp_path / "payments.key", org="acme-corp", agent="payments")
    yield database, tmp_path
    database.drop()


def run(database, folder, listing):
    """What a listing prints, or the first row of its query."""
    if listing.language == "sql":
        connection = database.connect(user=database.gateway_login())
        with connection.cursor() as cursor:
            cursor.execute(listing.text)
            row = cursor.fetchone()
        connection.close()
        return row
    programs = folder / "programs"
    programs.mkdir(exist_ok=True)
    if not (programs / "relay-admin").exists():
        (programs / "relay-admin").symlink_to(relay_admin())
    environment = clean_environment(folder, {"RELAY_ADMIN_DSN": database.dsn(), "PATH": f"{programs}:/usr/bin:/bin"})
    done = subprocess.run(["/bin/bash", "-ec", listing.text], cwd=folder, env=environment, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120, check=False, encoding="utf-8")  # fmt: skip
    assert done.returncode == listing.code, f"{listing.title}: {listing.text}\nexit {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


def test_the_guide_is_played(scene):
    database, folder = scene
    api = Contract(database.connect(user=database.gateway_login()))
    start, status, redeem, refresh, look, block, revoke, scan, theft = listings("devices")
    assert [run(database, folder, one) for one in (start, status, redeem)] == [("ok",), ("pending",), ("ok",)]
    assert run(database, folder, status) == ("redeemed",)
    assert run(database, folder, refresh)[:2] == (True, "ok") and run(database, folder, refresh)[:2] == (False, "bad_next")
    seen = run(database, folder, look)
    assert "Browser of Ada" in seen and "192.0.2.9" in seen and "device_paired" in seen
    assert "unblocked" in run(database, folder, block)
    assert "REFUSED now" in run(database, folder, revoke)
    other, token = api.pair("payments")
    (folder / "build.log").write_text(f"Authorization: Bearer {token}\n")
    assert other in run(database, folder, scan) and api.refresh(other, token)[0] == "revoked"
    third, first = api.pair("payments")
    _, second, _ = api.refresh(third, first)
    api.refresh(third, second)
    assert api.refresh(third, first, ip="203.0.113.66")[0] == "reused"
    said = run(database, folder, theft)
    assert "203.0.113.66" in said and "reused" in said
    api.connection.close()
