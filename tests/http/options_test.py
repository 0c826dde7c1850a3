# SPDX-License-Identifier: Apache-2.0
"""What the options of `weft run` change: reuse of instances, access log, grants, output of guests."""

import json

from http_client import Connection, fetch, request
from weft import Server, WeftTest, app, main, wait_for


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
            for i in range(5):
                self.assertEqual(sum(f"/page-{i}" in line for line in server.err.splitlines()), 1, server.err)
            for line in server.err.splitlines():
                json.loads(line)

    def test_a_log_line_cannot_be_forged_by_a_target(self):
        with Server(app("hello-c"), "--access-log", output="text") as server:
            self.assertRegex(server.ready, r"^hello-c\S* serves http://127\.0\.0\.1:\d+\n$")
            server.stop()

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
                holder.send(request("GET", "/never"))
                wait_for(lambda: fetch(server, "/status?code=200").status == 503, "a request is shed")
            wait_for(lambda: fetch(server, "/status?code=200").status == 200, "the place is free again")


if __name__ == "__main__":
    main()
