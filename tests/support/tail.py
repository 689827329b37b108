"""A running `audit tail`."""

import json
import os
import select
import signal
import time


class Tail:
    """A running `audit tail -o jsonl --lines 0`, its lines taken one by one."""

    def __init__(self, relay, *words):
        self.process = relay.start("audit", "tail", "-o", "jsonl", "--lines", "0", *words)
        self.buffers = {self.process.stdout: b"", self.process.stderr: b""}
        self.hears("following the audit trail")

    def _read(self, stream, end):
        ready, _, _ = select.select([stream], [], [], max(0, end - time.monotonic()))
        chunk = os.read(stream.fileno(), 65536) if ready else b""
        self.buffers[stream] += chunk
        return chunk

    def hears(self, words, timeout=60):
        end = time.monotonic() + timeout
        while words.encode() not in self.buffers[self.process.stderr]:
            assert time.monotonic() < end and self._read(self.process.stderr, end), self.buffers

    def actions(self, number, timeout=60):
        """The actions of the next events."""
        stream, end = self.process.stdout, time.monotonic() + timeout
        while self.buffers[stream].count(b"\n") < number:
            assert time.monotonic() < end and self._read(stream, end), self.buffers
        *lines, self.buffers[stream] = self.buffers[stream].split(b"\n", number)
        return [json.loads(line)["action"] for line in lines]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.communicate(timeout=60)
