# SPDX-License-Identifier: Apache-2.0
"""A peer on the data plane that sends exactly the messages it is told: a small NATS client, and invocations by hand on top of it. Knows no types."""

import contextlib
import itertools
import json
import socket
import time
import uuid

from weft import DEADLINE


class Message:
    def __init__(self, subject, reply, headers, payload):
        self.subject, self.reply, self.headers, self.payload = subject, reply, headers, payload

    def __repr__(self):
        return f"<{self.subject} reply={self.reply!r} {self.headers} {len(self.payload)} bytes: {self.payload[:60]!r}>"


class Nats:
    """One connection, read by its own thread of control: nothing arrives but inside next()."""

    def __init__(self, port):
        self._socket = socket.create_connection(("127.0.0.1", port), DEADLINE)
        self._buffer = b""
        self._sids = itertools.count(1)
        self.inbox = f"_INBOX.{uuid.uuid4().hex}"
        self.messages = []
        self.info = json.loads(self._line().removeprefix(b"INFO "))
        self._send(b"CONNECT " + json.dumps({"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "echo": True, "lang": "test", "version": "1",
                                             "protocol": 1}).encode() + b"\r\n")
        self.subscribe(self.inbox + ".>")
        self.flush()

    def _send(self, data):
        self._socket.sendall(data)

    def _more(self, until):
        self._socket.settimeout(max(until - time.monotonic(), 0.001))
        data = self._socket.recv(1 << 16)
        if not data:
            raise ConnectionError("the NATS server closed the connection")
        self._buffer += data

    def _line(self, until=None):
        until = until or time.monotonic() + DEADLINE
        while b"\r\n" not in self._buffer:
            self._more(until)
        line, _, self._buffer = self._buffer.partition(b"\r\n")
        return line

    def _take(self, count):
        while len(self._buffer) < count:
            self._more(time.monotonic() + DEADLINE)
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def subscribe(self, subject, queue=""):
        self._send(f"SUB {subject} {queue} {next(self._sids)}\r\n".encode())

    def publish(self, subject, payload=b"", reply="", headers=None):
        if headers:
            head = b"NATS/1.0\r\n" + b"".join(f"{name}: {value}\r\n".encode() for name, value in headers.items()) + b"\r\n"
            self._send(f"HPUB {subject} {reply} {len(head)} {len(head) + len(payload)}\r\n".encode() + head + payload + b"\r\n")
        else:
            self._send(f"PUB {subject} {reply} {len(payload)}\r\n".encode() + payload + b"\r\n")

    def flush(self):
        """Everything sent has reached the server; what arrives meanwhile waits in `messages`."""
        self._send(b"PING\r\n")
        while self._read(time.monotonic() + DEADLINE) != b"PONG":
            pass

    def _read(self, until):
        line = self._line(until)
        words = line.split()
        if words[0] == b"PING":
            self._send(b"PONG\r\n")
        elif words[0] in (b"MSG", b"HMSG"):
            total = int(words[-1])
            head = int(words[-2]) if words[0] == b"HMSG" else 0
            fixed = 5 if words[0] == b"HMSG" else 4
            reply = words[3].decode() if len(words) > fixed else ""
            data = self._take(total + 2)[:-2]
            headers = {}
            if head:
                lines = data[:head].decode().split("\r\n")
                status = lines[0].removeprefix("NATS/1.0").strip()
                if status:
                    headers["Status"] = status.split()[0]
                headers.update(line.split(":", 1) for line in lines[1:] if ":" in line)
                headers = {name: value.strip() for name, value in headers.items()}
            self.messages.append(Message(words[1].decode(), reply, headers, data[head:]))
        elif words[0] == b"-ERR":
            raise ConnectionError(line.decode())
        return words[0]

    def next(self, subject="", timeout=DEADLINE):
        """The next message whose subject begins so; None if none came in time."""
        until = time.monotonic() + timeout
        while True:
            for index, message in enumerate(self.messages):
                if message.subject.startswith(subject):
                    return self.messages.pop(index)
            try:
                self._read(until)
            except TimeoutError:
                return None

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.close()

    def shut(self):
        """Ends what another thread waits for here."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class Call:
    """One invocation, step by step, as a peer of 1.x makes it."""

    def __init__(self, nats, target, function, params=b"", headers=None, lattice="default"):
        self.nats = nats
        self.inbox = f"{nats.inbox}.{uuid.uuid4().hex}"
        self.server = None
        nats.publish(f"{lattice}.{target}.wrpc.0.0.1.{function}", params, self.inbox, headers or {"source-id": "test", "link-name": "default"})

    def accepted(self, timeout=DEADLINE):
        self.handshake = self.nats.next(self.inbox, timeout)
        self.server = self.handshake.reply if self.handshake else None
        return bool(self.server)

    def send(self, payload=b"", path=""):
        """On the channel of the parameters, or one below; no payload ends it."""
        self.nats.publish(f"{self.server}.params{'.' if path else ''}{path}", payload)

    def channel(self, path="", timeout=DEADLINE):
        """All of a channel of the results up to its end; None if that does not come."""
        data = b""
        name = f"{self.inbox}.results{'.' if path else ''}{path}"
        while True:
            message = self.nats.next(name, timeout)
            if message is None:
                return None
            if message.subject != name:
                continue
            if not message.payload:
                return data
            data += message.payload


def call(nats, target, function, params=b"", **more):
    """The results of a call whose values are all in `params`; b"" if it failed."""
    made = Call(nats, target, function, params, **more)
    if not made.accepted():
        return None
    made.send()
    return made.channel()
