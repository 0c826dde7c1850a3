# SPDX-License-Identifier: Apache-2.0
"""A guest whose request goes through http-client to a server that cannot prove who it is: the guest gets wasi:http's error-code, no byte of the request leaves."""

import os

from certificates import Authority
from daemon import DaemonTest, Visitor, main, wait_for
from upstream import Upstream, answering

TLS_PROTOCOL_ERROR, TLS_CERTIFICATE_ERROR = 12, 13  # the indexes in wasi:http's error-code, as apps/proxy tells them


class TlsTest(DaemonTest):
    APPS = ("hello-c", "proxy")

    def setUp(self):
        super().setUp()
        self.authority = Authority(self.folder)
        self.up()
        self.start_routed_hello()
        self.control.do("config.put.client", {"load_native_certs": "false", "load_webpki_certs": "false", "ssl_certs_file": str(self.authority.file)})
        self.control.do(*self.control.start_provider("client", "http-client", ["client"]))
        self.start("proxy", "proxy")
        self.route("proxy")
        self.link("proxy", "client", "wasi:http", ["outgoing-handler"])

    def ask_through(self, upstream, host="localhost", scheme="https"):
        return self.ask("proxy", f"/?url={scheme}://{host}:{upstream.port}/path", "POST", [("X-Secret", "of the guest")], body=b"a secret body")

    def is_refused(self, context, error=TLS_CERTIFICATE_ERROR, host="localhost"):
        with Upstream(answering("not to be believed"), context) as upstream:
            answer = self.ask_through(upstream, host)
            self.assertEqual((answer.status, answer.text), (502, f"error {error}\n"), answer)
            self.assertEqual(upstream.connections, 1, "one attempt, and no other way round")
            self.assertEqual(bytes(upstream.received), b"", "the request was sent to whoever answered")

    def open_files(self):
        return len(os.listdir(f"/proc/{self.daemon.process.pid}/fd"))

    def test_who_is_trusted(self):
        with Upstream(answering("believed"), self.authority.server("DNS:localhost")) as upstream:
            answer = self.ask_through(upstream)
            self.assertEqual((answer.status, answer.text), (200, "believed"), answer)
            self.assertIn(b"x-secret: of the guest", bytes(upstream.received).lower())
        self.down()

    def test_who_is_not(self):
        wrong = {"expired": self.authority.server("DNS:localhost", -48, -24), "not yet": self.authority.server("DNS:localhost", 24, 48),
                 "another name": self.authority.server("DNS:elsewhere.test"), "self-signed": self.authority.self_signed(),
                 "another authority": Authority(self.folder, "other").server("DNS:localhost")}
        with Visitor(self):
            for kind, context in wrong.items():
                with self.subTest(kind):
                    self.is_refused(context)
            with self.subTest("a name, asked by its address"):
                self.is_refused(self.authority.server("DNS:localhost"), host="127.0.0.1")
        self.assert_idle()
        self.down()

    def test_who_speaks_no_tls(self):
        with Upstream(lambda peer: peer.connection.recv(1) and peer.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")) as upstream:
            answer = self.ask_through(upstream)
            self.assertEqual((answer.status, answer.text), (502, f"error {TLS_PROTOCOL_ERROR}\n"), answer)
        self.assert_idle()
        self.down()

    def test_nothing_is_left_of_many_refusals(self):
        expired = self.authority.server("DNS:localhost", -48, -24)
        self.is_refused(expired)
        files = self.open_files()
        with Upstream(answering("not to be believed"), expired) as upstream:
            for _ in range(100):
                self.assertEqual(self.ask_through(upstream).text, f"error {TLS_CERTIFICATE_ERROR}\n")
        self.assert_idle()
        wait_for(lambda: self.open_files() <= files, "the connections are closed", 10)
        with Upstream(answering("believed"), self.authority.server("DNS:localhost")) as upstream:
            self.assertEqual(self.ask_through(upstream).text, "believed")
        self.down()


if __name__ == "__main__":
    main()
