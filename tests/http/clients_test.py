# SPDX-License-Identifier: Apache-2.0
"""Clients that send slowly, leave at every stage, never read, or only sit there: none makes the server deaf, and nothing is left behind."""

import resource
import socket
import threading

from http_client import Connection, fetch, request
from weft import Server, WeftTest, app, main, wait_for


class ClientsTest(WeftTest):
    def still_well(self, server):
        self.assertTrue(server.alive(), server.err)
        self.assertEqual(fetch(server, "/", "POST", body=b"well").body, b"well")

    def test_a_half_sent_head_is_timed_out(self):
        with Server(app("echo"), "--header-timeout", "300ms") as server:
            for part in ("G", "GET / HTTP/1.1\r\n", "GET / HTTP/1.1\r\nHost: t\r\n"):
                with self.subTest(part), Connection(server, timeout=20) as client:
                    client.send(part)
                    answer = client.answer()
                    self.assertTrue(answer is None or answer.status == 408, answer)
                    self.assertTrue(client.ended())
            self.still_well(server)

    def test_a_head_that_drips_is_timed_out(self):
        """A byte now and then does not extend the deadline of the head."""
        with Server(app("echo"), "--header-timeout", "500ms") as server, Connection(server, timeout=20) as client:
            def drip():
                try:
                    for byte in b"GET / HTTP/1.1\r\nHost: test\r\nX: " + b"a" * 400:
                        client.send(bytes([byte]))
                        threading.Event().wait(0.05)
                except OSError:
                    pass

            thread = threading.Thread(target=drip)
            thread.start()
            answer = client.answer()
            self.assertTrue(answer is None or answer.status == 408, answer)
            client.socket.close()
            thread.join()
            self.still_well(server)

    def test_a_half_sent_body_is_timed_out(self):
        with Server(app("echo"), "--io-timeout", "300ms") as server, Connection(server, timeout=20) as client:
            client.send("POST / HTTP/1.1\r\nHost: t\r\nContent-Length: 100\r\n\r\nhalf")
            answer = client.answer()
            self.assertTrue(answer is None or answer.status == 408 or not answer.complete, answer)
            self.assertTrue(client.ended())
            self.still_well(server)

    def test_an_idle_connection_is_closed(self):
        with Server(app("echo"), "--idle-timeout", "300ms") as server, Connection(server, timeout=20) as client:
            client.send(request("POST", "/", body=b"one", close=False))
            self.assertEqual(client.answer().body, b"one")
            self.assertTrue(client.ended())
            self.still_well(server)

    def test_a_client_that_never_reads_is_closed_and_its_memory_bounded(self):
        with Server(app("misbehave"), "--io-timeout", "500ms", "--timeout", "0") as server:
            fetch(server, "/status?code=200")
            before = server.rss()
            clients = [Connection(server) for _ in range(10)]
            for client in clients:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                client.send(request("GET", "/big?bytes=1000000000"))
            for client in clients:
                wait_for(lambda client=client: is_closed(client), "the connection is closed")
            self.assertLess(server.rss() - before, 128 << 20)
            self.assertEqual(fetch(server, "/status?code=200").status, 200)
            self.assertEqual(server.stop(), 0, server.err)

    def test_clients_that_leave_at_every_stage(self):
        whole = request("POST", "/", body=b"0123456789" * 1000, close=False)
        with Server(app("echo")) as server:
            for count in (0, 1, 10, 30, 60, 100, 1000, len(whole) - 1, len(whole)):
                for leave in (Connection.close, Connection.reset):
                    for _ in range(5):
                        client = Connection(server)
                        client.send(whole[:count])
                        leave(client)
            self.still_well(server)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_client_that_leaves_while_the_answer_comes(self):
        with Server(app("misbehave"), "--timeout", "0") as server:
            fetch(server, "/status?code=200")
            before = server.rss()
            for _ in range(20):
                client = Connection(server)
                client.send(request("GET", "/big?bytes=100000000"))
                client.socket.recv(1000)
                client.reset()
            self.assertEqual(fetch(server, "/status?code=200").status, 200)
            wait_for(lambda: server.rss() - before < 64 << 20, "memory is given back", 20)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_client_that_closes_its_sending_half_counts_as_gone(self):
        with Server(app("misbehave"), "--max-concurrent", "1", "--timeout", "0") as server, Connection(server) as client:
            client.send(request("GET", "/never-after"))
            self.assertTrue(client._line().startswith("HTTP/1.1 200"))
            self.assertEqual(fetch(server, "/status?code=200").status, 503)
            client.socket.shutdown(socket.SHUT_WR)
            while client._more():
                pass
            wait_for(lambda: fetch(server, "/status?code=200").status == 200, "the guest is cancelled")
            self.assertEqual(server.stop(), 0, server.err)

    def test_too_many_connections(self):
        with Server(app("hello-c"), "--max-connections", "10", "--idle-timeout", "60s") as server:
            clients = [Connection(server, timeout=20) for _ in range(30)]
            served = 0
            for client in clients:
                try:
                    client.send(request("GET", "/", close=False))
                    answer = client.answer()
                except OSError:
                    answer = None
                served += 1 if answer is not None and answer.status == 200 else 0
            self.assertGreaterEqual(served, 1)
            # An answered client idles, and gives its place up to a new one; so more than ten may have been answered by now.
            wait_for(lambda: sum(client.is_open() for client in clients) <= 10, "no more than ten are connected")
            for client in clients:
                client.close()
            wait_for(lambda: answered(server), "a place is free again")

    def test_ten_thousand_idle_connections(self):
        wanted = 10_000
        needed = wanted + 200
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < needed:
            self.skipTest(f"needs {needed} open files, and {hard} are allowed")
        if soft < needed:
            resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
            self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        with Server(app("hello-c"), "--idle-timeout", "5m") as server:
            fetch(server, "/")
            before = server.rss()
            clients = []
            try:
                for _ in range(wanted):
                    clients.append(socket.create_connection((server.host, server.port), timeout=60))
                for _ in range(20):
                    self.assertEqual(fetch(server, "/").status, 200)
                each = (server.rss() - before) / wanted
                self.assertLess(each, 16 * 1024, "bytes per idle connection")
            finally:
                for client in clients:
                    client.close()
            self.assertEqual(fetch(server, "/").status, 200)
            self.assertEqual(server.stop(), 0, server.err)


def is_closed(client):
    """The other end closed: reading on would meet an end or an error. Nothing is taken from the buffer."""
    client.socket.setblocking(False)
    try:
        error = client.socket.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if error:
            return True
        # TCP_INFO begins with the state of the connection: 8 is CLOSE_WAIT, 7 is CLOSE.
        return client.socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] in (7, 8)
    finally:
        client.socket.setblocking(True)


def answered(server):
    try:
        answer = fetch(server, "/")
        return answer is not None and answer.status == 200
    except OSError:
        return False


if __name__ == "__main__":
    main()
