# SPDX-License-Identifier: Apache-2.0
"""What stands with one foot on wasmCloud's own host, version 1.9, and with the other on a weft host: objects and their store, and one component on both.

Needs their programs, which WASMCLOUD_HOST and WASMCLOUD_BLOBSTORE_FS name, and a nats-server; skipped, visibly, without."""

import collections
import contextlib
import threading

from daemon import at_once
from http_client import fetch
from objects import Checks
from wasmcloud import BothHostsTest, find_program
from weft import main, wait_for


class ObjectsTest(Checks, BothHostsTest):
    def start_objects(self, host):
        self.start("objects", "objects", host)
        self.site = self.start_web("web", host)
        self.link("web", "objects", "wasi:http", "incoming-handler")
        self.configure("objects", root=str(self.folder / "objects"))
        self.link("objects", "blobs", "wasi:blobstore", "blobstore", target_config="objects")
        self.serves(self.site, "/x?exists", "no\n")

    def test_our_guest_keeps_objects_in_their_store_on_their_host(self):
        self.start_program("blobs", find_program("blobstore-fs"), self.theirs)
        self.start_objects(self.ours)
        self.check_beside_wasmcloud(self.folder / "objects")

    def test_our_store_on_our_host_serves_a_guest_of_their_host(self):
        self.weft("start", "provider", "wasmcloud+builtin://blobstore-fs", "blobs", "--host", self.ours)
        self.start_objects(self.theirs)
        self.check_beside_wasmcloud(self.folder / "objects")


class SharedComponentTest(BothHostsTest):
    """One component on both hosts. What it is differs, so that its answers tell which of them gave them."""

    OURS, THEIRS = "hello from C\n", "hello from C++\n"
    # Callers made with wasmCloud's transport now and then miss the accept of a call on a busy machine, whoever serves it, and wait in vain: so many
    # attempts for each answer.
    attempts = 1

    def setUp(self):
        super().setUp()
        self.run_ours()
        self.run_theirs()

    def run_ours(self):
        self.weft("start", "component", self.hello, "hello", "--host", self.ours)

    def run_theirs(self):
        self.weft("start", "component", self.other, "hello", "--host", self.theirs)

    def stop_ours(self, ended):
        try:
            self.weft("stop", "component", "hello", "--host", self.ours)
        finally:
            ended.set()

    def where(self):
        return {one["host"] for one in self.weft("get", "components")["components"]}

    def ask(self, site):
        for _ in range(self.attempts - 1):
            with contextlib.suppress(TimeoutError):
                return fetch(site, "/")
        return fetch(site, "/")

    def visit(self, site, count=100):
        """Who answered how often; all of them did, and well."""
        answers = [self.ask(site) for _ in range(count)]
        wrong = [answer for answer in answers if answer is None or (answer.status, answer.complete) != (200, True)]
        self.assertEqual(wrong[:3], [], f"{len(wrong)} of {count}\n{self.logs()}")
        return collections.Counter(answer.text for answer in answers)

    def visit_until(self, ended, site):
        while not ended.is_set():
            self.visit(site, 10)

    def check_shares(self, site):
        """A host is asked as soon as it has subscribed, and each then has its share."""
        wait_for(lambda: set(self.visit(site, 10)) == {self.OURS, self.THEIRS}, "both answer")
        shares = self.visit(site)
        self.assertGreater(min(shares[self.OURS], shares[self.THEIRS]), 10, shares)

    def serve(self, site):
        self.link("web", "hello", "wasi:http", "incoming-handler")

        def answers():
            with contextlib.suppress(OSError):
                return fetch(site, "/").status == 200

        wait_for(answers, f"it is served\n{self.logs()}")

    def check_both(self, site):
        self.serve(site)
        self.check_shares(site)
        # Each serves one call at a time, and nobody starves.
        at_once(*[lambda: self.visit(site, 10)] * 20)
        # Ours ends in the midst of calls, and loses none.
        ended = threading.Event()
        at_once(lambda: self.visit_until(ended, site), lambda: self.stop_ours(ended))
        self.assertEqual(self.visit(site), {self.THEIRS: 100})
        self.run_ours()
        self.check_shares(site)
        self.weft("stop", "component", "hello", "--host", self.theirs)
        wait_for(lambda: self.where() == {self.ours}, "theirs has ended")
        self.assertEqual(self.visit(site), {self.OURS: 100})
        self.run_theirs()
        self.check_shares(site)

    def test_their_http_server_calls_both(self):
        self.attempts = 3
        self.check_both(self.start_web("web", self.theirs, find_program("http-server")))

    def test_our_http_server_on_a_third_host_calls_both(self):
        self.check_both(self.start_web("web", self.start_ours("third").ready["host"]))

    def test_a_host_that_ends_leaves_the_calls_to_the_other(self):
        site = self.start_web("web", self.start_ours("third").ready["host"])
        self.serve(site)
        self.check_shares(site)
        self.weft("stop", "host", self.theirs)
        self.process.wait(20)
        self.assertEqual(self.visit(site), {self.OURS: 100})


if __name__ == "__main__":
    main()
