"""The smallest gateway of the kit accepts whom it should, and no one else."""

import shutil
import subprocess

from support import agents, gateways

AGENT = "payment-processor"


def test_the_smallest_gateway_lets_in_whom_it_should(relay, database, tmp_path):
    key = agents.first_agent(relay, tmp_path / "key", org="acme-corp", agent=AGENT)
    python = shutil.which("python3", path="/usr/bin")
    environment = {"PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"} | gateways.connection_variables(
        database, user=database.gateway_login()
    )

    def ask(key, agent=AGENT):
        done = subprocess.run(
            [python, gateways.KIT / "check_key.py", agent], input=key + "\n", capture_output=True, text=True,
            env=environment, timeout=60, check=False,
        )  # fmt: skip
        assert done.stderr == ""
        return done.returncode, done.stdout.split()

    relay("agent", "update", AGENT, "--add-permission", "stripe:create_payment", check=0)
    assert ask(key) == (0, ["ok", "acme-corp", "stripe:create_payment"])
    assert ask(key, "somebody-else")[1][0] == "agent_mismatch"
    wrong = key[:30] + ("a" if key[30] != "a" else "b") + key[31:]
    assert ask(wrong) == (1, ["malformed", "-"])
    relay("block", AGENT, check=0)
    assert ask(key)[1][0] == "blocked"
    assert database.value("SELECT count(*) FROM relay.auth_events WHERE action = 'authenticated'") >= 1
