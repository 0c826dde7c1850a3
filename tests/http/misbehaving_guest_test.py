# SPDX-License-Identifier: Apache-2.0
"""A guest that fails in every way it can: the client learns it, the log has its id, and every other request is answered."""

import re
import threading

from http_client import Connection, fetch, request
from weft import Server, SharedServerTest, WeftTest, app, main, wait_for


class MisbehavingGuestTest(SharedServerTest):
    """One server for all, so that each failure also has to leave the next test unharmed."""

    SERVER = ("misbehave", "--timeout", "1s", "--env", "GREETING=hello")

    def tearDown(self):
        self.assertTrue(self.server.alive(), self.server.err)
        answer = fetch(self.server, "/status?code=200")
        self.assertEqual((answer.status, answer.complete), (200, True), "another request was harmed")

    def fails_with(self, target, *statuses):
        answer = fetch(self.server, target)
        self.assertIsNotNone(answer, f"{target}: no answer\n{self.server.err}")
        self.assertIn(answer.status, statuses, answer)
        self.assertTrue(answer.complete, answer)
        self.assert_id_is_logged(answer)
        return answer

    def assert_id_is_logged(self, answer):
        """The body names an id under which the log tells more."""
        self.assertRegex(answer.text, r"\(id [0-9a-f]{16}\)$")
        identity = re.search(r"\(id ([0-9a-f]+)\)", answer.text).group(1)
        wait_for(lambda: f"request {identity}: " in self.server.err, f"{identity} in the log", 10)

    def is_cut(self, target):
        """The head arrived, and the message is visibly not whole."""
        with Connection(self.server) as client:
            client.send(request("GET", target, close=False))
            answer = client.answer()
            self.assertIsNotNone(answer, f"{target}: no answer\n{self.server.err}")
            self.assertFalse(answer.complete, f"{target}: {answer} looks whole")
            self.assertTrue(client.ended(), f"{target}: the connection stayed open after a cut answer")
            return answer

    def test_a_trap_before_the_head_is_500(self):
        self.fails_with("/trap-before", 500)

    def test_a_trap_before_the_head_has_left_is_an_error(self):
        # The guest set its head, but none of it was on the wire yet: an honest 500 is better than a cut answer. A guest whose slice of time ends
        # just between has its head sent first: then the answer is cut, and whole it never is.
        answer = fetch(self.server, "/trap-after")
        self.assertIsNotNone(answer, self.server.err)
        self.assertIn((answer.status, answer.complete), {(500, True), (200, False)}, answer)
        if answer.complete:
            self.assert_id_is_logged(answer)

    def test_a_trap_after_the_head_has_left_is_a_cut_answer(self):
        with Connection(self.server) as client:
            client.send("POST /trap-when-told HTTP/1.1\r\nHost: test\r\nContent-Length: 1\r\n\r\n")
            self.assertTrue(client._line().startswith("HTTP/1.1 200"))
            self.assertEqual(dict(client._fields()[0])["transfer-encoding"], "chunked")
            self.assertEqual((client._line(), client._bytes(19)), ("11", b"some of the body\n\r\n"))
            client.send("x")
            self.assertTrue(client.ended(), "more than the body's first chunk arrived")
        wait_for(lambda: "trap_when_told" in self.server.err, "the trap in the log", 10)

    def test_a_trap_is_logged_with_a_backtrace(self):
        fetch(self.server, "/trap-before")
        wait_for(lambda: re.search(r"trap_on_purpose\b.*?apps/misbehave/misbehave\.cpp:\d+", self.server.err, re.DOTALL), "the function and the line that trapped", 10)

    def test_a_spinning_guest_meets_the_deadline(self):
        self.fails_with("/spin", 504)

    def test_a_guest_that_never_answers_meets_the_deadline(self):
        self.fails_with("/never", 504)

    def test_no_response_is_502(self):
        self.fails_with("/no-response", 502)

    def test_a_memory_bomb_is_stopped(self):
        before = self.server.rss()
        answer = fetch(self.server, "/memory-bomb")
        self.assertEqual(answer.status, 200, answer)
        # The limit is 64 MiB, and the guest asks for one at a time.
        self.assertRegex(answer.text, r"^refused after (5[0-9]|6[0-3]) MiB")
        self.assertLess(self.server.rss() - before, 192 << 20, "its memory was not given back")

    def test_endless_recursion_traps(self):
        self.fails_with("/recurse", 500)

    def test_exit_is_a_failure_of_the_guest(self):
        for code in (0, 1):
            self.fails_with(f"/exit?code={code}", 502)

    def test_an_error_instead_of_a_response_is_500(self):
        self.fails_with("/error-response", 502)
        self.assertIn("DestinationUnavailable", self.server.err)

    def test_guests_that_go_on_for_ever_after_the_head_are_cut(self):
        self.is_cut("/spin-after")
        self.is_cut("/never-after")

    def test_a_request_body_that_is_not_read(self):
        with Connection(self.server) as client:
            client.send(request("POST", "/ignore-body", body=b"x" * 100_000, close=False))
            self.assertEqual(client.answer().text, "not read\n")

    def test_a_request_body_that_is_counted(self):
        answer = fetch(self.server, "/count", "POST", body=b"x" * 1_000_000)
        self.assertEqual(answer.text, "1000000\n")

    def test_output_is_logged_line_by_line_with_the_components_id(self):
        fetch(self.server, "/log?lines=3")
        for i in range(3):
            for stream in ("stdout", "stderr"):
                message = f"line {i} to {stream}"
                wait_for(lambda message=message: any(line["message"] == message and line["component"] == "misbehave" for line in self.server.log()), message, 10)

    def test_a_second_response_is_refused(self):
        answer = fetch(self.server, "/twice")
        self.assertIsNotNone(answer)
        # The guest traps. If the first answer has left already, the second never follows it.
        self.assertIn(answer.status, (200, 500), answer)
        self.assertNotIn("second", answer.text)

    def test_a_flood_of_headers_is_bounded(self):
        for query in ("", "?n=100000", "?n=10&size=1000000", "?n=1&size=30000000"):
            self.fails_with(f"/headers-flood{query}", 500)
        answer = fetch(self.server, "/headers-flood?n=100")
        self.assertEqual((answer.status, answer.text), (200, "refused 0 headers\n"), answer)
        self.assertEqual(sum(name.startswith("x-flood-") for name, _ in answer.headers), 100)

    def test_an_invalid_header_never_reaches_the_client(self):
        with Connection(self.server) as client:
            client.send(request("GET", "/bad-header"))
            data = b""
            while chunk := client.socket.recv(65536):
                data += chunk
        head, _, _ = data.partition(b"\r\n\r\n")
        self.assertTrue(head.startswith(b"HTTP/1.1 "), data[:200])
        for line in head.split(b"\r\n")[1:]:
            self.assertRegex(line, rb"^[!#$%&'*+.^_`|~0-9A-Za-z-]+:[\t\x20-\x7e\x80-\xff]*$")
        self.assertNotIn(b"injected", head.lower())
        self.assertNotIn(b"accepted", data, "the guest could set what is not allowed")

    def test_fewer_bytes_than_promised_is_a_cut_answer(self):
        self.is_cut("/short")

    def test_more_bytes_than_promised_never_reach_the_client(self):
        with Connection(self.server) as client:
            client.send(request("GET", "/long", close=False))
            answer = client.answer()
            self.assertIsNotNone(answer)
            self.assertFalse(answer.status == 200 and answer.complete, f"{answer} looks whole")
            self.assertTrue(client.ended(), "bytes beyond the promised length")

    def test_a_dropped_body_is_a_cut_answer(self):
        for target in ("/drop-body", "/drop-body-at-once"):
            answer = fetch(self.server, target)
            # The head may not have left when it is dropped: then the failure has a status of its own.
            self.assertTrue(answer.status == 502 or not answer.complete, f"{target}: {answer} looks whole")

    def test_a_body_that_is_left_open_is_a_cut_answer(self):
        for target in ("/keep-body", "/keep-body-at-once", "/keep-body-without-stream"):
            answer = fetch(self.server, target)
            self.assertTrue(answer.status == 502 or not answer.complete, f"{target}: {answer} looks whole")

    def test_a_body_that_is_left_open_harms_no_other(self):
        answer = fetch(self.server, "/keep-another-body")
        self.assertEqual((answer.status, answer.complete, answer.text), (200, True, "sent\n"), answer)

    def test_a_slow_guest_is_whole(self):
        answer = fetch(self.server, "/slow?pieces=5&ms=50")
        self.assertEqual((answer.status, answer.complete), (200, True), answer)

    def test_trailers_arrive(self):
        answer = fetch(self.server, "/trailers", headers=[("TE", "trailers")])
        self.assertEqual((answer.status, answer.complete), (200, True), answer)
        self.assertEqual(answer.trailers, [("x-checksum", "42")], answer)

    def test_a_big_answer_is_whole(self):
        for count in (0, 1, 65535, 65536, 65537, 5_000_000):
            answer = fetch(self.server, f"/big?bytes={count}")
            self.assertEqual((answer.status, answer.complete, len(answer.body)), (200, True, count))

    def test_the_environment_is_what_was_granted(self):
        answer = fetch(self.server, "/env")
        self.assertIn("GREETING=hello", answer.text)
        self.assertNotIn("PATH=", answer.text)

    def test_every_status_code_passes(self):
        for code in (200, 201, 204, 301, 304, 400, 404, 418, 500, 503, 599):
            answer = fetch(self.server, f"/status?code={code}")
            self.assertEqual((answer.status, answer.complete), (code, True), answer)

    def test_request_headers_arrive(self):
        answer = fetch(self.server, "/echo-headers", headers=[("X-One", "first"), ("X-Two", "a, b"), ("x-one", "again")])
        text = answer.text.lower()
        for word in ("x-one", "first", "again", "x-two", "a, b"):
            self.assertIn(word, text)

    def test_all_at_once_beside_good_requests(self):
        """Every failure at the same time, many times over, while another client works."""
        targets = ["/trap-before", "/trap-after", "/no-response", "/recurse", "/short", "/drop-body", "/keep-body", "/bad-header", "/memory-bomb", "/twice", "/exit"]
        errors = []

        def misbehave(target):
            for _ in range(10):
                fetch(self.server, target)

        threads = [threading.Thread(target=misbehave, args=(target,)) for target in targets]
        for thread in threads:
            thread.start()
        while any(thread.is_alive() for thread in threads):
            answer = fetch(self.server, "/status?code=200")
            if answer is None or answer.status != 200:
                errors.append(answer)
        for thread in threads:
            thread.join()
        self.assertEqual(errors, [])


