# SPDX-License-Identifier: Apache-2.0
"""A client of a daemon's control socket that sends exactly what it is told: frames as src/bus/socket_frame.hpp describes them, with control messages
in them. Several requests may be under way at once. One thread at a time."""

import json
import socket
import struct

from weft import APPS, DEADLINE, wait_for

CONNECT, PUBLISH, REQUEST, SUBSCRIBE, UNSUBSCRIBE, PING = 1, 2, 3, 4, 5, 6
WELCOME, MESSAGE, ANSWER, FAILURE, PONG = 16, 17, 18, 19, 20


def text(value):
    data = value if isinstance(value, bytes) else value.encode()
    return struct.pack(">I", len(data)) + data


def frame(kind, number=0, subject="", reply="", words="", payload=b"", code=0):
    body = struct.pack(">BHQ", kind, code, number) + text(subject) + text(reply) + text(words) + struct.pack(">I", 0)
    body += payload if isinstance(payload, bytes) else payload.encode()
    return struct.pack(">I", len(body)) + body


class Gone(Exception):
    """The daemon closed the connection."""


class Answer:
    """What came of one request. `failure` is the bus's own: nobody listens, too late."""

    def __init__(self, payload=b"", headers=(), failure=None):
        self.payload, self.headers, self.failure = payload, dict(headers), failure
        try:
            self.json = json.loads(payload) if failure is None else {}
        except ValueError:
            self.json = {}

    @property
    def success(self):
        return self.json.get("success") is True

    @property
    def message(self):
        return self.failure or self.json.get("message", "")

    @property
    def response(self):
        return self.json.get("response")

    @property
    def operation(self):
        return self.headers.get("Weft-Operation", "")

    def __repr__(self):
        return f"<{self.failure or self.payload[:500]!r}>"


class Control:
    def __init__(self, path, host="", lattice="default", deadline=DEADLINE):
        self.host, self.lattice = host, lattice
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(deadline)
        self.socket.connect(str(path))
        self._buffer = b""
        self._number = 0
        self.answers = {}
        self.messages = []
        self.send_bytes(frame(CONNECT, 1))
        while self.read() != WELCOME:
            pass

    # ---- frames ----

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except (BrokenPipeError, ConnectionError) as error:
            raise Gone from error

    def _take(self, count):
        while len(self._buffer) < count:
            try:
                data = self.socket.recv(1 << 16)
            except ConnectionError as error:
                raise Gone from error
            if not data:
                raise Gone
            self._buffer += data
        taken, self._buffer = self._buffer[:count], self._buffer[count:]
        return taken

    def read(self):
        """Takes in one frame and gives its type: answers go into `answers` by number, messages into `messages`."""
        body = self._take(struct.unpack(">I", self._take(4))[0])
        kind, _, number = struct.unpack_from(">BHQ", body)
        at = 11

        def part():
            nonlocal at
            length, = struct.unpack_from(">I", body, at)
            at += 4 + length
            return body[at - length:at].decode(errors="replace")

        subject, _, words = part(), part(), part()
        count, = struct.unpack_from(">I", body, at)
        at += 4
        headers = [(part(), part()) for _ in range(count)]
        if kind == ANSWER:
            self.answers[number] = Answer(body[at:], headers)
        elif kind == FAILURE:
            if number == 0:
                raise Gone(words)
            self.answers[number] = Answer(failure=words)
        elif kind == MESSAGE:
            self.messages.append((subject, body[at:]))
        return kind

    # ---- requests ----

    def begin(self, subject, payload=b"", milliseconds=30_000):
        """Sends a request and gives its number in `answers`."""
        self._number += 1
        self.send_bytes(frame(REQUEST, self._number, subject, words=str(milliseconds), payload=payload))
        return self._number

    def wait(self, number):
        while number not in self.answers:
            self.read()
        return self.answers.pop(number)

    def subject(self, tail):
        return f"wasmbus.ctl.v1.{self.lattice}.{tail.replace('HOST', self.host)}"

    def begin_command(self, tail, body=None):
        return self.begin(self.subject(tail), b"" if body is None else json.dumps(body))

    def command(self, tail, body=None):
        """`component.scale.HOST` and the like, with a body that becomes JSON."""
        return self.wait(self.begin_command(tail, body))

    def question(self, name, payload=b""):
        return self.wait(self.begin(f"weft.ctl.{self.lattice}.{self.host}.{name}", payload)).response

    def outcome(self, accepted):
        """How an accepted command ended: `state` is done or failed."""
        if not accepted.success:
            raise AssertionError(accepted)
        return self.question("ops-wait", json.dumps({"id": accepted.operation}))

    def do(self, tail, body=None):
        """A command that must be carried out to its end."""
        accepted = self.command(tail, body)
        ended = self.outcome(accepted) if accepted.operation else None
        if not accepted.success or (ended and ended["state"] != "done"):
            raise AssertionError(f"{tail}: {accepted} {ended}")

    def insist(self, tail, body=None):
        """Until a host that can be reached takes it: NATS gives a command to one host of the lattice, and may choose one that is cut off."""

        def taken():
            return self.wait(self.begin(self.subject(tail), json.dumps(body) if body else b"", 1000)).success

        wait_for(taken, tail)

    def inventory(self):
        return self.command("host.get.HOST").response

    def close(self):
        self.socket.close()

    # ---- bodies ----

    def scale(self, component, app, count, **more):
        return "component.scale.HOST", {"component_id": component, "component_ref": reference(app), "count": count, "host_id": self.host, **more}

    def start_provider(self, provider, kind, config=()):
        return "provider.start.HOST", {"provider_id": provider, "provider_ref": f"wasmcloud+builtin://{kind}", "host_id": self.host, "config": list(config)}


def reference(app):
    return f"file://{APPS / app}.wasm"


def link(source, target, package, interfaces, name="default", **more):
    namespace, _, package = package.partition(":")
    body = {"source_id": source, "target": target, "name": name, "wit_namespace": namespace, "wit_package": package, "interfaces": list(interfaces)}
    return "link.put", {**body, **more}
