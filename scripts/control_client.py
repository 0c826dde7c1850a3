# SPDX-License-Identifier: Apache-2.0
"""Speaks to a host as a client of its control interface does, without the start of a process for every command.

SocketBus: a daemon's own socket (src/bus/socket_frame.hpp). NatsBus: the text protocol of NATS. Both send requests without waiting and give
answers as they come, so that many commands can be under way. Lattice: wasmCloud's control messages over either."""

import json
import socket
import struct
import time
import uuid

CONNECT, REQUEST = 1, 3
WELCOME, ANSWER, FAILURE = 16, 18, 19
LOT = 500
PATIENCE = 300


class Stream:
    """Reads exactly so much, or one line, from a socket."""

    def __init__(self, connection, seconds):
        self.connection = connection
        connection.settimeout(seconds)
        self.reader = connection.makefile("rb", buffering=1 << 16)

    def exactly(self, count):
        data = self.reader.read(count)
        if len(data) < count:
            raise ConnectionError("the connection was closed")
        return data

    def line(self):
        line = self.reader.readline()
        if not line:
            raise ConnectionError("the connection was closed")
        return line.rstrip(b"\r\n")

    def close(self):
        self.reader.close()
        self.connection.close()


def text(value):
    data = value.encode()
    return struct.pack(">I", len(data)) + data


class SocketBus:
    """One connection to a daemon's control socket."""

    def __init__(self, path, seconds=120):
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(str(path))
        self.stream = Stream(connection, seconds)
        self.milliseconds = int(seconds * 1000)
        self.send_frame(CONNECT, 1, "", "", b"")
        if self.receive_frame()[0] != WELCOME:
            raise ConnectionError("the daemon does not welcome this client")
        self.last = 0

    def send_frame(self, kind, number, subject, more, payload):
        body = struct.pack(">BHQ", kind, 0, number) + text(subject) + text("") + text(more) + struct.pack(">I", 0) + payload
        self.stream.connection.sendall(struct.pack(">I", len(body)) + body)

    def receive_frame(self):
        """Type, number, headers, payload (of a failure: what failed)."""
        body = self.stream.exactly(struct.unpack(">I", self.stream.exactly(4))[0])
        kind, _, number = struct.unpack_from(">BHQ", body)
        place = 11

        def next_text():
            nonlocal place
            (size,) = struct.unpack_from(">I", body, place)
            place += 4 + size
            return body[place - size:place].decode()

        _, _, more = next_text(), next_text(), next_text()
        (count,) = struct.unpack_from(">I", body, place)
        place += 4
        headers = {next_text(): next_text() for _ in range(count)}
        return kind, number, headers, more.encode() if kind == FAILURE else body[place:]

    def send(self, subject, payload):
        self.last += 1
        self.send_frame(REQUEST, self.last, subject, str(self.milliseconds), payload)
        return self.last

    def receive(self):
        """The number of a request, and the headers and payload of its answer; payload None: nobody answers."""
        while True:
            kind, number, headers, payload = self.receive_frame()
            if kind == ANSWER:
                return number, headers, payload
            if kind == FAILURE:
                return number, {}, None

    def close(self):
        self.stream.close()


class NatsBus:
    """One connection to a NATS server of this machine."""

    def __init__(self, port, seconds=120):
        self.stream = Stream(socket.create_connection(("127.0.0.1", port), 5), seconds)
        self.stream.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream.line()  # INFO
        self.inbox = f"_INBOX.{uuid.uuid4().hex}"
        options = json.dumps({"verbose": False, "pedantic": False, "headers": True, "no_responders": True, "lang": "python", "version": "1"})
        self.stream.connection.sendall(f"CONNECT {options}\r\nSUB {self.inbox}.* 1\r\n".encode())
        self.last = 0

    def send(self, subject, payload):
        self.last += 1
        self.stream.connection.sendall(f"PUB {subject} {self.inbox}.{self.last} {len(payload)}\r\n".encode() + payload + b"\r\n")
        return self.last

    def receive(self):
        while True:
            words = self.stream.line().decode().split()
            if words[:1] == ["PING"]:
                self.stream.connection.sendall(b"PONG\r\n")
            elif words[:1] == ["MSG"]:
                return int(words[1].rpartition(".")[2]), {}, self.stream.exactly(int(words[-1]) + 2)[:-2]
            elif words[:1] == ["HMSG"]:
                return self.with_headers(words)
            elif words[:1] == ["-ERR"]:
                raise ConnectionError(" ".join(words))

    def with_headers(self, words):
        size = int(words[-2])
        body = self.stream.exactly(int(words[-1]) + 2)[:-2]
        status, *lines = body[:size].decode().strip().split("\r\n")
        if status.split()[1:2] == ["503"]:
            return int(words[1].rpartition(".")[2]), {}, None
        headers = dict(line.split(":", 1) for line in lines)
        return int(words[1].rpartition(".")[2]), {name: value.strip() for name, value in headers.items()}, body[size:]

    def close(self):
        self.stream.close()


