# SPDX-License-Identifier: Apache-2.0
"""An HTTP/1.1 client for tests that sends exactly the bytes it is given and tells a whole answer from a cut one."""

import select
import socket

from weft import DEADLINE


class Answer:
    """`complete`: the message was whole by its own framing. `closed`: the server closed afterwards."""

    def __init__(self, status, headers, body, complete, trailers=()):
        self.status, self.headers, self.body, self.complete, self.trailers = status, headers, body, complete, list(trailers)

    def header(self, name):
        values = [value for key, value in self.headers if key == name.lower()]
        return values[0] if values else None

    @property
    def text(self):
        return self.body.decode(errors="replace")

    def __repr__(self):
        return f"<{self.status} {self.headers} {len(self.body)} bytes{'' if self.complete else ', CUT'}: {self.body[:200]!r}>"


class Connection:
    def __init__(self, server, timeout=DEADLINE):
        self.socket = socket.create_connection((server.host, server.port), timeout=timeout)
        self._buffer = b""
        self._ended = False

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else data.encode("latin-1"))

    def is_open(self):
        """Whether the server has not closed its side. Reads what has come, and keeps it."""
        while not self._ended and select.select([self.socket], [], [], 0)[0]:
            self._more()
        return not self._ended

    def _more(self):
        if self._ended:
            return False
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        self._ended = not data
        self._buffer += data
        return not self._ended

    def _line(self):
        while b"\n" not in self._buffer:
            if not self._more():
                return None
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line.rstrip(b"\r").decode("latin-1")

    def _bytes(self, count):
        while len(self._buffer) < count and self._more():
            pass
        data, self._buffer = self._buffer[:count], self._buffer[count:]
        return data

    def _fields(self):
        fields = []
        while True:
            line = self._line()
            if line is None:
                return fields, False
            if not line:
                return fields, True
            name, _, value = line.partition(":")
            fields.append((name.strip().lower(), value.strip()))

    def answer(self, method="GET"):
        """Reads one answer; None if the connection ended before one began. 1xx answers are passed over."""
        while True:
            line = self._line()
            if line is None:
                return None
            status = int(line.split()[1])
            headers, whole = self._fields()
            if not whole:
                return Answer(status, headers, b"", False)
            if status >= 200:
                break
        answer = Answer(status, headers, b"", True)
        if method == "HEAD" or status in (204, 304):
            return answer
        if (answer.header("transfer-encoding") or "").lower() == "chunked":
            self._read_chunked(answer)
        elif answer.header("content-length") is not None:
            length = int(answer.header("content-length"))
            answer.body = self._bytes(length)
            answer.complete = len(answer.body) == length
        else:
            while self._more():
                pass
            answer.body, self._buffer = self._buffer, b""
        return answer

    def _read_chunked(self, answer):
        parts = []
        while True:
            line = self._line()
            if line is None:
                answer.complete = False
                break
            size = int(line.split(";")[0], 16)
            if size == 0:
                answer.trailers, answer.complete = self._fields()
                break
            data = self._bytes(size)
            parts.append(data)
            if len(data) < size or self._line() is None:
                answer.complete = False
                break
        answer.body = b"".join(parts)

    def ended(self):
        """True if the server closed and sent nothing more."""
        while self._more():
            pass
        return not self._buffer

    def close(self):
        self.socket.close()

    def reset(self):
        """Leaves with a RST instead of a FIN."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def request(method, target, headers=(), body=None, close=True):
    lines = [f"{method} {target} HTTP/1.1", "Host: test"]
    if close:
        lines.append("Connection: close")
    lines += [f"{name}: {value}" for name, value in headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines + ["", ""]).encode("latin-1") + (body or b"")


def fetch(server, target="/", method="GET", headers=(), body=None, timeout=DEADLINE):
    """One request on a connection of its own."""
    with Connection(server, timeout) as connection:
        connection.send(request(method, target, headers, body))
        return connection.answer(method)
