# SPDX-License-Identifier: Apache-2.0
"""Bodies of any length pass in both directions in constant memory, and one side's pace is the other's."""

import os
import random
import re
import tempfile
import threading
import time

from http_client import Connection, request
from weft import Server, WeftTest, app, main

MIB = 1 << 20
# No period of 64 KiB or so, so that a buffer that was sent twice shows.
PIECE = random.Random(1).randbytes(MIB)
TWO_PIECES = PIECE + PIECE
UNITS = {"MiB": MIB, "GiB": 1 << 30}


def longest_body():
    """How much the longest test sends, from WEFT_TEST_BODY: "10GiB"."""
    number, unit = re.fullmatch(r"(\d+)(MiB|GiB)", os.environ.get("WEFT_TEST_BODY", "1GiB")).groups()
    return int(number) * UNITS[unit]


class StreamingTest(WeftTest):
    def echo(self, server, total, target="/", chunked=False):
        """Sends while it receives; the number of bytes that came back right, and the highest RSS seen."""
        self.assertEqual(total % len(PIECE), 0)
        length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {total}"
        with Connection(server) as client, tempfile.TemporaryFile() as piece:
            piece.write(b"%x\r\n%s\r\n" % (len(PIECE), PIECE) if chunked else PIECE)
            piece.flush()
            client.send(f"POST {target} HTTP/1.1\r\nHost: t\r\n{length}\r\nConnection: close\r\n\r\n")

            def send():
                for _ in range(total // len(PIECE)):
                    client.socket.sendfile(piece)
                if chunked:
                    client.send("0\r\n\r\n")

            thread = threading.Thread(target=send, daemon=True)
            thread.start()
            head = client._line()
            self.assertTrue(head.startswith("HTTP/1.1 200"), head)
            self.assertEqual(dict(client._fields()[0]).get("transfer-encoding"), "chunked")
            received, highest = self.receive(client, server)
            thread.join(60)
        return received, highest

    def receive(self, client, server):
        received = highest = measured_at = 0
        while size := int(client._line().split(";")[0], 16):
            data = client._bytes(size)
            at = received % len(PIECE)
            self.assertTrue(data == TWO_PIECES[at:at + size], f"wrong bytes after {received}")
            self.assertEqual(client._line(), "")
            received += size
            if received >= measured_at:
                highest = max(highest, server.rss())
                measured_at = received + 4 * MIB
        return received, highest

    def test_long_bodies_in_constant_memory_by_both_ways(self):
        with Server(app("echo"), "--timeout", "0") as server:
            self.echo(server, 8 * MIB)
            before = server.rss()
            for target in ("/", "/?copy"):
                for chunked in (False, True):
                    with self.subTest(target=target, chunked=chunked):
                        received, highest = self.echo(server, 64 * MIB, target, chunked)
                        self.assertEqual(received, 64 * MIB)
                        self.assertLess(highest - before, 32 * MIB)
            self.assertEqual(server.stop(), 0, server.err)

    def test_the_longest_body_in_constant_memory(self):
        total = longest_body()
        with Server(app("echo"), "--timeout", "0") as server:
            self.echo(server, 8 * MIB)
            before, began = server.rss(), time.monotonic()
            received, highest = self.echo(server, total)
            seconds = time.monotonic() - began
            print(f"{total // MIB} MiB there and back in {seconds:.1f} s; resident before {before // 1024} KiB, at most {highest // 1024} KiB")
            self.assertEqual(received, total)
            self.assertLess(highest - before, 16 * MIB)
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
