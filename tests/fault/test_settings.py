"""Settings that others have made do no harm: synchronous_commit, a read-only default, time-outs, search_path, and the
clock of this machine."""

from datetime import datetime, timedelta, timezone

import pytest
from support import agents, binaries

RECORD_SETTINGS = """
CREATE TABLE public.seen (op_id text, setting text);
GRANT INSERT ON public.seen TO PUBLIC;
CREATE FUNCTION public.look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO public.seen VALUES (NEW.op_id, pg_catalog.current_setting('synchronous_commit'));
    RETURN NEW;
END $$;
CREATE CONSTRAINT TRIGGER look AFTER INSERT ON relay.operations DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION public.look();
"""
KINDS = ("create", "rotate", "block", "revoke")


def set_off(stage, where):
    """Smuggles synchronous_commit = off in; returns the environment that does it, and a function that undoes it."""
    if where == "PGOPTIONS":
        return {"PGOPTIONS": "-c synchronous_commit=off"}, None
    target = {"database": f'DATABASE "{stage.database.name}"', "role": "ROLE relay_off"}[where]
    stage.database.execute(f"ALTER {target} SET synchronous_commit = off")
    return {}, f"ALTER {target} RESET synchronous_commit"


@pytest.mark.parametrize("where", ("PGOPTIONS", "database", "role", "conninfo"))
def test_an_asynchronous_commit_cannot_be_smuggled_in(stage, where, tally):
    stage.database.execute(RECORD_SETTINGS)
    user = "postgres"
    if where == "role":
        user = stage.cluster.login("relay_off", member_of="relay_provisioner")
    options = {"options": "-c synchronous_commit=off"} if where == "conninfo" else {}
    scenes = [stage.scene(kind) for kind in KINDS]
    env, undo = ({}, None) if where == "conninfo" else set_off(stage, where)
    stage.database.execute("TRUNCATE public.seen")
    dsn = stage.database.dsn(user=user, **options)
    with stage.cluster.connect(stage.database.name, user=user, **options) as probe, probe.cursor() as cursor:
        cursor.execute("SHOW synchronous_commit")
        assert cursor.fetchone()[0] == ("on" if where == "PGOPTIONS" else "off"), "the test itself does not set it"
    probe.close()
    for scene in scenes:
        result = scene.run(dsn=dsn, env=env)
        assert result.code == 0, f"{result}"
        scene.assert_told_truly(result)
        tally("synchronous_commit=off smuggled in")
    seen = [row["setting"] for row in stage.database.rows("SELECT setting FROM public.seen ORDER BY ctid")]
    assert seen == ["on", "on", "local", "local"]
    if undo:
        stage.database.execute(undo)


@pytest.mark.parametrize("commit", ("remote_write", "remote_apply", "local"))
def test_a_configured_way_to_commit_is_kept(stage, commit):
    """Only `off` is overruled: how many standbys to wait for is the administrator's choice."""
    stage.database.execute(RECORD_SETTINGS)
    scene = stage.scene("rotate")
    stage.database.execute(f'ALTER DATABASE "{stage.database.name}" SET synchronous_commit = {commit}')
    stage.database.execute("TRUNCATE public.seen")
    assert scene.run().code == 0
    assert stage.database.value("SELECT setting FROM public.seen") == commit


@pytest.mark.parametrize("where", ("database", "conninfo"))
def test_a_read_only_session_is_a_clean_refusal(stage, where, tally):
    scenes = [stage.scene(kind) for kind in ("create", "rotate", "rotate when due", "block", "revoke")]
    options = {}
    if where == "conninfo":
        options = {"options": "-c default_transaction_read_only=on"}
    else:
        stage.database.execute(f'ALTER DATABASE "{stage.database.name}" SET default_transaction_read_only = on')
    dsn = stage.database.dsn(**options)
    results = [scene.run(dsn=dsn) for scene in scenes]
    reads = [stage.relay.with_(dsn=dsn)(*words) for words in (["agent", "list"], ["key", "list"], ["schema", "status"])]
    if where == "database":
        with stage.cluster.connect() as connection, connection.cursor() as cursor:
            cursor.execute(f'ALTER DATABASE "{stage.database.name}" RESET default_transaction_read_only')
        connection.close()
    for scene, result in zip(scenes, results, strict=True):
        assert result.code == 8 and "read-only" in result.err, f"{result}"
        scene.assert_told_truly(result)
        tally("read-only session")
    assert [result.code for result in reads] == [0] * len(reads), "\n".join(map(str, reads))


