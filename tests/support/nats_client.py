# SPDX-License-Identifier: Apache-2.0
"""A client of a NATS server that publishes, listens and asks. One thread at a time."""

import itertools
import json
import socket
import time

from weft import DEADLINE

_NUMBERS = itertools.count(1)


class NatsClient:
    def __init__(self, port, deadline=DEADLINE):
        self._socket = socket.create_connection(("127.0.0.1", port), deadline)
        self._deadline = deadline
        self._reader = self._socket.makefile("rb")
        self.info = json.loads(self._reader.readline().removeprefix(b"INFO "))
        self._send(b'CONNECT {"verbose":false,"headers":true,"no_responders":true}\r\n')
        self.flush()

    def _send(self, data):
        self._socket.sendall(data)

    def flush(self):
        """All that was said before has reached the server. Only while no messages are expected."""
        self._send(b"PING\r\n")
        while not (line := self._reader.readline()).startswith(b"PONG"):
            assert line, "the server closed the connection"

    def listen(self, subject):
        self._send(b"SUB %s %d\r\n" % (subject.encode(), next(_NUMBERS)))
        self.flush()

    def publish(self, subject, body, reply=""):
        body = body if isinstance(body, bytes) else body.encode()
        self._send(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), reply.encode(), len(body), body))

    def next(self):
        """Subject and body of the next message. TimeoutError if none comes in time, whatever else the server says."""
        until = time.monotonic() + self._deadline
        while True:
            words = self._reader.readline().split()
            if time.monotonic() > until:
                raise TimeoutError
            assert words, "the server closed the connection"
            if words[0] == b"PING":
                self._send(b"PONG\r\n")
            if words[0] in (b"MSG", b"HMSG"):
                body = self._reader.read(int(words[-1]) + 2)[:-2]
                return words[1].decode(), body[int(words[-2]):] if words[0] == b"HMSG" else body

    def ask(self, subject, body):
        inbox = f"_INBOX.{id(self)}.{next(_NUMBERS)}"
        self.listen(inbox)
        self.publish(subject, body, inbox)
        return self.next()[1].decode()

    def api(self, verb, **body):
        """A question to JetStream."""
        answer = json.loads(self.ask(f"$JS.API.{verb}", json.dumps(body) if body else ""))
        assert "error" not in answer, answer
        return answer

    def close(self):
        self._reader.close()
        self._socket.close()
