# SPDX-License-Identifier: Apache-2.0
"""Calls between two hosts whose NATS server is killed, cut off, slow or full, and a host that is cut off: what cannot be done fails with words and in time,
what needs nobody else goes on, and everything goes on when there is a server again.

WEFT_TEST_CUT says for how many seconds a wire is cut (12)."""

import contextlib
import os
import threading
import time

from daemon import free_port
from http_client import fetch
from lattice import LatticeTest
from load import PATIENCE, Load
from nats_client import NatsClient
from nats_server import NatsServer, Wire
from weft import main, wait_for

RESYNC = 2.0  # seconds that a host may take to know what has changed, once there is a server
CUT = float(os.environ.get("WEFT_TEST_CUT", "12"))
HELLO = "hello from C\n"


class PlaneTest(LatticeTest):
    """`here` reaches the server over a wire, `there` without one. `remote` leads from here to there, `home` stays here."""

    APPS = ("hello-c", "misbehave")

    def setUp(self):
        super().setUp()
        self.wire = Wire(self.server.port)
        self.addCleanup(self.wire.close)
        self.here, self.there = self.host("here", url=self.wire.url), self.host("there")
        self.there.start("site", "hello-c")
        self.there.start("slow", "misbehave")
        self.here.start("home", "hello-c")
        self.remote, self.home, self.slow = (self.serve(component) for component in ("site", "home", "slow"))

    def serve(self, component):
        site = self.here.web(f"web-{component}")
        self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        return site

    def load(self, site, **more):
        return Load(lambda: fetch(site, timeout=PATIENCE), HELLO, **more)

    def waiting_calls(self, count=8):
        """Requests that `there` is at work on; they are told nothing for a minute."""
        answers = []
        threads = [threading.Thread(target=lambda: answers.append((fetch(self.slow, "/sleep?ms=60000"), time.monotonic()))) for _ in range(count)]
        for thread in threads:
            thread.start()
        wait_for(lambda: self.running_there() == count, "they run there")
        return threads, answers

    def running_there(self):
        return sum(one["running"] for one in self.there.control.question("components") if one["id"] == "slow")

    def knows(self, host, name):
        """That host itself; a question about the lattice may be answered by the other."""
        return name in host.control.question("configs")

    def assert_resync(self, since, *names):
        """`here` knows what others have changed, within two seconds from that moment."""
        wait_for(lambda: all(self.knows(self.here, name) for name in names), f"{names} are known here\n{self.logs()}", 20)
        taken = time.monotonic() - since
        print(f"{self.id().rpartition('.')[2]}: current again after {taken:.3f} s", flush=True)
        self.assertLess(taken, RESYNC)

    def assert_works(self, within=10):
        """Both ways, and nothing is lost of what was stored."""
        for site in (self.remote, self.home):
            wait_for(lambda site=site: fetch(site).text == HELLO, f"it is served\n{self.logs()}", within)
        for host in self.hosts:
            self.assertEqual(host.control.question("status")["links"], 3)

    def assert_home_goes_on(self, load):
        before = len(load.outcomes())
        wait_for(lambda: len(load.outcomes()) > before + 20, "calls at home are answered", 10)
        self.assertEqual(load.failures(), [], self.logs())


class GoneTest(PlaneTest):
    def test_a_server_that_is_killed_under_calls(self):
        recoveries = []
        with self.load(self.home) as home, self.load(self.remote) as remote:
            for number in range(3):
                threads, answers = self.waiting_calls()
                killed = time.monotonic()
                self.server.kill()
                for thread in threads:
                    thread.join()
                for answer, ended in answers:
                    self.assertEqual((answer.status, answer.complete), (503, True), answer)
                    self.assertLess(ended - killed, 5)
                self.assert_home_goes_on(home)
                refused = self.here.control.command("config.put.more", {"a": "b"})
                self.assertIn("NATS server does not answer", refused.message)
                self.server.start()
                began = time.monotonic()
                wait_for(lambda number=number: self.there.control.command(f"config.put.news-{number}", {"a": "b"}).success, "the server takes changes", 20)
                self.assert_resync(began, f"news-{number}")
                wait_for(lambda: remote.succeeds_for(0.5), f"calls go on\n{self.logs()}", 20)
                recoveries.append(remote.recovery(began))
                wait_for(lambda: not self.running_there(), "what nobody waits for any more ends", 20)
            self.assert_home_goes_on(home)
        remote.assert_told(self)
        print(f"killed: remote calls succeed that begin {', '.join(f'{one:.3f}' for one in recoveries)} s after the server is back", flush=True)
        self.assertLess(max(recoveries), 10)
        self.assert_works()

    def test_a_wire_that_is_cut_under_calls(self):
        with self.load(self.home) as home, self.load(self.remote) as remote:
            threads, answers = self.waiting_calls()
            began = time.monotonic()
            self.wire.cut()
            while time.monotonic() < began + CUT:
                self.assert_home_goes_on(home)
            for thread in threads:
                thread.join()
            for answer, ended in answers:
                self.assertEqual((answer.status, answer.complete), (503, True), answer)
            noticed = max(ended for _, ended in answers) - began
            self.there.control.insist("config.put.news", {"a": "b"})
            self.wire.heal()
            healed = time.monotonic()
            self.assert_resync(healed, "news")
            wait_for(lambda: remote.succeeds_for(0.5), f"calls go on\n{self.logs()}", 30)
            recovery = remote.recovery(healed)
            self.assert_home_goes_on(home)
        remote.assert_told(self)
        print(f"cut for {CUT:.0f} s: calls in flight failed after {noticed:.3f} s, remote calls succeed {recovery:.3f} s after it is whole; at home the "
              f"longest call took {home.longest():.3f} s", flush=True)
        self.assert_works()

    def test_a_wire_that_is_slow(self):
        """A fifth of a second each way and 256 KiB a second: calls between hosts are slow and succeed, those at home do not notice."""
        self.wire.slow(0.2, 256 << 10)
        with self.load(self.home) as home, self.load(self.remote) as remote:
            wait_for(lambda: len(remote.outcomes()) > 20, "slow calls are answered", 60)
            self.there.control.do("config.put.news", {"a": "b"})
            self.assert_resync(time.monotonic(), "news")
            self.here.control.do("config.put.mine", {"a": "b"})
        self.assertEqual(remote.failures() + home.failures(), [], self.logs())
        print(f"slow: remote calls took {remote.percentile(50):.3f} s (median), at home {home.percentile(50):.4f} s, 99 of 100 within {home.percentile(99):.4f} s",
              flush=True)
        self.assertGreater(remote.percentile(50), 0.35)
        self.assertLess(home.percentile(99), 0.35, "what stays here does not wait for the wire")
        self.wire.heal()
        self.assert_works()


