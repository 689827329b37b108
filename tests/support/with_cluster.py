"""Runs a program beside a private PostgreSQL, for tests in C++: `with_cluster.py PROGRAM [ARG...]`.

The program finds a superuser's conninfo of the cluster, without a database name, in RELAY_TEST_DSN. Exits with the program's code."""

import os
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import surroundings  # noqa: E402
from support.cluster import Cluster  # noqa: E402


def main(command):
    surroundings.isolate()
    with Cluster() as cluster:
        dsn = f"host={cluster.host} port={cluster.port} user=postgres"
        return subprocess.run(command, env=dict(os.environ, RELAY_TEST_DSN=dsn), check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
