"""Times two commands in turn, whole processes from outside, and compares them pair by pair: a ratio holds where the machine's speed drifts."""

import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path


def cpu(pid):
    """Seconds that a process has run on a CPU, exact to the microsecond: other work on the machine does not count."""
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9


@dataclass
class Timing:
    """One finished run: seconds of wall time, seconds of CPU with its children's, exit code."""

    wall: float
    cpu: float
    code: int


def run_once(argv, env):
    """Runs `argv` with its output thrown away, as posix_spawn starts it: nothing of ours is in between."""
    null = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
        (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
    ]
    start = time.perf_counter()
    pid = os.posix_spawn(argv[0], argv, env, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    return Timing(time.perf_counter() - start, usage.ru_utime + usage.ru_stime, os.waitstatus_to_exitcode(status))


@dataclass
class Comparison:
    """`ours` and `peer`, round by round; `ratio` is the median of the pairs' ratios, `quartiles` frame its middle half."""

    ours: list
    peer: list

    @property
    def ratios(self):
        return [a.wall / b.wall for a, b in zip(self.ours, self.peer)]

    @property
    def ratio(self):
        return statistics.median(self.ratios)

    @property
    def quartiles(self):
        low, _, high = statistics.quantiles(self.ratios, n=4)
        return low, high

    def line(self, name, must):
        low, high = self.quartiles
        ours = statistics.median(t.wall for t in self.ours) * 1000
        peer = statistics.median(t.wall for t in self.peer) * 1000
        cpu = statistics.median(t.cpu for t in self.ours) * 1000
        peer_cpu = statistics.median(t.cpu for t in self.peer) * 1000
        return (
            f"{name}: {self.ratio:.2f} of the peer (middle half {low:.2f} to {high:.2f}; must be <= {must:.2f}), "
            f"{len(self.ours)} rounds; wall {ours:.1f} against {peer:.1f} ms, client cpu {cpu:.1f} against {peer_cpu:.1f} ms"
        )


def measured(measure, passes, series=3):
    """Returns the first result of `measure()` that passes, or the last of the given number of tries: other load comes
    and goes, a loss of speed stays."""
    for _ in range(series):
        result = measure()
        if passes(result):
            break
    return result


def compare(ours, peer, *, rounds, warmup=3, code=0):
    """Runs the two in turn; each is a function of the round's number that returns (argv, env). Every run must end with
    `code`."""
    results = Comparison([], [])
    for number in range(-warmup, rounds):
        pair = [run_once(*command(number + warmup)) for command in (ours, peer)]
        assert all(timing.code == code for timing in pair), f"round {number}: exit codes {[timing.code for timing in pair]}"
        if number >= 0:
            results.ours.append(pair[0])
            results.peer.append(pair[1])
    return results
