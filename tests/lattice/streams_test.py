# SPDX-License-Identifier: Apache-2.0
"""Streams and futures in the parameters and results of a component's own interfaces: between two components of one host, between two hosts, and with
a side that goes early."""

import json
import pathlib
import re

from daemon import at_once
from lattice import LatticeTest
from weft import main, wait_for, weft

MEBIBYTE = 1 << 20
# How much larger a host may become by what streams through it.
MOST_GROWTH = 40 * MEBIBYTE


def resident(host):
    """Bytes of a host's memory, now."""
    status = pathlib.Path(f"/proc/{host.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+) kB", status).group(1)) * 1024


def sum_of(count):
    """Of the bytes 0, 1, ... 255, 0, ..."""
    whole, rest = divmod(count, 256)
    return whole * (255 * 128) + rest * (rest - 1) // 2


class StreamsTest(LatticeTest):
    APPS = ("streams-caller", "streams-callee")

    def start_pair(self, here, there, **caller):
        here.start("caller", "streams-caller", **caller)
        there.start("callee", "streams-callee")
        self.put_link("caller", "callee", "weft:streams", ["pipes"])

    def call(self, function, *arguments):
        return weft("call", "caller", f"weft:streams/drive#{function}", *map(json.dumps, arguments), "--json", "--nats", self.server.url, env={"HOME": str(self.folder)})

    def gives(self, expected, function, *arguments):
        outcome = self.call(function, *arguments)
        self.assertEqual(outcome.code, 0, f"{function}{arguments}: {outcome}\n{self.logs()}")
        self.assertEqual(json.loads(outcome.out), expected, f"{function}{arguments}")

    def assert_all_forms(self):
        """Each type of stream and future that the callee knows, in each direction."""
        self.gives(42, "double", 21)
        for count in (0, 1, 65_537, 3 * MEBIBYTE + 5):
            self.gives([count, sum_of(count)], "send", count)
            self.gives(count, "fetch", count)
        self.gives([f"p={at - 1}" for at in range(50)], "label", 50)
        self.gives([], "label", 0)
        self.gives({"ok": [["three", "small", "words"], 15]}, "words", "three small words")
        self.gives({"err": "there are no words"}, "words", "")
        self.gives({"ok": "back again"}, "echo", "back again")
        self.gives({"err": "there is nothing to give back"}, "echo", None)
        self.gives(["through", 7], "pass", "through", 7)

    def assert_leaving(self):
        """Whoever reads may go: the writer, which would never end, is told. A writer that goes breaks off."""
        for count in (1, 100_000):
            self.gives(count, "send-until-dropped", count)
            self.gives(count, "fetch-some", count)
        outcome = self.call("broken")
        self.assertNotEqual(outcome.code, 0, "it looked like an end")
        self.assertIn("broke off", outcome.err)

    def assert_idle(self, *hosts):
        """Nobody goes on for nobody."""
        def running():
            return [one for host in hosts for one in host.control.question("components") if one["running"]]

        wait_for(lambda: not running(), f"every call has ended: {running()}\n{self.logs()}")

    def test_in_process(self):
        here = self.host("here")
        self.start_pair(here, here)
        self.assert_all_forms()
        self.assert_idle(here)

    def test_between_two_hosts(self):
        here, there = self.host("here"), self.host("there")
        self.start_pair(here, there)
        self.assert_all_forms()
        self.assert_idle(here, there)

    def test_early_drop_and_back_pressure(self):
        here, there = self.host("here"), self.host("there")
        self.start_pair(here, here)
        count = 100 * MEBIBYTE
        for hosts in ((here,), (here, there)):
            if there in hosts:
                here.stop_component("callee", "streams-callee")
                there.start("callee", "streams-callee")
            self.assert_leaving()
            self.gives([MEBIBYTE, sum_of(MEBIBYTE)], "send", MEBIBYTE)
            before = [resident(host) for host in hosts]
            self.gives([count, sum_of(count)], "send", count)
            self.gives(count, "fetch", count)
            at_once(*[lambda: self.gives(MEBIBYTE, "fetch", MEBIBYTE) for _ in range(8)])
            for host, size in zip(hosts, before):
                self.assertLess(resident(host) - size, MOST_GROWTH, host.name)
            self.assert_idle(*hosts)

    def test_a_call_that_is_out_of_time_ends_everywhere(self):
        """Whichever way it streams, and whoever is at work for it."""
        here, there = self.host("here"), self.host("there")
        self.start_pair(here, here, component_limits={"max_execution_time": "1"})
        for hosts in ((here,), (here, there)):
            if there in hosts:
                here.stop_component("callee", "streams-callee")
                there.start("callee", "streams-callee")
            for function in ("send", "fetch"):
                outcome = self.call(function, 1 << 60)
                self.assertIn("took longer than it may", outcome.err, function)
            self.assert_idle(*hosts)


if __name__ == "__main__":
    main()