class SpinningNeighbourTest(WeftTest):
    def test_good_requests_are_answered_beside_a_spinning_guest_on_every_shard(self):
        with Server(app("misbehave"), "--timeout", "0", "--shards", "2") as server:
            spinning = [Connection(server) for _ in range(8)]
            for client in spinning:
                client.send(request("GET", "/spin"))
            wait_for(lambda: server.cpu_seconds() > 0.2, "the guests spin")
            for _ in range(20):
                answer = fetch(server, "/status?code=200", timeout=20)
                self.assertEqual(answer.status, 200)
            for client in spinning:
                client.close()
            idle(self, server)
            self.assertEqual(server.stop(), 0, server.err)

    def test_a_leaving_client_stops_its_guest_and_frees_its_memory(self):
        with Server(app("misbehave"), "--timeout", "0") as server:
            fetch(server, "/status?code=200")
            before = server.rss()
            for _ in range(20):
                with Connection(server) as client:
                    client.send(request("GET", "/spin"))
                    spent = server.cpu_seconds()
                    wait_for(lambda spent=spent: server.cpu_seconds() > spent + 0.02, "the guest spins")
            idle(self, server)
            self.assertLess(server.rss() - before, 64 << 20)
            self.assertEqual(server.stop(), 0, server.err)


def idle(test, server):
    """No guest computes any more: CPU time stands still over a while."""

    def stands_still():
        spent = server.cpu_seconds()
        threading.Event().wait(0.3)
        return server.cpu_seconds() - spent <= 0.1

    wait_for(stands_still, "the guests stop computing", 20)
    test.assertTrue(server.alive())


class OverloadTest(WeftTest):
    def test_beyond_the_limit_is_503_with_retry_after(self):
        with Server(app("misbehave"), "--max-in-flight", "2", "--timeout", "0") as server:
            waiting = [Connection(server) for _ in range(2)]
            for client in waiting:
                client.send(request("GET", "/never-after"))
                self.assertTrue(client._line().startswith("HTTP/1.1 200"))
            answer = fetch(server, "/status?code=200")
            self.assertEqual(answer.status, 503, answer)
            self.assertIsNotNone(answer.header("retry-after"), answer)
            for client in waiting:
                client.close()
            wait_for(lambda: fetch(server, "/status?code=200").status == 200, "the limit frees again")
            self.assertEqual(server.stop(), 0, server.err)


if __name__ == "__main__":
    main()
