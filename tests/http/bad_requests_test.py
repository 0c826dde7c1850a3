# SPDX-License-Identifier: Apache-2.0
"""Requests that are wrong, ambiguous or too large: each is refused and its connection closed, and no second request is smuggled through."""

from http_client import Connection, fetch, request
from weft import Server, SharedServerTest, app, main

HOST = "Host: test\r\n"
SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n"


def post(*fields, body=""):
    return "POST / HTTP/1.1\r\n" + HOST + "".join(f"{field}\r\n" for field in fields) + "\r\n" + body


# What is sent, and by its name why it is wrong.
BAD_REQUESTS = {
    "not HTTP": "hello\r\n\r\n",
    "TLS": "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "no target": "GET HTTP/1.1\r\n" + HOST + "\r\n",
    "two spaces": "GET  / HTTP/1.1\r\n" + HOST + "\r\n",
    "space in the target": "GET /a b HTTP/1.1\r\n" + HOST + "\r\n",
    "no version": "GET /\r\n" + HOST + "\r\n",
    "bad version": "GET / HTTP/1.x\r\n" + HOST + "\r\n",
    "bad method": "G(T / HTTP/1.1\r\n" + HOST + "\r\n",
    "NUL in the target": "GET /\0 HTTP/1.1\r\n" + HOST + "\r\n",
    "no Host": "GET / HTTP/1.1\r\n\r\n",
    "two Hosts": "GET / HTTP/1.1\r\n" + HOST + HOST + "\r\n",
    "bad Host": "GET / HTTP/1.1\r\nHost: a b\r\n\r\n",
    "field without a colon": "GET / HTTP/1.1\r\n" + HOST + "nonsense\r\n\r\n",
    "field without a name": "GET / HTTP/1.1\r\n" + HOST + ": x\r\n\r\n",
    "space before the colon": "GET / HTTP/1.1\r\n" + HOST + "X : y\r\n\r\n",
    "space before the first field": "GET / HTTP/1.1\r\n " + HOST + "\r\n",
    "folded field": "GET / HTTP/1.1\r\n" + HOST + "X: a\r\n b\r\n\r\n",
    "NUL in a value": "GET / HTTP/1.1\r\n" + HOST + "X: a\0b\r\n\r\n",
    "bare CR in a value": "GET / HTTP/1.1\r\n" + HOST + "X: a\rY: b\r\n\r\n",
    "control character in a name": "GET / HTTP/1.1\r\n" + HOST + "X\x01: a\r\n\r\n",
    "both lengths": post("Content-Length: 5", "Transfer-Encoding: chunked", body="0\r\n\r\n" + SMUGGLED),
    "two different lengths": post("Content-Length: 5", "Content-Length: 6", body="hello!"),
    "a list of lengths": post("Content-Length: 5, 6", body="hello!"),
    "negative length": post("Content-Length: -1"),
    "length with a sign": post("Content-Length: +5", body="hello"),
    "hexadecimal length": post("Content-Length: 0x5", body="hello"),
    "length beyond 64 bits": post("Content-Length: 99999999999999999999"),
    "empty length": post("Content-Length:"),
    "unknown coding": post("Transfer-Encoding: zip"),
    "coding after chunked": post("Transfer-Encoding: chunked, gzip", body="0\r\n\r\n"),
    "chunked twice": post("Transfer-Encoding: chunked, chunked", body="0\r\n\r\n"),
    "coding in two fields": post("Transfer-Encoding: chunked", "Transfer-Encoding: identity", body="0\r\n\r\n"),
    "obscured chunked": post("Transfer-Encoding: xchunked", body="0\r\n\r\n"),
    "chunked with a tab before": post("Transfer-Encoding: \x0bchunked", body="0\r\n\r\n"),
    "chunked in HTTP/1.0": "POST / HTTP/1.0\r\n" + HOST + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "length that is no number of a chunk": post("Transfer-Encoding: chunked", body="xyz\r\nhello\r\n0\r\n\r\n"),
    "negative chunk": post("Transfer-Encoding: chunked", body="-1\r\n\r\n"),
    "huge chunk": post("Transfer-Encoding: chunked", body="fffffffffffffffff\r\n"),
    "chunk longer than its length": post("Transfer-Encoding: chunked", body="3\r\nhello\r\n0\r\n\r\n"),
    "bare LF after a chunk length": post("Transfer-Encoding: chunked", body="5\nhello\r\n0\r\n\r\n"),
    "bare LF after a chunk": post("Transfer-Encoding: chunked", body="5\r\nhello\n0\r\n\r\n"),
    "bare CR in a chunk extension": post("Transfer-Encoding: chunked", body="5;a=\rb\r\nhello\r\n0\r\n\r\n"),
    "bare LF in trailers": post("Transfer-Encoding: chunked", body="0\r\nX: y\nZ: 1\r\n\r\n"),
}
# These are wrong only in their body, when the guest may have answered already: then its answer is cut.
WRONG_IN_BODY = {
    "length that is no number of a chunk", "negative chunk", "huge chunk", "chunk longer than its length", "bare LF after a chunk length",
    "bare LF after a chunk", "bare CR in a chunk extension", "bare LF in trailers",
}
# What is not wrong, but not to be had here.
NOT_OFFERED = {
    "unknown expectation": (post("Expect: the-unexpected"), 417),
    "tunnel": ("CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n", 501),
    "HTTP/2 without negotiation": ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "other version": ("GET / HTTP/1.2\r\n" + HOST + "\r\n", 505),
}