HOSTILE = (
    "-c search_path=evil,public -c datestyle=SQL,DMY -c intervalstyle=iso_8601 -c bytea_output=escape "
    "-c timezone=Pacific/Kiritimati -c statement_timeout=1 -c lock_timeout=1 -c standard_conforming_strings=off "
    "-c extra_float_digits=-15 -c default_transaction_isolation=serializable -c lc_messages=C -c xmloption=document"
)


@pytest.mark.parametrize("kind", ("create", "rotate at once", "rotate when due", "block", "revoke"))
def test_hostile_session_settings_change_nothing(stage, kind, tally):
    """A schema in front with tables and functions of the same names, odd formats, time-outs of a millisecond."""
    stage.database.execute(
        "CREATE SCHEMA IF NOT EXISTS evil;"
        "CREATE OR REPLACE FUNCTION evil.now() RETURNS timestamptz LANGUAGE sql AS"
        " $$ SELECT '1999-01-01'::timestamptz $$;"
        "CREATE TABLE IF NOT EXISTS evil.agent_keys (LIKE relay.agent_keys);"
    )
    scene = stage.scene(kind)
    env = {"PGOPTIONS": HOSTILE, "PGTZ": "Pacific/Kiritimati", "PGDATESTYLE": "SQL,DMY", "PGCLIENTENCODING": "LATIN1"}
    result = scene.run(
        dsn=stage.database.dsn(options=HOSTILE.replace("statement_timeout=1 ", "statement_timeout=900 ")), env=env
    )
    assert result.code == 0, f"{result}"
    scene.assert_told_truly(result)
    scene.assert_converges(result)
    assert stage.database.value("SELECT count(*) FROM evil.agent_keys") == 0
    tally("hostile session settings")


@pytest.mark.parametrize("shift", ("-1y", "+1y"))
def test_only_the_clock_of_the_database_counts(stage, shift, tally):
    """The clock of this machine is wrong by a year: ages, ends and due dates come from the database, and so do the
    messages about them."""
    faked = stage.relay.with_(prefix=(binaries.tool("faketime"), "-f", shift))
    fake = faked.with_(env={})
    fake.program = "/bin/date"
    assert abs(int(fake("+%Y").out) - datetime.now(timezone.utc).year) == 1, "faketime does not work"
    kept, rotated, blocked = stage.scene("rotate"), stage.scene("rotate when due"), stage.scene("block")
    young = faked.json("rotate-key", kept.agent, "--if-older-than", "30d", "--secret-file", kept.file)
    assert young["changed"] is False and not kept.file.exists()
    document = faked.json(*rotated.words)
    assert document["changed"] is True
    now = datetime.now(timezone.utc)
    row = stage.database.one(
        "SELECT created_at, due_at FROM relay.agent_keys WHERE key_id = %s",
        agents.key_id(agents.read_key(rotated.file)),
    )
    assert abs(row["created_at"] - now) < timedelta(minutes=5)
    assert abs(row["due_at"] - now - timedelta(days=90)) < timedelta(minutes=5)
    assert abs(datetime.fromisoformat(document["meta"]["at"].replace("Z", "+00:00")) - now) < timedelta(minutes=5)
    retiring = stage.database.one(
        "SELECT expires_at FROM relay.agent_keys WHERE key_id = %s", agents.key_id(rotated.old)
    )
    assert abs(retiring["expires_at"] - now - timedelta(hours=24)) < timedelta(minutes=5)
    faked("block", blocked.agent, "--until", "2h", check=0)
    until = stage.database.value("SELECT until FROM relay.revocations WHERE subject_id = %s", blocked.agent)
    assert abs(until - now - timedelta(hours=2)) < timedelta(minutes=5)
    assert agents.decide(stage.database, blocked.old) == "blocked"
    tally("clock wrong by a year", 3)
