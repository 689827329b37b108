"""A Chromium that a test drives: pages that stay open, over the DevTools protocol on a pipe (file descriptors 3 and 4)."""

import itertools
import json
import os
import shutil
import subprocess
import tempfile

from . import binaries
from .processes import wait_until


class Browser:
    """One browser with one profile; its tabs share their storage. Names resolve only to loopback. A context manager."""

    def __init__(self):
        self._profile = tempfile.mkdtemp(prefix="chromium-")
        self._ids = itertools.count(1)
        to_read, self._out = os.pipe()
        self._in, to_write = os.pipe()

        def place():  # the child's ends become 3 and 4, whatever numbers they have
            for target, source in ((3, os.dup(to_read)), (4, os.dup(to_write))):
                os.dup2(source, target)

        self.process = subprocess.Popen(
            [binaries.tool("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run"]
            + ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--disable-extensions"]
            + ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", f"--user-data-dir={self._profile}", "--remote-debugging-pipe"]
            + ["about:blank"],
            env={"PATH": os.environ["PATH"], "HOME": self._profile, "LC_ALL": "C.UTF-8"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=place,
            pass_fds=(3, 4),
            start_new_session=True,
        )
        os.close(to_read)
        os.close(to_write)
        self._rest = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._out)
        os.close(self._in)  # Chromium ends with its pipe
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._profile, ignore_errors=True)

    def call(self, method, session=None, **parameters):
        """Returns the result of one command; an error there is an error here."""
        number = next(self._ids)
        message = {"id": number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._rest:
                part = os.read(self._in, 65536)
                if not part:
                    raise RuntimeError("Chromium has ended")
                self._rest += part
            line, _, self._rest = self._rest.partition(b"\0")
            said = json.loads(line)
            if said.get("id") == number:
                if "error" in said:
                    raise RuntimeError(f"{method}: {said['error']}")
                return said["result"]

    def tab(self, url):
        """A new Tab with this page, loaded."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        tab = Tab(self, self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"])
        tab.go(url)
        return tab


class Tab:
    """A page that is open."""

    def __init__(self, browser, session):
        self.browser, self.session = browser, session

    def go(self, url):
        self.browser.call("Page.navigate", self.session, url=url)
        wait_until(lambda: self.run("document.readyState") == "complete" and self.run("location.href") != "about:blank", what="the page")

    def run(self, script):
        """The value of an expression, awaited."""
        said = self.browser.call("Runtime.evaluate", self.session, expression=script, awaitPromise=True, returnByValue=True)
        if "exceptionDetails" in said:
            raise RuntimeError(said["exceptionDetails"]["exception"].get("description", str(said)))
        return said["result"].get("value")

    def text(self, element):
        """What a person reads in the element with this id."""
        return self.run(f"document.getElementById({json.dumps(element)}).textContent")

    def type(self, element, text):
        """Types into the field with this id, as keys would."""
        self.run(f"document.getElementById({json.dumps(element)}).focus(); document.getElementById({json.dumps(element)}).select()")
        self.browser.call("Input.insertText", self.session, text=text)

    def press_enter(self):
        for kind in ("keyDown", "keyUp"):
            self.browser.call("Input.dispatchKeyEvent", self.session, type=kind, key="Enter", code="Enter", text="\r" if kind == "keyDown" else "",
                              windowsVirtualKeyCode=13)  # fmt: skip
