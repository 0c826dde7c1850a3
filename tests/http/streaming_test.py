# SPDX-License-Identifier: Apache-2.0
"""Bodies of any length pass in both directions in constant memory, and one side's pace is the other's."""

import threading

from http_client import Connection, request
from weft import Server, WeftTest, app, main

MIB = 1 << 20


class StreamingTest(WeftTest):
    def echo(self, server, total, target="/", chunked=False):
        """Sends while it receives; the number of bytes that came back right, and the highest RSS seen."""
        block = bytes(range(256)) * 256
        highest = 0
        with Connection(server) as client:
            if chunked:
                client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n")
            else:
                client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\nContent-Length: {total}\r\nConnection: close\r\n\r\n")

            def send():
                for _ in range(total // len(block)):
                    client.send(b"%x\r\n%s\r\n" % (len(block), block) if chunked else block)
                if chunked:
                    client.send("0\r\n\r\n")

            thread = threading.Thread(target=send, daemon=True)
            thread.start()
            head = client._line()
            self.assertTrue(head.startswith("HTTP/1.1 200"), head)
            fields = dict(client._fields()[0])
            received = 0
            if fields.get("transfer-encoding") == "chunked":
                while size := int(client._line().split(";")[0], 16):
                    received += self.check(client._bytes(size), received, block)
                    client._line()
                    highest = max(highest, server.rss())
            else:
                while data := client._bytes(65536):
                    received += self.check(data, received, block)
                    highest = max(highest, server.rss())
            thread.join(60)
        return received, highest

    def check(self, data, at, block):
        offset = at % len(block)
        expected = (block * (len(data) // len(block) + 2))[offset:offset + len(data)]
        self.assertTrue(data == expected, f"wrong bytes after {at}")
        return len(data)

    def test_a_long_body_in_constant_memory(self):
        with Server(app("echo"), "--timeout", "0") as server:
            self.echo(server, 8 * MIB)
            before = server.rss()
            for target in ("/", "/?copy"):
                for chunked in (False, True):
                    with self.subTest(target=target, chunked=chunked):
                        received, highest = self.echo(server, 256 * MIB, target, chunked)
                        self.assertEqual(received, 256 * MIB)
                        self.assertLess(highest - before, 32 * MIB)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_client_that_does_not_read_slows_its_own_sending(self):
        with Server(app("echo"), "--timeout", "0", "--io-timeout", "60s") as server:
            self.echo(server, 1 * MIB)
            before = server.rss()
            with Connection(server, timeout=1) as client:
                client.send(f"POST / HTTP/1.1\r\nHost: t\r\nContent-Length: {1 << 40}\r\n\r\n")
                sent = 0
                try:
                    while sent < 256 * MIB:
                        sent += client.socket.send(bytes(65536))
                except TimeoutError:
                    pass
                self.assertLess(sent, 64 * MIB, "the server took in what nobody fetches")
                self.assertLess(server.rss() - before, 32 * MIB)
            self.assertEqual(server.stop(), 0, server.err)

    def test_bytes_pass_before_the_request_is_whole(self):
        with Server(app("echo")) as server, Connection(server) as client:
            client.send("POST / HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
            self.assertTrue(client._line().startswith("HTTP/1.1 200"))
            fields = dict(client._fields()[0])
            self.assertEqual(fields.get("transfer-encoding"), "chunked")
            self.assertEqual(int(client._line(), 16), 5)
            self.assertEqual(client._bytes(7), b"first\r\n")
            client.send("6\r\nsecond\r\n0\r\n\r\n")
            self.assertEqual(int(client._line(), 16), 6)
            self.assertEqual(client._bytes(8), b"second\r\n")
            self.assertEqual(client._line(), "0")

    def test_keep_alive_carries_many_requests(self):
        with Server(app("echo")) as server, Connection(server) as client:
            for i in range(200):
                client.send(request("POST", "/", body=b"x" * i, close=False))
                self.assertEqual(client.answer().body, b"x" * i)


if __name__ == "__main__":
    main()
