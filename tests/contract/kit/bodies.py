"""Reads the body of a request: of a stated length, or in chunks (RFC 9112). Copy it into your gateway, beside http_gateway.py.

Where a proxy in front could see another end of the body, the request is refused, and the connection ends: else the rest would be read as
the next request, and the proxy would give its answer to someone else. So lines end with CRLF alone, and there are no trailers, no second
coding, and no length beside chunks.
"""

import re

SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})(?:;[\t -~]*)?\r\n")  # of a chunk, and extensions, which mean nothing here
LONGEST_LINE = 256  # bytes
SPARE = 16 * 1024  # bytes of sizes and extensions, beyond 16 for each chunk and as many as its bytes


class Refused(Exception):
    """The status of an answer without a body."""

    def __init__(self, status):
        super().__init__(status)
        self.status = status


class Lines:
    """The stream of a connection. It remembers a line with a carriage return inside, which Python takes for the end of a header, and a proxy
    does not."""

    def __init__(self, stream):
        self.stream, self.unclear = stream, False

    def __getattr__(self, name):
        return getattr(self.stream, name)

    def readline(self, limit=-1):
        line = self.stream.readline(limit)
        self.unclear |= b"\r" in line.removesuffix(b"\r\n")
        return line


def read_body(request, longest):
    """The bytes of the body, without chunks, but as compressed as it came. Raises Refused: 400 if its end is unclear or never comes, 413 if
    it or what is around it is too long, 501 if it has another coding. Reads no more than that. `request`: its `rfile` is a Lines."""
    try:
        return body_of(request, longest)
    except Refused:
        request.close_connection = True
        raise


def body_of(request, longest):
    lengths, codings = (request.headers.get_all(name, []) for name in ("Content-Length", "Transfer-Encoding"))
    if request.rfile.unclear or request.headers.defects:  # a line that hides the next ones
        raise Refused(400)
    if codings:
        if lengths or len(codings) > 1 or request.request_version == "HTTP/1.0":
            raise Refused(400)
        if codings[0].strip("\t ").lower() != "chunked":
            raise Refused(501)
        return b"".join(chunks_of(request.rfile, longest))
    if len(lengths) > 1 or not re.fullmatch("[0-9]{1,7}", *lengths or ["0"]):
        raise Refused(400)
    length = int(*lengths or ["0"])
    if length > longest:
        raise Refused(413)
    return exactly(request.rfile, length)


def chunks_of(stream, longest):
    """Yields the chunks of a body, and takes the line after the last."""
    left, spare = longest, SPARE
    while True:
        line = stream.readline(LONGEST_LINE)
        match = SIZE.fullmatch(line)
        size = int(match[1], 16) if match else 0
        spare = min(SPARE, spare + 16 + size - len(line))
        if size > left or spare < 0 or (len(line) == LONGEST_LINE and b"\n" not in line):
            raise Refused(413)
        if not match:
            raise Refused(400)
        left -= size
        chunk = exactly(stream, size)
        if exactly(stream, 2) != b"\r\n":
            raise Refused(400)
        if size == 0:
            return
        yield chunk


def exactly(stream, size):
    found = stream.read(size)
    if len(found) != size:
        raise Refused(400)
    return found
