"""A server on loopback that tries to get the password: it speaks PostgreSQL's protocol up to the login, as a script says.

It keeps every byte that a client sends, after TLS as clear text. Messages: PostgreSQL manual, "Message Formats".
"""

import contextlib
import socket
import ssl
import struct
import threading

SSL_REQUEST = struct.pack("!ii", 8, 80877103)
CLEAR, MD5, SASL = 3, 5, 10


def message(kind, payload):
    """A message of the server, with type and length."""
    return kind + struct.pack("!i", len(payload) + 4) + payload


def ask(code, extra=b""):
    """An authentication request."""
    return message(b"R", struct.pack("!i", code) + extra)


CLEAR_REQUEST = ask(CLEAR)
MD5_REQUEST = ask(MD5, b"salt")
SASL_REQUEST = ask(SASL, b"SCRAM-SHA-256\0\0")


def refusal(sqlstate, text):
    """An error that ends the login."""
    return message(b"E", b"".join(part + b"\0" for part in (b"SFATAL", b"VFATAL", b"C" + sqlstate, b"M" + text)) + b"\0")


class HostileServer:
    """`answer(connection, number)` plays the part of the server after the startup message; `tls` is an SSLContext or None."""

    def __init__(self, answer, tls=None):
        self.answer = answer
        self.tls = tls
        self.heard = []  # for each connection, what it sent after the startup message
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._listener.close()

    @property
    def dsn(self):
        return f"host=127.0.0.1 port={self.port} dbname=relay user=ana"

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                connection.settimeout(3)
                with contextlib.suppress(OSError):
                    self._talk(connection)
                connection.close()

    def _talk(self, connection):
        heard = bytearray()
        self.heard.append(heard)
        first = connection.recv(4096)
        if first == SSL_REQUEST:
            connection.sendall(b"S" if self.tls else b"N")
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            first = connection.recv(4096)
        if not first:
            return
        self.answer(connection, len(self.heard))
        while part := connection.recv(4096):
            heard += part
