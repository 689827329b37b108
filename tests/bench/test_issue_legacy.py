"""The cost of issuing a whole fleet its keys: `migrate-legacy issue` of 100 000 agents, as a ratio to psql that writes
the same rows from a staging table in the same batches; the cost of a folder of files; and the memory of `issue` and
`import`, which must not grow with the fleet.

The program is the release build. Each pair runs back to back on fresh copies of one database; minting, hashing and delivery are ours alone."""

import json
import os
import statistics

import pytest

from legacy_fleet import SETTINGS, listed, run, same_writes, write_files
from support.cluster import Cluster
from support.database import Database, make_template
from support.relay import clean_environment
from test_one_shot import program

AGENTS, BATCH = 100_000, 1000
ROUNDS = 5
ISSUE_MUST = 1.25
PEAK_MUST = 24 * 1024  # KiB
IMPORTED = 40_000  # more than import remembers
FILES = 20_000


@pytest.fixture(scope="module")
def server():
    with Cluster(settings=SETTINGS, name="bench") as running:
        yield running


@pytest.fixture
def issue(tmp_path):
    """Runs `migrate-legacy issue --all` on a database."""

    def run_it(database, *sink):
        env = {**clean_environment(tmp_path), "RELAY_ADMIN_DSN": database.dsn()}
        return run([os.environ["RELAY_ADMIN"], "migrate-legacy", "issue", "--all", "--json", *map(str, sink)], env, tmp_path)

    return run_it


class Copies:
    """Fresh databases, each like the first."""

    def __init__(self, server, original):
        self.server, self.name = server, original.name
        original._connection.close()
        original._connection = None

    def use(self, work):
        """Returns the result of `work(copy)`, a run that must have issued a key to each agent."""
        made = Database(self.server, template=self.name)
        try:
            done = work(made)
            assert done.code == 0, done
            assert made.value("SELECT count(*) = count(issued_key) FROM relay.legacy_agents"), "an agent without a key"
            return done
        finally:
            made.drop()


def lines(tmp_path, name):
    return ("--secret-file", tmp_path / name, "--secret-format", "json")


def test_a_fleet_gets_its_keys_near_the_speed_of_plain_sql(server, issue, tmp_path, capsys):
    copies = Copies(server, listed(server, AGENTS, batch=BATCH))
    script = same_writes(tmp_path / "same.sql", range(AGENTS // BATCH))
    ours, peer = [], []
    for number in range(ROUNDS):
        ours.append(copies.use(lambda database, n=number: issue(database, *lines(tmp_path, f"keys{n}.jsonl"))))
        peer.append(copies.use(lambda database: run([program("psql"), "-X", "-q", "-d", database.dsn(), "-f", str(script)])))
    fewer = Copies(server, listed(server, FILES))
    folder = fewer.use(lambda database: issue(database, "--secrets-dir", tmp_path / "out"))
    (tmp_path / "plain").mkdir()
    files = write_files(tmp_path / "plain", FILES // BATCH, BATCH)
    ratios = [a.wall / b.wall for a, b in zip(ours, peer)]
    ratio, wall = statistics.median(ratios), statistics.median(each.wall for each in ours)
    with capsys.disabled():
        print(f"\nissue of {AGENTS} agents to JSON lines: {ratio:.2f} of plain SQL ({', '.join(f'{each:.2f}' for each in ratios)}; must be <="
              f" {ISSUE_MUST:.2f}); {wall:.1f} s, {max(each.peak for each in ours) / 1024:.1f} MB at most")  # fmt: skip
        lines_of_as_many = wall * FILES / AGENTS
        print(f"to a folder of {FILES} files: {folder.wall / lines_of_as_many:.1f} of as many lines, {folder.wall:.1f} s, {folder.peak / 1024:.1f} MB;"
              f" plain files with one syncfs a batch take {files:.1f} s, {files / lines_of_as_many:.1f} of it")  # fmt: skip
    assert max(each.peak for each in (*ours, folder)) <= PEAK_MUST
    assert len(list((tmp_path / "out").iterdir())) == FILES
    assert ratio <= ISSUE_MUST


def test_memory_is_that_of_a_batch(server, issue, tmp_path, capsys):
    few = Copies(server, listed(server, 1000))
    small = [few.use(lambda database: issue(database, *sink)) for sink in (lines(tmp_path, "few"), ("--secrets-dir", tmp_path / "few.d"))]
    source = tmp_path / "agents.csv"
    row = "Agent.{n:0100},org-{o},\"Agent number {n}\",\"stripe:create_payment,crm:*\",team-{o}\n"
    source.write_text("agent_id,org_id,name,permissions,owner\n" + "".join(row.format(n=n, o=n // 1000) for n in range(IMPORTED))
                      + row.format(n=0, o=0) + row.format(n=1, o=0).replace("Agent number", "Other"))  # fmt: skip
    bad = tmp_path / "bad.csv"
    bad.write_text("agent_id,org_id\n" + "".join(f"no such id {n},o\n" for n in range(IMPORTED)))
    database = Database(server, template=make_template(server))
    env = {**clean_environment(tmp_path), "RELAY_ADMIN_DSN": database.dsn()}
    words = [os.environ["RELAY_ADMIN"], "migrate-legacy", "import", "--create-orgs", "--json"]
    good, refused = run([*words, str(source)], env), run([*words, str(bad)], env)
    database.drop()
    told = json.loads(good.out)["data"]  # rows from that far back are not remembered: the database knows them
    assert (good.code, told["imported"], told["unchanged"], told["refused"], refused.code) == (7, IMPORTED, 1, 1, 7)
    assert "a different name" in told["faults"][0]["reason"]
    with capsys.disabled():
        print(f"\nmemory at most: issue of 1000 {', '.join(f'{each.peak / 1024:.1f}' for each in small)} MB (lines, folder); import of {IMPORTED} "
              f"rows {good.peak / 1024:.1f} MB, of as many bad ones {refused.peak / 1024:.1f} MB; {IMPORTED / good.wall:.0f} rows a second")  # fmt: skip
    assert max(each.peak for each in (*small, good, refused)) <= PEAK_MUST