class BadRequestsTest(SharedServerTest):
    SERVER = ("echo", "--header-timeout", "2s", "--io-timeout", "2s", "--access-log")

    def tearDown(self):
        self.assertTrue(self.server.alive(), self.server.err)
        self.assertEqual(fetch(self.server, "/", "POST", body=b"well").body, b"well")

    def test_every_bad_request_is_refused_and_its_connection_closed(self):
        for name, data in BAD_REQUESTS.items():
            with self.subTest(name), Connection(self.server) as client:
                client.send(data)
                answer = client.answer()
                self.assertIsNotNone(answer)
                if name not in WRONG_IN_BODY or answer.complete:
                    self.assertEqual((answer.status, answer.complete), (400, True), answer)
                self.assertTrue(client.ended(), "the connection stayed open, or a second request was answered")
        self.assertNotIn("/smuggled", self.server.err)

    def test_what_is_not_offered_has_a_status_of_its_own(self):
        for name, (data, status) in NOT_OFFERED.items():
            with self.subTest(name), Connection(self.server) as client:
                client.send(data)
                answer = client.answer()
                self.assertEqual((answer.status, answer.complete), (status, True), answer)
                self.assertTrue(client.ended())

    def test_too_large_a_head_is_431(self):
        for fields in ([("X", "a" * 100_000)], [(f"X-{i}", "a" * 90) for i in range(1000)]):
            with self.subTest(fields=len(fields)):
                answer = fetch(self.server, "/", headers=fields)
                self.assertEqual(answer.status, 431, answer)

    def test_too_long_a_target(self):
        answer = fetch(self.server, "/" + "a" * 100_000)
        self.assertIn(answer.status, (414, 431), answer)

    def test_a_head_that_never_ends_is_bounded(self):
        with Connection(self.server) as client:
            client.send("GET / HTTP/1.1\r\n" + HOST)
            try:
                for _ in range(64):
                    client.send("X: " + "a" * 4096 + "\r\n")
            except OSError:
                pass
            answer = client.answer()
            self.assertTrue(answer is None or answer.status == 431, answer)

    def test_too_long_a_body_is_413(self):
        with Server(app("echo"), "--max-body", "1KiB") as server:
            self.assertEqual(fetch(server, "/", "POST", body=b"a" * 1024).status, 200)
            self.assertEqual(fetch(server, "/", "POST", body=b"a" * 1025).status, 413)
            with Connection(server) as client:
                client.send(post("Transfer-Encoding: chunked", body="401\r\n" + "a" * 0x401 + "\r\n0\r\n\r\n"))
                answer = client.answer()
                self.assertEqual(answer.status, 413, answer)

    def test_good_oddities_are_understood(self):
        """What looks odd and is allowed."""
        for name, data, body in (
                ("leading empty line", "\r\n" + post("Content-Length: 2", body="ok"), b"ok"),
                ("lower-case names", "POST / HTTP/1.1\r\nhost: t\r\ncontent-length: 2\r\n\r\nok", b"ok"),
                ("chunk extension", post("Transfer-Encoding: chunked", body="2;a=b\r\nok\r\n0\r\n\r\n"), b"ok"),
                ("trailers", post("Transfer-Encoding: chunked", body="2\r\nok\r\n0\r\nX: y\r\n\r\n"), b"ok"),
                ("upper-case coding", post("Transfer-Encoding: Chunked", body="2\r\nok\r\n0\r\n\r\n"), b"ok"),
                ("whole URL as target", "POST http://test/ HTTP/1.1\r\n" + HOST + "Content-Length: 2\r\n\r\nok", b"ok"),
                ("upgrade that is ignored", post("Connection: upgrade", "Upgrade: h2c", "Content-Length: 2", body="ok"), b"ok"),
                ("HTTP/1.0", "POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nok", b"ok"),
        ):
            with self.subTest(name), Connection(self.server) as client:
                client.send(data)
                answer = client.answer()
                self.assertIsNotNone(answer)
                self.assertEqual((answer.status, answer.body, answer.complete), (200, body, True), answer)

    def test_pipelined_requests_are_answered_in_order(self):
        with Connection(self.server) as client:
            client.send(b"".join(request("POST", "/", body=str(i).encode(), close=False) for i in range(50)))
            self.assertEqual([client.answer().body for _ in range(50)], [str(i).encode() for i in range(50)])

    def test_expect_continue(self):
        with Connection(self.server) as client:
            client.send("POST / HTTP/1.1\r\n" + HOST + "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n")
            self.assertTrue(client._line().startswith("HTTP/1.1 100"))
            self.assertEqual(client._line(), "")
            client.send("ok")
            self.assertEqual(client.answer().body, b"ok")

    def test_a_request_with_expect_and_its_body_in_one_piece(self):
        with Connection(self.server) as client:
            client.send(post("Expect: 100-continue", "Content-Length: 2", body="ok"))
            self.assertEqual(client.answer().body, b"ok")

    def test_head_and_options(self):
        with Connection(self.server) as client:
            client.send(request("HEAD", "/", close=False) + request("POST", "/", body=b"next", close=False))
            self.assertEqual(client.answer("HEAD").status, 200)
            self.assertEqual(client.answer().body, b"next")
        answer = fetch(self.server, "*", "OPTIONS")
        self.assertEqual((answer.status, answer.complete), (200, True), answer)


if __name__ == "__main__":
    main()
