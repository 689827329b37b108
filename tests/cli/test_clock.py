"""A machine whose clock is wrong: only the clock of the database counts, which all gateways share."""

import os
import subprocess
from datetime import datetime, timezone

import pytest
from support import binaries
from support.agents import decide, first_agent

WRONG_CLOCK = r"""
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
extern "C" int clock_gettime(clockid_t id, timespec *at) {
    long const result = syscall(SYS_clock_gettime, id, at);
    at->tv_sec += id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE ? SHIFT : 0;
    return static_cast<int>(result);
}
extern "C" time_t time(time_t *at) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    return at != nullptr ? *at = now.tv_sec : now.tv_sec;
}
extern "C" int gettimeofday(timeval *at, void *) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    *at = {now.tv_sec, now.tv_nsec / 1000};
    return 0;
}
"""


@pytest.fixture(params=[1, -1], ids=["a year ahead", "a year behind"])
def astray(request, relay, tmp_path):
    """The program on a machine whose clock is wrong by a year."""
    (tmp_path / "clock.cpp").write_text(WRONG_CLOCK)
    shim = tmp_path / "clock.so"
    compiler = [
        binaries.tool("g++"),
        "-shared",
        "-fPIC",
        f"-DSHIFT={request.param * 365 * 86400}",
        tmp_path / "clock.cpp",
        "-o",
        shim,
    ]
    subprocess.run(compiler, check=True)
    seen = subprocess.run(["date", "+%Y"], env={"LD_PRELOAD": str(shim)}, stdout=subprocess.PIPE, check=True).stdout
    assert int(seen) != datetime.now(timezone.utc).year
    asan = os.environ.get("ASAN_OPTIONS", "")
    return relay.with_(env={"LD_PRELOAD": str(shim), "ASAN_OPTIONS": f"{asan}:verify_asan_link_order=0"})


def test_only_the_clock_of_the_database_counts(astray, relay, database, tmp_path):
    key = first_agent(astray, tmp_path / "bot.key")
    assert decide(database, key) == "ok"
    assert astray.json("rotate-key", "bot", "--if-older-than", "1d", "--secret-file", "k1")["changed"] is False
    database.execute("UPDATE relay.agent_keys SET created_at = created_at - interval '2 days'")
    assert (
        astray.json("rotate-key", "bot", "--if-older-than", "1d", "--grace", "1h", "--secret-file", "k1")["changed"]
        is True
    )
    assert decide(database, key) == decide(database, (tmp_path / "k1").read_text()) == "ok"
    left = "SELECT extract(epoch FROM expires_at - now())::int FROM relay.agent_keys WHERE state = 'retiring'"
    assert 3500 < database.value(left) <= 3600
    astray("block", "bot", "--until", "2h", check=0)
    assert 7100 < database.value("SELECT extract(epoch FROM until - now())::int FROM relay.revocations") <= 7200
    soon = database.value("SELECT now() + interval '1 hour'").astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    create = ["agent", "create", "--org", "acme", "--name", "x", "--expires"]
    assert relay.json(*create, soon, "--secret-file", "x1")["data"]["expires_at"][:19] == soon[:19]
    assert astray.json(*create, soon, "--secret-file", "x2")["data"]["expires_at"][:19] == soon[:19]
    past = database.value("SELECT now() - interval '1 hour'").astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    for runner in (relay, astray):
        assert runner(*create, past, "--secret-file", "x3").code in (2, 5)
    assert not (tmp_path / "x3").exists()
    for words in (["agent", "show", "bot"], ["agent", "list"], ["key", "list"]):
        assert astray(*words, check=0).out == relay(*words, check=0).out
