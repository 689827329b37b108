"""A web service that keeps secrets, and answers as GitHub, GitLab, Kubernetes and Vault document it, at its worst.

- GitHub, `PUT repos/O/R/actions/secrets/NAME`: takes a sealed box made with the repository's public key, 201 for a new
  secret, 204 for one that it replaces, 422 without a `key_id` that is the repository's. It never shows a value.
- GitLab, `PUT projects/N/variables/NAME` with a form: 200, and the answer contains the value; 404 for one that does not exist.
  `POST projects/N/variables` with a form creates one: 201; 400 for one that exists.
- Kubernetes, `PATCH namespaces/N/secrets/NAME`: a server-side apply; 409 if the manifest has an old resourceVersion, 201 or 200
  with the whole Secret.
- Vault, `POST secret/data/...`: 200 with the number of the version."""

import base64
import http.server
import json
import re
import threading
from email import message_from_bytes

import nacl.public
import yaml

REFUSE, HANG, TAKE_AND_HANG, TAKE_AND_FAIL, HALF, LATE, AFTER_TIMEOUT, TWICE = FAULTS = (
    "refuses", "hangs", "takes it and hangs", "takes it and fails", "answers half", "takes it late", "takes it after the time-out",
    "takes it twice",
)  # fmt: skip
"""What a store does with the next key: `takes it late` fails now, and holds the key when it has arrived, `takes it after the time-out`
does so without a word; `takes it twice` works, and takes the same key again when it arrives."""

HANGING = (HANG, TAKE_AND_HANG, AFTER_TIMEOUT)
ARRIVING = (LATE, AFTER_TIMEOUT, TWICE)
"""After these, the key is still on its way."""
FAILING = tuple(fault for fault in FAULTS if fault != TWICE)


class WebStore:
    """`held`: {name: value}, as clients read it. `faults`: {name: what it does with the next one}."""

    def __init__(self):
        self.held, self.faults, self._arriving, self._version = {}, {}, {}, 0
        self.box = nacl.public.PrivateKey.generate()
        self._released = threading.Event()
        store = self

        class Handler(_Handler):
            pass

        Handler.store = store
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def arrive(self, name):
        """A value that is on its way arrives now, over whatever it holds. Returns False if there is none."""
        value = self._arriving.pop(name, None)
        if value is not None:
            self.held[name] = value
        return value is not None

    def take(self, name, value, document):
        """What a write does. Returns (code, document), or None if it answers nothing."""
        fault = self.faults.pop(name, None)
        new = name not in self.held
        if fault in ARRIVING:
            self._arriving[name] = value
        if fault not in (REFUSE, HANG, LATE, AFTER_TIMEOUT):
            self.held[name] = value
            self._version += 1
        if fault in HANGING:
            self._released.wait(60)
            return None, None
        if fault in (REFUSE, LATE, TAKE_AND_FAIL):
            return 502, {"message": "Bad Gateway"}
        return (201 if new else 200), document

    @property
    def version(self):
        """The resourceVersion of what was written last."""
        return str(self._version)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """One request; `store` is the WebStore."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, name, store = *self._place(), self.store
        if path.endswith("/actions/secrets/public-key"):
            key = base64.b64encode(bytes(store.box.public_key)).decode()
            return self._answer(200, {"key_id": "77", "key": key})
        if "/actions/" in path or name not in store.held:
            return self._answer(404, {"message": "404 Not Found"})
        return self._answer(200, self._shown(path, name, store.held[name]))

    def do_PUT(self):
        path, name = self._place()
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if path.endswith("/variables"):
            name = self._form(body)["key"]
            if name in self.store.held:
                return self._answer(400, {"message": {"key": [f"({name}) has already been taken"]}})
            path = f"{path}/{name}"
        half = self.store.faults.get(name) == HALF
        value, refusal = self._value(path, name, body)
        if refusal:
            return self._answer(*refusal)
        code, document = self.store.take(name, value, self._shown(path, name, value))
        if code is None:
            self.close_connection = True
            return None
        if "/actions/" in path and code == 200 and not half:
            code, document = 204, None
        return self._answer(code, document, half=half)

    do_PATCH = do_POST = do_PUT

    def _place(self):
        path = self.path.partition("?")[0]
        return path, path.rpartition("/")[2]

    def _value(self, path, name, body):
        """Returns (the value in a request, None), or (None, the refusal)."""
        if "/actions/" in path:
            given = json.loads(body)
            if given.get("key_id") != "77":
                return None, (422, {"message": "Invalid request. \"key_id\" wasn't supplied."})
            return given["encrypted_value"], None
        if "/variables/" in path:
            if name not in self.store.held and self.command == "PUT":
                return None, (404, {"message": "404 Variable Not Found"})
            return self._form(body)["value"], None
        if "/api/v1/" in path:
            manifest = yaml.safe_load(body)
            assert manifest["kind"] == "Secret" and manifest["metadata"]["name"] == name, manifest
            if manifest["metadata"].get("resourceVersion", self.store.version) != self.store.version:
                return None, (409, {"kind": "Status", "reason": "Conflict"})
            return base64.b64decode(manifest["data"]["RELAY_API_KEY"]).decode(), None
        return json.loads(body)["data"]["key"], None

    def _form(self, body):
        """The fields of a form."""
        head = f"Content-Type: {self.headers['Content-Type']}\r\n\r\n".encode()
        parts = message_from_bytes(head + body).get_payload()
        return {part.get_param("name", header="content-disposition"): part.get_payload() for part in parts}

    def _shown(self, path, name, value):
        """The document in which a service shows a value."""
        if "/variables/" in path:
            return {"variable_type": "env_var", "key": name, "value": value, "masked": True}
        if "/api/v1/" in path:
            data = {"RELAY_API_KEY": base64.b64encode(value.encode()).decode()}
            metadata = {"name": name, "resourceVersion": self.store.version}
            return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data}
        return {"data": {"data": {"key": value}}} if re.match("GET", self.command) else {}

    def _answer(self, code, document, *, half=False):
        body = b"" if document is None else json.dumps(document).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body) + 10 if half else len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2] if half else body)
        self.close_connection = half

    def log_message(self, *_):
        pass
