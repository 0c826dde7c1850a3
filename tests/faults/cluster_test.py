# SPDX-License-Identifier: Apache-2.0
"""Hosts at a cluster of three NATS servers, with what the lattice stores on all of them: a server is lost, and one is cut off from the two
others together with its host.

WEFT_TEST_LOSSES says how many servers are lost, one after the other (1)."""

import os
import time

from http_client import fetch
from lattice import LatticeTest
from load import PATIENCE, Load, figures
from nats_cluster import NatsCluster
from weft import main, wait_for

# Seconds that a host may take to know what was changed.
RESYNC = 2.0
LOSSES = int(os.environ.get("WEFT_TEST_LOSSES", "1"))
STREAMS = ("KV_LATTICEDATA_default", "KV_CONFIGDATA_default")
HELLO = "hello from C\n"


class ClusterTest(LatticeTest):
    """`here` is at the first server and `there` at the second; each knows all, as clients of a cluster do."""

    APPS = ("hello-c",)

    def setUp(self):
        super().setUp()
        wait_for(lambda: self.server.api("INFO"), "JetStream answers", 30)
        self.here, self.there = (self.host(name, url=server.url) for name, server in zip(("here", "there"), self.server.servers))
        self.there.start("site", "hello-c")
        self.here.start("home", "hello-c")
        self.sites = {component: self.serve(component) for component in ("site", "home")}
        self.server.replicate(*STREAMS)

    def new_server(self):
        return NatsCluster(self.folder)

    def serve(self, component):
        site = self.here.web(f"web-{component}")
        self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        return site

    def load(self, component):
        return Load(lambda: fetch(self.sites[component], timeout=PATIENCE), HELLO)

    def connected_to(self, host):
        url = host.control.question("status")["bus"]["url"]
        return next((server for server in self.server.servers if server.url == url), None)

    def assert_resync(self, name, *hosts):
        """How long it takes until a configuration that is stored now is known to those hosts."""
        self.assertTrue(hosts[0].control.command(f"config.put.{name}", {"a": "b"}).success)
        began = time.monotonic()
        for host in hosts:
            wait_for(lambda host=host: name in host.control.question("configs"), f"{name} is known to {host.name}\n{self.logs()}", 20)
        taken = time.monotonic() - began
        self.assertLess(taken, RESYNC)
        return taken

    def put(self, host, name):
        """What comes of a change that is told to that host. A host that cannot be reached may be given it, and is not waited for."""
        control = host.control
        return control.wait(control.begin(control.subject(f"config.put.{name}"), '{"a":"b"}', 3000))

    def assert_takes_changes(self, host, name):
        wait_for(lambda: self.put(host, name).success, f"changes are taken\n{self.logs()}", 90)


class LosingOneTest(ClusterTest):
    def test_one_server_of_three_is_lost(self):
        recoveries, writes, resyncs = [], [], []
        with self.load("home") as home, self.load("site") as remote:
            for number in range(LOSSES):
                if number:
                    wait_for(lambda: self.server.whole(*STREAMS), "the server has caught up", 180)
                # That of `here` first; then wherever it has gone.
                lost = self.connected_to(self.here)
                self.assertIsNotNone(lost, self.here.control.question("status"))
                killed = time.monotonic()
                lost.kill()
                wait_for(lambda killed=killed: time.monotonic() > killed + 1 and remote.succeeds_for(0.5), f"calls go on\n{self.logs()}", 30)
                recoveries.append(remote.recovery(killed))
                # What has lost its leader, a stream or JetStream's own administration, waits until the servers have chosen another: their time and not ours.
                self.assert_takes_changes(self.here, f"first-{number}")
                wait_for(lambda: self.server.api("STREAM.NAMES"), "JetStream is administered again", 60)
                writes.append(time.monotonic() - killed)
                resyncs.append(self.assert_resync(f"then-{number}", self.here, self.there))
                self.assertIsNotNone(self.connected_to(self.here))
                lost.start()
            self.assertEqual(home.failures(), [], self.logs())
        remote.assert_told(self)
        for host in self.hosts:
            status = host.control.question("status")
            self.assertEqual(status["links"], 2)
            self.assertLessEqual({f"{when}-{number}" for when in ("first", "then") for number in range(LOSSES)}, set(host.control.question("configs")))
        print(f"one of three servers lost: remote calls succeed after {figures(recoveries)}; JetStream takes changes after {figures(writes)}; "
              f"they are known after {figures(resyncs)}", flush=True)


class PartitionTest(ClusterTest):
    def test_a_host_is_cut_off_with_its_server(self):
        """The two of two servers go on as a lattice; the one alone runs what it runs, and says what it cannot do."""
        self.assertEqual(self.connected_to(self.here), self.server.servers[0])
        with self.load("home") as home, self.load("site") as remote:
            wait_for(lambda: len(remote.outcomes()) > 20, "calls are answered")
            cut = time.monotonic()
            self.server.isolate_first()
            wait_for(lambda: remote.failures(cut), "calls to the other side fail", 60)
            noticed = remote.failures(cut)[0].ended - cut
            # On the side of the majority.
            self.assert_takes_changes(self.there, "beyond")
            self.assertFalse("beyond" in self.here.control.question("configs"))
            refused = wait_for(lambda: self.refusal(), "a change is refused on this side", 60)
            print(f"refused on the small side: {refused.message}", flush=True)
            # Nobody here has forgotten anything, and what needs nobody goes on.
            before = len(home.outcomes())
            wait_for(lambda: len(home.outcomes()) > before + 50, "calls at home are answered", 10)
            self.here.start("home", "hello-c", 7)
            self.assertEqual(self.here.control.question("status")["links"], 2)
            said = {str(one.answer) for one in remote.failures(cut)}
            self.server.heal()
            healed = time.monotonic()
            wait_for(lambda: time.monotonic() > healed + 1 and remote.succeeds_for(1), f"calls go on\n{self.logs()}", 60)
            calls = remote.recovery(healed)
            wait_for(lambda: "beyond" in self.here.control.question("configs"), f"what was changed meanwhile is known\n{self.logs()}", 60)
            known = time.monotonic() - healed
            self.assertEqual(home.failures(), [], self.logs())
        remote.assert_told(self)
        # The servers choose leaders anew when they see each other again.
        self.assert_takes_changes(self.here, "settled")
        resync = self.assert_resync("after", self.here, self.there)
        print(f"partition: calls to the other side failed after {noticed:.3f} s, with {said}; when it was over they succeeded after {calls:.3f} s, changes of "
              f"meanwhile were known after {known:.3f} s, new ones after {resync:.3f} s; at home the longest call took {home.longest():.3f} s", flush=True)

    def refusal(self):
        answer = self.put(self.here, "mine")
        return None if answer.success else answer


if __name__ == "__main__":
    main()