class FullTest(LatticeTest):
    """A server whose JetStream has room for a megabyte, and somebody else who takes most of it."""

    APPS = ("hello-c",)

    def new_server(self):
        return NatsServer(self.folder / "js", free_port(), jetstream="max_file_store: 1MB")

    def test_a_server_that_is_full(self):
        here, there = self.host("here"), self.host("there")
        there.start("site", "hello-c")
        here.start("home", "hello-c")
        sites = {}
        for component in ("site", "home"):
            sites[component] = here.web(f"web-{component}")
            self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
            self.wait_until_served(sites[component])
        client = NatsClient(self.server.port)
        self.addCleanup(client.close)
        client.api("STREAM.CREATE.OTHERS", name="OTHERS", subjects=["others"], storage="file")
        for _ in range(12):
            self.assertIn("seq", client.ask("others", "x" * 50_000))
        loads = [Load(lambda site=site: fetch(site, timeout=PATIENCE), HELLO) for site in sites.values()]
        with loads[0], loads[1]:
            stored, refused = [], None
            for number in range(100):
                answer = here.control.command(f"config.put.big{number}", {"a": "x" * 50_000})
                if not answer.success:
                    refused = answer
                    break
                stored.append(f"big{number}")
            self.assertIsNotNone(refused, "it never was full")
            print(f"full after {len(stored)} configurations: {refused.message}", flush=True)
            self.assertRegex(refused.message, "resources|storage|full|space")
            # What the lattice does not have to store goes on; what it has to is refused with the reason, and nothing that was there is lost.
            there.start("site", "hello-c", 7)
            ended = there.control.outcome(there.control.command(*there.control.scale("second", "hello-c", 1)))
            self.assertIn("resources", ended["message"], ended)
            self.assertFalse(here.control.command("config.put.big-too", {"a": "x" * 50_000}).success)
            for name in stored:
                self.assertEqual(len(here.control.command(f"config.get.{name}").response["a"]), 50_000, name)
            self.assertEqual(here.control.question("status")["links"], 2)
            client.api("STREAM.DELETE.OTHERS")
            wait_for(lambda: here.control.command("config.put.after", {"a": "b"}).success, f"there is room again\n{self.logs()}", 20)
        for load in loads:
            self.assertEqual(load.failures(), [], self.logs())


class SilentHostTest(LatticeTest):
    """What runs on two hosts, one of which is cut off without a word: the NATS server still gives it its share of the calls."""

    APPS = ("hello-c",)

    def test_a_host_that_is_cut_off_in_silence(self):
        wire = Wire(self.server.port)
        self.addCleanup(wire.close)
        front, right, left = self.host("front"), self.host("right"), self.host("left", url=wire.url)
        for host in (left, right):
            host.start("site", "hello-c")
        site = front.web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        with Load(lambda: fetch(site, timeout=PATIENCE), HELLO, callers=8) as load:
            wait_for(lambda: len(load.outcomes()) > 100, "calls are answered")
            cut = time.monotonic()
            wire.cut()
            recovered = False
            with contextlib.suppress(AssertionError):
                recovered = wait_for(lambda: time.monotonic() > cut + 4 and load.succeeds_for(3), "the other host serves all", 15)
            since = load.recovery(cut)
            wire.heal()
            wait_for(lambda: load.succeeds_for(1), f"calls go on when it is back\n{self.logs()}", 30)
        lost = load.failures(cut)
        print(f"silent host: {len(lost)} of {len(load.outcomes(cut))} calls failed, the last began {since:.3f} s after the cut"
              f"{'' if recovered else ', and so it went on'}; the longest took {load.longest(cut):.3f} s", flush=True)
        load.assert_told(self)
        # Nobody waits longer than ten seconds for a host to accept a call.
        self.assertLess(load.longest(cut), 20)


if __name__ == "__main__":
    main()
