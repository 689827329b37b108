"""Runs pgbench scripts in turn, round by round, and compares their transactions per second: a ratio holds where the
machine's speed drifts."""

import re
import statistics
import subprocess

from support.binaries import client_bin


class Script:
    """One prepared statement with `:n`, a random number in 1..most, and the variables given to `run`."""

    def __init__(self, folder, name, sql, *, most=1000):
        self.name = name
        self.path = folder / f"{name.replace(' ', '_')}.sql"
        self.path.write_text(f"\\set n random(1, {most})\n{sql};\n")

    def run(self, database, *, transactions, clients=1, variables=()):
        """Returns the transactions per second; an error in any transaction fails the run."""
        argv = [str(client_bin() / "pgbench"), "-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-t", str(transactions // clients)]
        for name, value in dict(variables).items():
            argv += ["-D", f"{name}={value}"]
        done = subprocess.run([*argv, "-f", str(self.path), database.dsn()], capture_output=True, text=True, check=True)
        assert re.search(r"failed transactions: 0 ", done.stdout) or "failed" not in done.stdout, done.stdout
        return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])


class Ratios:
    """The transactions per second of each member, per round; `of(a, b)` is the median of the rounds' ratios."""

    def __init__(self, rounds):
        self.rounds = rounds

    def of(self, ours, peer):
        return statistics.median(each[ours] / each[peer] for each in self.rounds)

    def text(self, ours, peer):
        """The median with the quartiles: `0.52 (0.49 to 0.55)`."""
        low, middle, high = statistics.quantiles((each[ours] / each[peer] for each in self.rounds), n=4)
        return f"{middle:.2f} ({low:.2f} to {high:.2f})"

    def tps(self, name):
        return statistics.median(each[name] for each in self.rounds)


def race(members, *, rounds, **options):
    """Runs each of `members` {name: (script, database, transactions)} once per round, after a round that does not
    count."""
    found = []
    for _ in range(rounds + 1):
        found.append({name: script.run(database, transactions=number, **options) for name, (script, database, number) in members.items()})
    return Ratios(found[1:])
