# SPDX-License-Identifier: Apache-2.0
"""Ctrl-C and SIGTERM: the first drains, the second ends the process."""

import signal
import threading

from http_client import Connection, fetch, request
from weft import Server, WeftTest, app, main, wait_for


class SignalsTest(WeftTest):
    def test_each_signal_ends_an_idle_server_cleanly(self):
        for signum in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            with self.subTest(signum=signum), Server(app("hello-c")) as server:
                self.assertEqual(fetch(server).status, 200)
                self.assertEqual(server.stop(signum), 0, server.err)

    def test_open_connections_do_not_hold_it_up(self):
        with Server(app("hello-c"), "--drain", "30s") as server, Connection(server) as idle:
            idle.send(request("GET", "/", close=False))
            self.assertEqual(idle.answer().status, 200)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_request_in_flight_is_answered(self):
        with Server(app("misbehave"), "--drain", "30s") as server, Connection(server) as client:
            client.send(request("GET", "/sleep?ms=1500"))
            wait_for_request(server)
            stopped = threading.Thread(target=server.stop)
            stopped.start()
            answer = client.answer()
            stopped.join()
            self.assertEqual((answer.status, answer.complete), (200, True), server.err)
            self.assertEqual(server.process.returncode, 0, server.err)

    def test_a_request_that_outlasts_the_drain_is_cancelled(self):
        with Server(app("misbehave"), "--drain", "200ms", "--timeout", "0") as server, Connection(server) as client:
            client.send(request("GET", "/never"))
            wait_for_request(server)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_spinning_guest_is_cancelled(self):
        with Server(app("misbehave"), "--drain", "200ms", "--timeout", "0") as server, Connection(server) as client:
            client.send(request("GET", "/spin"))
            wait_for(lambda: server.cpu_seconds() > 0.2, "the guest spins")
            self.assertEqual(server.stop(), 0, server.err)

    def test_the_second_signal_stops_at_once(self):
        with Server(app("misbehave"), "--drain", "1h", "--timeout", "0") as server, Connection(server) as client:
            client.send(request("GET", "/never"))
            wait_for_request(server)
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "stopping" in server.err, "the drain begins")
            server.process.send_signal(signal.SIGTERM)
            self.assertEqual(server.wait(), 128 + signal.SIGTERM)

    def test_nothing_is_accepted_while_draining(self):
        with Server(app("misbehave"), "--drain", "1h", "--timeout", "0") as server, Connection(server) as client:
            client.send(request("GET", "/never"))
            wait_for_request(server)
            server.process.send_signal(signal.SIGTERM)
            wait_for(lambda: "stopping" in server.err, "the drain begins")
            wait_for(lambda: refuses(server), "new connections are refused")
            server.process.send_signal(signal.SIGTERM)
            server.wait()


def wait_for_request(server):
    """A later request is answered, so the earlier one has reached its guest. Several, because each shard has its own queue."""
    for _ in range(8):
        fetch(server, "/status?code=204")


def refuses(server):
    try:
        with Connection(server, timeout=1) as client:
            client.send(request("GET", "/status?code=204"))
            return client.answer() is None
    except OSError:
        return True


if __name__ == "__main__":
    main()
