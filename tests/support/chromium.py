"""A real browser without a window: how it reads a page, how the page looks, and its requests to the network."""

import os
import struct
import subprocess
import tempfile
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from . import binaries


class Chromium:
    """Opens files in a separate profile; names resolve only to loopback, and nothing but the page's own requests is
    fetched."""

    def __init__(self, folder):
        self._folder = folder

    def _run(self, page, *flags):
        with tempfile.TemporaryDirectory(prefix="chromium-", dir=self._folder, ignore_cleanup_errors=True) as profile:
            done = subprocess.run(
                # Its sandbox needs namespaces that root and containers do not give it; it opens only our own pages.
                [binaries.tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
                + ["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
                + ["--disable-extensions", "--hide-scrollbars", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]
                + [f"--user-data-dir={profile}", *flags, page.as_uri()],
                env={"PATH": os.environ["PATH"], "HOME": profile, "LC_ALL": "C.UTF-8"},
                capture_output=True,
                timeout=60,
                check=False,
            )
        assert done.returncode == 0, done.stderr.decode("utf-8", "replace")
        return done.stdout.decode("utf-8")

    def dom(self, page):
        """Returns the document after loading, with the changes of its scripts, as HTML."""
        return self._run(page, "--dump-dom")

    def picture(self, page, *, size=(700, 500), dark=False):
        """The page as it is drawn, from its top: a Picture."""
        target = self._folder / f"{page.stem}-{'dark' if dark else 'light'}.png"
        scheme = ["--blink-settings=preferredColorScheme=0"] if dark else []
        self._run(page, f"--window-size={size[0]},{size[1]}", f"--screenshot={target}", *scheme)
        return Picture(target.read_bytes())


class Picture:
    """The pixels of a PNG of 8 bits a channel, as (red, green, blue): what Chromium writes."""

    def __init__(self, png):
        assert png.startswith(b"\x89PNG\r\n\x1a\n")
        chunks, at = {}, 8
        while at < len(png):
            (length,) = struct.unpack(">I", png[at : at + 4])
            chunks.setdefault(png[at + 4 : at + 8], bytearray()).extend(png[at + 8 : at + 8 + length])
            at += length + 12
        self.width, self.height, depth, kind, *_, interlaced = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
        assert (depth, interlaced) == (8, 0) and kind in (2, 6), "an unexpected form of PNG"
        size = 3 if kind == 2 else 4
        self.pixels = []
        data, line = zlib.decompress(bytes(chunks[b"IDAT"])), bytearray(self.width * size)
        for row in range(self.height):
            begin = row * (len(line) + 1)
            line = _unfilter(data[begin], bytearray(data[begin + 1 : begin + 1 + len(line)]), line, size)
            self.pixels += [tuple(line[x : x + 3]) for x in range(0, len(line), size)]

    def count(self, color):
        """How many pixels have exactly this color, '#rrggbb'."""
        wanted = tuple(bytes.fromhex(color[1:]))
        return sum(pixel == wanted for pixel in self.pixels)


def _unfilter(kind, line, above, size):
    """Undoes a row's filter. Source: PNG (ISO/IEC 15948), section 9."""
    for i in range(len(line)):
        left = line[i - size] if i >= size else 0
        corner = above[i - size] if i >= size else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + above[i]) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            guess = left + above[i] - corner
            line[i] = (line[i] + min((left, above[i], corner), key=lambda near: abs(guess - near))) & 255
    return line


class Listener:
    """A web server on loopback that keeps the paths that it was asked for."""

    def __init__(self):
        asked = self.asked = []

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):  # noqa: N802
                asked.append(self.path)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self):
        self._server.shutdown()
        self._server.server_close()
