# SPDX-License-Identifier: Apache-2.0
"""A host that is cut off its NATS server: what runs on it answers all the time, and when the wire is whole again it knows within two seconds what the others
have changed, and has lost nothing.

WEFT_TEST_CUT says for how many seconds it is cut."""

import os
import time

from control import link
from daemon import Daemon, DaemonTest, Visitor, free_port, main, wait_for
from nats_server import NatsServer, Wire

RESYNC = 2.0  # seconds that it may take


class CutTest(DaemonTest):
    APPS = ("hello-c", "config-probe", "relay", "relay-http")

    def setUp(self):
        super().setUp()
        self.server = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.server.kill)
        self.addCleanup(self.server.resume)
        self.wire = Wire(self.server.port)
        self.addCleanup(self.wire.close)
        # Ended before the wire is.
        self.addCleanup(self.end)
        self.up("--nats", self.wire.url)
        (self.folder / "other").mkdir()
        self.other = Daemon(self.folder / "other", "--nats", self.server.url)
        self.addCleanup(self.other.kill)
        self.elsewhere = self.other.control()
        self.addCleanup(self.elsewhere.close)
        self.start_routes()
        self.control.do("config.put.probe", {"colour": "red"})
        self.control.do("config.put.kept", {"a": "b"})
        self.start("probe", "config-probe", config=["probe"])
        for component, name in (("hello", "hello-c"), ("front", "relay-http"), ("doomed", "hello-c"), ("late", "hello-c")):
            self.start(component, name)
        for component in ("hello", "front", "doomed", "probe"):
            self.route(component)
        self.start("worker", "relay")
        self.link("front", "worker", "weft:relay", ["relay"])
        for number in range(50):
            self.link(f"s{number}", "target", "wasi:keyvalue", ["store"])
        wait_for(lambda: self.known_links() == 55, "all links are known", 10)

    def known_links(self):
        """By this host itself; a question about the lattice may be answered by the other."""
        return self.control.question("status")["links"]

    def workloads(self):
        inventory = self.control.inventory()
        return {one["id"] for one in inventory["components"]}, {one["id"] for one in inventory["providers"]}

    def colour(self):
        return self.ask("probe", "/").text

    def local_work(self):
        """What needs nobody else goes on: calls over links, questions, commands about what runs here."""
        self.assertEqual(self.ask("front", "/say_still_here").text, "still here")
        self.assertEqual(self.control.question("status")["id"], self.daemon.id)
        self.control.do(*self.control.scale("worker", "relay", 7))
        self.control.do(*self.control.scale("worker", "relay", 100))
        refused = self.control.command("config.put.more", {"a": "b"})
        self.assertFalse(refused.success)
        self.assertIn("NATS server does not answer", refused.message)

    def change_elsewhere(self):
        self.elsewhere.insist("config.put.probe", {"colour": "green"})
        self.elsewhere.insist("config.put.route-late", {"host": "late"})
        self.elsewhere.insist(*link("web", "late", "wasi:http", ["incoming-handler"], name="late", source_config=["route-late"]))
        self.elsewhere.insist("link.del", {"source_id": "web", "name": "doomed", "wit_namespace": "wasi", "wit_package": "http"})
        self.assertEqual(self.colour(), "colour=red\n")

    def assert_resync(self, healed):
        def current():
            return (self.ask("late").status, self.colour(), self.ask("doomed").status) == (200, "colour=green\n", 404)

        while not current() and time.monotonic() < healed + 20:
            time.sleep(0.01)
        self.assertTrue(current(), f"{self.ask('late')} {self.colour()} {self.ask('doomed')}\n{self.daemon.err[-3000:]}")
        taken = time.monotonic() - healed
        print(f"current again after {taken:.3f} s", flush=True)
        self.assertLess(taken, RESYNC)

    def assert_all_is_there(self):
        self.assertEqual(self.known_links(), 55)
        self.assertEqual(self.ask("front", "/say_x").text, "x")
        self.assertEqual(self.control.command("config.get.kept").response, {"a": "b"})

    def cut_for(self, seconds, begin, end):
        runs = self.workloads()
        with Visitor(self) as visitor:
            begin()
            ends_at = time.monotonic() + seconds
            wait_for(lambda: not self.control.command("config.put.more", {"a": "b"}).success, "the cut is noticed", 60)
            while time.monotonic() < ends_at:
                before = visitor.answers
                self.local_work()
                wait_for(lambda: visitor.answers > before, "the neighbour is answered", 5)
                time.sleep(0.2)
            end()
            yield time.monotonic()
        self.assertLess(visitor.longest, 5)
        self.assertEqual(self.workloads(), runs, "something that ran does not any more")
        self.assert_idle()

    def test_a_wire_that_is_cut_for_a_minute(self):
        for healed in self.cut_for(float(os.environ.get("WEFT_TEST_CUT", "60")), self.wire.cut, lambda: (self.change_elsewhere(), self.wire.heal())):
            self.assert_resync(healed)
        self.assert_all_is_there()
        wait_for(lambda: self.elsewhere.command(f"host.get.{self.daemon.id}").success, "others reach it again", 5)
        self.control.do("config.put.after", {"a": "b"})
        wait_for(lambda: self.elsewhere.command("config.get.after").response == {"a": "b"}, "what it writes is the lattice's again", 5)
        self.down()
        self.assertEqual(self.other.stop(), 0, self.other.err)

    def test_a_server_that_stands_still(self):
        for healed in self.cut_for(5, self.server.pause, self.server.resume):
            wait_for(lambda: self.control.command("config.put.after", {"a": "b"}).success, "the server takes changes again", 30)
            self.assertLess(time.monotonic() - healed, RESYNC)
        self.assert_all_is_there()
        self.down()


if __name__ == "__main__":
    main()