class Refused(RuntimeError):
    """A host's failure reply, in its words."""


class Lattice:
    """Control messages of one lattice to its only host."""

    def __init__(self, bus, name="default"):
        self.bus, self.name = bus, name
        self.host = None

    def ping(self):
        """Whether a host answers; from then on it is the one that is meant."""
        self.bus.send(f"wasmbus.ctl.v1.{self.name}.host.ping", b"")
        _, _, payload = self.bus.receive()
        if payload is None:
            return False
        self.host = json.loads(payload)["response"]["id"]
        return True

    def request(self, subject, body=None):
        return self.request_all([(subject, body)])[0]

    def request_all(self, requests, window=LOT):
        """Pairs of subject and body, at most `window` under way; the (reply, operation) of each in their order."""
        answers, sent = {}, {}
        for index, (subject, body) in enumerate(requests):
            while len(sent) >= window:
                self.collect(sent, answers)
            sent[self.bus.send(subject, b"" if body is None else json.dumps(body).encode())] = (index, subject)
        while sent:
            self.collect(sent, answers)
        return [answers[index] for index in range(len(answers))]

    def collect(self, sent, answers):
        number, headers, payload = self.bus.receive()
        if number not in sent:
            return
        index, subject = sent.pop(number)
        if payload is None:
            raise Refused(f"nobody answers {subject}")
        reply = json.loads(payload)
        if not reply["success"]:
            raise Refused(f"{subject}: {reply.get('message')}")
        answers[index] = (reply, headers.get("Weft-Operation"))

    def subject(self, what):
        return f"wasmbus.ctl.v1.{self.name}.{what}"

    # ---- requests, to be sent one by one or many at once ----

    def scale(self, component, file, count):
        return self.subject(f"component.scale.{self.host}"), {
            "component_id": component, "component_ref": f"file://{file}", "count": count, "host_id": self.host, "config": [], "allow_update": False}

    def update(self, component, file):
        return self.subject(f"component.update.{self.host}"), {"component_id": component, "new_component_ref": f"file://{file}", "host_id": self.host}

    def start_provider(self, provider, reference, config):
        return self.subject(f"provider.start.{self.host}"), {
            "provider_id": provider, "provider_ref": reference, "host_id": self.host, "config": config}

    def stop_provider(self, provider):
        return self.subject(f"provider.stop.{self.host}"), {"provider_id": provider, "host_id": self.host}

    def put_config(self, name, values):
        return self.subject(f"config.put.{name}"), values

    def put_link(self, source, target, package, interfaces, name="default", source_config=()):
        namespace, _, package = package.partition(":")
        return self.subject("link.put"), {
            "source_id": source, "target": target, "name": name, "wit_namespace": namespace, "wit_package": package,
            "interfaces": interfaces, "source_config": list(source_config), "target_config": []}

    def inventory(self):
        return self.request(self.subject(f"host.get.{self.host}"))[0]["response"]

    def done(self, requests):
        """Sends commands and waits until each has been carried out. A host forgets finished operations beyond a thousand, so in lots."""
        for first in range(0, len(requests), LOT):
            self.wait_for([operation for _, operation in self.request_all(requests[first:first + LOT]) if operation])

    def wait_for(self, operations):
        """A host answers after a while even if an operation still runs; then it is asked again."""
        question = f"weft.ctl.{self.name}.{self.host}.ops-wait"
        deadline = time.monotonic() + PATIENCE
        while operations and time.monotonic() < deadline:
            answers = [reply["response"] for reply, _ in self.request_all([(question, {"id": operation}) for operation in operations])]
            for answer in answers:
                if answer["state"] == "failed":
                    raise Refused(f"{answer['kind']} {answer['about']}: {answer.get('message')}")
            operations = [answer["id"] for answer in answers if answer["state"] == "running"]
        if operations:
            raise Refused(f"{len(operations)} commands were not carried out within {PATIENCE} s")

    def close(self):
        self.bus.close()
