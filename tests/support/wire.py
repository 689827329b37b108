"""PostgreSQL's wire protocol 3.0, as far as a proxy needs it: the end, the name and the content of a message.

Source: PostgreSQL documentation, chapter 55 "Frontend/Backend Protocol" (55.7, message formats).
"""

import struct
from dataclasses import dataclass, field

SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
PROTOCOL_3 = 196608

FRONTEND, BACKEND = "F", "B"

FRONTEND_NAMES = {
    b"Q": "Query", b"P": "Parse", b"B": "Bind", b"E": "Execute", b"D": "Describe", b"C": "Close", b"S": "Sync",
    b"H": "Flush", b"X": "Terminate", b"p": "Password", b"d": "CopyData", b"c": "CopyDone",
    b"f": "CopyFail", b"F": "FunctionCall",
}  # fmt: skip
BACKEND_NAMES = {
    b"R": "Authentication", b"S": "ParameterStatus", b"K": "BackendKeyData", b"Z": "ReadyForQuery",
    b"T": "RowDescription", b"D": "DataRow", b"C": "CommandComplete", b"E": "ErrorResponse", b"N": "NoticeResponse",
    b"1": "ParseComplete", b"2": "BindComplete", b"3": "CloseComplete", b"n": "NoData", b"I": "EmptyQueryResponse",
    b"t": "ParameterDescription", b"s": "PortalSuspended", b"G": "CopyInResponse", b"H": "CopyOutResponse",
    b"d": "CopyData", b"c": "CopyDone", b"A": "NotificationResponse",
}  # fmt: skip


@dataclass(frozen=True)
class Message:
    """One message on its way. `number` counts from 1 in each direction of each connection; the startup packet is F1."""

    connection: int
    direction: str
    number: int
    name: str
    raw: bytes = field(repr=False)

    @property
    def payload(self):
        """The message without its type byte and length."""
        return self.raw[4:] if self.name in ("Startup", "Cancel") else self.raw[5:]

    @property
    def sql(self):
        """The statement of a Query or Parse, else ''."""
        if self.name == "Query":
            return self.payload.rstrip(b"\0").decode("utf-8", "replace")
        if self.name == "Parse":
            return self.payload.split(b"\0")[1].decode("utf-8", "replace")
        return ""

    @property
    def is_commit(self):
        """True for the statement that commits."""
        return self.sql.strip().rstrip(";").upper() in ("COMMIT", "END", "COMMIT TRANSACTION", "COMMIT WORK")

    @property
    def place(self):
        """Short text for a report: F7 Query."""
        return f"{self.direction}{self.number} {self.name}"


def backend_pid(message):
    """The process id in a BackendKeyData."""
    return struct.unpack("!I", message.payload[:4])[0]


class Framer:
    """Cuts the byte stream of one direction into messages."""

    def __init__(self, connection, direction):
        self._connection = connection
        self._direction = direction
        self._buffer = bytearray()
        self._number = 0
        # Only the frontend starts with packets that have no type byte.
        self._untyped = direction == FRONTEND

    def feed(self, data):
        """Takes received bytes; yields each message that is complete."""
        self._buffer += data
        while True:
            head = 0 if self._untyped else 1
            if len(self._buffer) < head + 4:
                return
            end = head + struct.unpack_from("!I", self._buffer, head)[0]
            if len(self._buffer) < end:
                return
            raw = bytes(self._buffer[:end])
            del self._buffer[:end]
            yield self._message(raw)

    def _message(self, raw):
        if not self._untyped:
            self._number += 1
            names = FRONTEND_NAMES if self._direction == FRONTEND else BACKEND_NAMES
            return Message(self._connection, self._direction, self._number, names.get(raw[:1], repr(raw[:1])), raw)
        code = struct.unpack_from("!I", raw, 4)[0]
        if code in (SSL_REQUEST, GSS_REQUEST):
            return Message(self._connection, self._direction, 0, "EncryptionRequest", raw)
        self._untyped = False
        self._number = 1
        return Message(self._connection, self._direction, 1, "Cancel" if code == CANCEL_REQUEST else "Startup", raw)
