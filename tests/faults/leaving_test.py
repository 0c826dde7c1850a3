# SPDX-License-Identifier: Apache-2.0
"""Clients that leave, and servers that break off, at every moment of requests that stream through components: afterwards nothing of them is left, neither
calls nor memory nor connections, and the limits of the components are as free as before.

WEFT_TEST_SEED repeats the random moments of a run."""

import os
import random
import socket
import time

from daemon import DaemonTest, Visitor, at_once, free_port, main, wait_for
from http_client import Connection, request
from upstream import Upstream

BODY = bytes(range(256)) * 800  # more than any buffer on the way holds at once


def echo(peer):
    """Gives every request's body back as it comes."""
    while peer.head():
        peer.send(f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n")
        left = len(BODY)
        while left:
            if not peer.rest and not peer.more():
                return
            piece, peer.rest = peer.rest[:left], peer.rest[left:]
            left -= len(piece)
            peer.send(piece)


class LeavingTest(DaemonTest):
    APPS = ("hello-c", "echo", "proxy", "relay", "relay-http", "misbehave")
    INSTANCES = 4  # so few that one lost would soon be missed

    def setUp(self):
        super().setUp()
        self.seed = int(os.environ.get("WEFT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"WEFT_TEST_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.metrics = free_port()
        self.up("--metrics", f"127.0.0.1:{self.metrics}")
        self.start_routes()
        for component, name in (("hello", "hello-c"), ("echo", "echo"), ("inner", "proxy"), ("outer", "proxy"), ("front", "relay-http"), ("bad", "misbehave")):
            self.start(component, name, self.INSTANCES)
            self.route(component)
        self.start("worker", "relay", self.INSTANCES)
        self.link("front", "worker", "weft:relay", ["relay"])
        self.control.do(*self.control.start_provider("client", "http-client"))
        self.link("inner", "echo", "wasi:http", ["outgoing-handler"])
        self.link("outer", "client", "wasi:http", ["outgoing-handler"])

    # ---- leaving ----

    def connect(self):
        return Connection(self.site, 20)

    def leave(self, connection):
        """Half of them politely."""
        if self.random.random() < 0.5:
            connection.close()
        else:
            connection.reset()

    def leave_while_sending(self, data, places):
        for place in places:
            connection = self.connect()
            connection.send(data[:place])
            self.leave(connection)

    def leave_while_reading(self, data, places):
        for place in places:
            connection = self.connect()
            connection.socket.settimeout(0.2)
            read = 0
            try:
                connection.socket.sendall(data)
            except OSError:
                pass  # it comes back while it goes out, and nobody reads yet
            connection.socket.settimeout(20)
            while read < place:
                data_read = len(connection.socket.recv(min(place - read, 65536)))
                if data_read == 0:
                    break
                read += data_read
            self.leave(connection)

    def leave_after(self, data, moments):
        for moment in moments:
            connection = self.connect()
            connection.socket.setblocking(False)
            try:
                connection.socket.send(data)
            except BlockingIOError:
                pass
            time.sleep(moment)
            self.leave(connection)

    def sweep(self, component, target, body):
        method = "POST" if body else "GET"
        data = request(method, target, [("X-To", component)], body or None, close=False)
        head = len(data) - len(body)
        places = [*range(0, head + 4, 5), head, *(head + self.random.randrange(len(body) + 1) for _ in range(30 if body else 0)), len(data)]
        self.leave_while_sending(data, places)
        self.leave_while_reading(data, [1, 10, 100, 200, *(self.random.randrange(300, 100_000) for _ in range(20 if body else 0))] if body else [])
        self.leave_after(data, [self.random.uniform(0, 0.02) for _ in range(30)])

    # ---- what is left ----

    def metric(self, name):
        with Connection(type("Page", (), {"host": "127.0.0.1", "port": self.metrics})()) as connection:
            connection.send(request("GET", "/metrics"))
            lines = connection.answer().text.splitlines()
        return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith(name + "{"))

    def open_files(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def assert_as_before(self, component, target, files, **more):
        self.assert_idle()
        self.assertEqual((self.metric("weft_instances_running"), self.metric("weft_calls_queued")), (0, 0))
        wait_for(lambda: self.open_files() <= files, f"connections are closed; there are {self.open_files()} files for {files}", 10)
        # All instances at once are there for others.
        for answer in at_once(*[lambda: self.ask(component, target, **more)] * self.INSTANCES):
            self.assertEqual((answer.status, answer.complete), (200, True), answer)
        self.assert_idle()

    def sweep_twice(self, component, target, body, idle_connections=0, well=None):
        """The first time fills pools and caches; the second must cost nothing more."""
        well = well or target
        more = {"method": "POST", "body": body} if body else {}
        self.assertEqual(self.ask(component, well, **more).status, 200)
        files = self.open_files() + idle_connections
        with Visitor(self):
            self.sweep(component, target, body)
        self.assert_as_before(component, well, files + self.INSTANCES, **more)
        before = self.daemon.rss()
        with Visitor(self):
            for _ in range(2):
                self.sweep(component, target, body)
        self.assert_as_before(component, well, files + self.INSTANCES, **more)
        self.assertLess(self.daemon.rss() - before, 12 << 20, "memory that does not come back")

    def test_while_a_component_streams(self):
        self.sweep_twice("echo", "/", BODY)
        self.down()

    def test_while_one_component_passes_a_request_to_another(self):
        self.sweep_twice("inner", "/?url=http://echo.test/copy", BODY)
        self.down()

    def test_while_a_request_goes_to_another_server(self):
        with Upstream(echo) as upstream:
            self.sweep_twice("outer", f"/?url=http://127.0.0.1:{upstream.port}/", BODY, idle_connections=16)
        self.down()

    def test_while_a_component_calls_another_that_spins_or_waits(self):
        self.sweep_twice("front", "/spin", b"", well="/say_fine")
        self.sweep_twice("bad", "/never", b"", well="/status?code=200")
        self.sweep_twice("bad", "/slow?pieces=100&ms=5", b"", well="/status?code=200")
        self.down()

    def test_while_they_wait_for_their_turn(self):
        holding = [self.connect() for _ in range(self.INSTANCES)]
        for connection in holding:
            connection.send(request("GET", "/never", [("X-To", "bad")]))
        wait_for(lambda: self.metric("weft_instances_running") == self.INSTANCES, "all instances are busy", 10)
        for _ in range(5):
            waiting = [self.connect() for _ in range(40)]
            for connection in waiting:
                connection.send(request("GET", "/status?code=200", [("X-To", "bad")]))
            wait_for(lambda: self.metric("weft_calls_queued") == 40, "they wait", 10)
            self.random.shuffle(waiting)
            for connection in waiting:
                self.leave(connection)
            wait_for(lambda: self.metric("weft_calls_queued") == 0, "nobody waits any more", 10)
        self.assertEqual(self.metric("weft_instances_running"), self.INSTANCES)
        for connection in holding:
            self.leave(connection)
        self.assert_as_before("bad", "/status?code=200", self.open_files())
        self.down()

    def test_a_server_that_breaks_off_leaves_no_answer_that_looks_whole(self):
        whole = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 40000\r\n\r\n" + b"x" * 40000
        place = 0

        def serve(peer):
            if peer.head():
                peer.send(whole[:place])
                if place % 2:
                    peer.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")

        with Upstream(serve) as upstream, Visitor(self):
            target = f"/?url=http://127.0.0.1:{upstream.port}/"
            for place in [*range(0, 80, 3), *(self.random.randrange(80, len(whole)) for _ in range(40))]:
                answer = self.ask("outer", target)
                self.assertIsNotNone(answer, f"cut at {place}")
                self.assertTrue(answer.status == 502 or not answer.complete, f"cut at {place}: {answer} looks whole")
            place = len(whole)
            answer = self.ask("outer", target)
            self.assertEqual((answer.status, answer.complete, len(answer.body)), (200, True, 40000))
        self.assert_idle()
        self.down()


if __name__ == "__main__":
    main()
