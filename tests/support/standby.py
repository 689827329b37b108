"""A streaming standby of a Cluster: stop it, kill it, freeze it, promote it."""

import os
import signal

from . import processes
from .base_backup import copy_running
from .cluster import Server


class Standby(Server):
    """A copy of `primary` that follows it by streaming replication under its own name."""

    def __init__(self, primary, *, name, **options):
        super().__init__(name=name, **options)
        self.settings.setdefault("wal_retrieve_retry_interval", "200ms")  # it soon finds a primary that is back
        self.environment.update(primary.environment)  # the same clock
        self.primary = primary
        copy_running(primary, self.data)
        source = f"host={primary.host} port={primary.port} user=postgres application_name={name}"
        (self.data / "standby.signal").touch()
        # The ALTER SYSTEM settings of the primary come with the copy; once promoted, it must not wait for itself.
        with open(self.data / "postgresql.auto.conf", "a", encoding="utf-8") as settings:
            settings.write(f"synchronous_standby_names = ''\nprimary_conninfo = '{source}'\n")

    def wait_streaming(self):
        """Waits until the primary sends to this standby, and has heard from it how far it is."""
        sql = (
            "SELECT 1 FROM pg_stat_replication WHERE application_name = %s AND state = 'streaming'"
            " AND replay_lsn IS NOT NULL"
        )
        processes.wait_until(lambda: self.primary.query(sql, (self.name,)), what=f"{self.name} to stream")
        return self

    def wait_caught_up(self):
        """Waits until all that the primary has written so far can be read here."""
        (target,) = self.primary.query("SELECT pg_current_wal_lsn()")[0]
        sql = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
        processes.wait_until(lambda: self.query(sql, (target,))[0][0], what=f"{self.name} to catch up")
        return self

    def promote(self):
        """Makes it a separate primary; returns when it accepts writes."""
        self.query("SELECT pg_promote(true, 60)")
        processes.wait_until(
            lambda: not self.query("SELECT pg_is_in_recovery()")[0][0], what=f"{self.name} to be promoted"
        )
        return self

    def freeze(self):
        """SIGSTOP to the standby and all its processes: connected, but silent."""
        self._signal_all(signal.SIGSTOP)

    def thaw(self):
        """SIGCONT after freeze()."""
        self._signal_all(signal.SIGCONT)

    def _signal_all(self, number):
        for pid in [self.process.pid, *processes.children_of(self.process.pid)]:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                continue

    def stop(self, mode="fast", timeout=60):
        if self.is_running():
            self.thaw()
        super().stop(mode, timeout)
