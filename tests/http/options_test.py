# SPDX-License-Identifier: Apache-2.0
"""What the options of `weft run` change: reuse of instances, access log, grants, output of guests."""

import json

from http_client import Connection, fetch, request
from weft import Server, WeftTest, app, main, wait_for, weft


def access_lines(server):
    """The access log by target. Shards write it at once, so that its order is not the clients'."""
    lines = [line["message"] for line in server.log() if line["message"].startswith("access ")]
    return {line.split()[4]: line for line in lines}


class OptionsTest(WeftTest):
    def test_reuse_answers_as_a_fresh_instance_does(self):
        for options in ((), ("--reuse", "1"), ("--reuse", "1000")):
            with self.subTest(options=options), Server(app("hello-c"), *options) as server:
                for _ in range(50):
                    self.assertEqual(fetch(server).body, b"hello from C\n")
                self.assertEqual(server.stop(), 0, server.err)

    def test_an_instance_is_never_reused_after_a_trap(self):
        with Server(app("misbehave"), "--reuse", "1000", "--shards", "1", "--timeout", "1s") as server:
            for target, status in (("/trap-before", 500), ("/recurse", 500), ("/spin", 504), ("/no-response", 502)):
                for _ in range(3):
                    self.assertEqual(fetch(server, target).status, status, target)
                    self.assertEqual(fetch(server, "/status?code=200").status, 200, f"after {target}")

    def test_no_access_log_unless_asked(self):
        with Server(app("hello-c")) as server:
            fetch(server, "/quiet")
            self.assertEqual(server.stop(), 0)
            self.assertNotIn("/quiet", server.err)

    def test_access_log_has_one_line_per_request(self):
        with Server(app("hello-c"), "--access-log") as server:
            for i in range(5):
                fetch(server, f"/page-{i}")
            self.assertEqual(server.stop(), 0)
            lines = access_lines(server)
            self.assertEqual(len(lines), 5, server.err)
            for i in range(5):
                self.assertRegex(lines[f"/page-{i}"], rf"^access [0-9a-f]+ 127\.0\.0\.1:\d+ GET /page-{i} 200 in=0 out=13 us=\d+$")

    def test_access_log_tells_what_failed_and_what_was_cut(self):
        with Server(app("misbehave"), "--access-log") as server:
            failed = fetch(server, "/trap-before")
            fetch(server, "/short")
            with Connection(server) as client:
                client.send("nonsense\r\n\r\n")
                client.answer()
            self.assertEqual(server.stop(), 0)
            lines = access_lines(server)
            self.assertEqual(len(lines), 3, server.err)
            identity = lines["/trap-before"].split()[1]
            self.assertIn(f"(id {identity})", failed.text)
            self.assertTrue(any(line["message"].startswith(f"request {identity}: ") for line in server.log()), server.err)
            self.assertRegex(lines["/trap-before"], r"GET /trap-before 500 in=0 out=\d+ us=\d+$")
            self.assertRegex(lines["/short"], r"GET /short 200 in=0 out=5 us=\d+ incomplete$")
            self.assertRegex(lines["-"], r" - - 400 in=0 out=\d+ us=\d+$")

    def test_a_log_line_cannot_be_forged(self):
        """Neither by a client's target nor by what a guest prints, in text or JSON."""
        with Server(app("hello-c"), "--access-log", output="text") as server:
            port = int(server.ready.rsplit(":", 1)[1])
            server.host, server.port = "127.0.0.1", port
            for target in ("/\x1b[31m", "/a\nb", "/a\rb", "/\x85", "/%1b%0a"):
                with Connection(server) as client:
                    client.send(f"GET {target} HTTP/1.1\r\nHost: t\r\n\r\n")
                    client.answer()
            self.assertEqual(server.stop(), 0)
            for line in server.err.splitlines():
                self.assertRegex(line, r"^\d{4}-\d\d-\d\dT\S+Z info (\[hello-c\] access|stopping)[ -~]*$")
        words = ("0", "a\x1b[31m\rb\nforged")
        text = weft("run", app("cli-hello"), "--stdio", "log", "--", *words).err
        self.assertIn("argument 2: a\\x1b[31m\\x0db\n", text)
        self.assertTrue(all(line.split(" ", 1)[1].startswith(("info [cli-hello] ", "warning [cli-hello] ")) for line in text.splitlines()), text)
        for line in weft("run", app("cli-hello"), "--stdio", "log", "-o", "json", "--", *words).err.splitlines():
            self.assertEqual(json.loads(line)["component"], "cli-hello")

    def test_timeout_is_per_request(self):
        with Server(app("misbehave"), "--timeout", "400ms") as server, Connection(server) as client:
            for _ in range(3):
                client.send(request("GET", "/sleep?ms=150", close=False))
                self.assertEqual(client.answer().status, 200)
            client.send(request("GET", "/sleep?ms=20000", close=False))
            self.assertEqual(client.answer().status, 504)

    def test_max_memory_is_a_limit(self):
        with Server(app("misbehave"), "--max-memory", "8MiB") as server:
            self.assertRegex(fetch(server, "/memory-bomb").text, r"^refused after [2-7] MiB")
            self.assertEqual(fetch(server, "/status?code=200").status, 200)

    def test_max_concurrent_is_a_limit(self):
        with Server(app("misbehave"), "--max-concurrent", "1", "--timeout", "0", "--shards", "1") as server:
            with Connection(server) as holder:
                holder.send(request("GET", "/never-after"))
                self.assertTrue(holder._line().startswith("HTTP/1.1 200"))
                answer = fetch(server, "/status?code=200")
                self.assertEqual(answer.status, 503, answer)
                self.assertIsNotNone(answer.header("retry-after"), answer)
            wait_for(lambda: fetch(server, "/status?code=200").status == 200, "the place is free again")


if __name__ == "__main__":
    main()
