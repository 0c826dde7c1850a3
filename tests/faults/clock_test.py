# SPDX-License-Identifier: Apache-2.0
"""Hosts whose clocks are an hour apart, and a peer whose events say any time: nothing between hosts depends on the time of day, but signatures do."""

import json
import os
import subprocess
import time
import unittest

from http_client import fetch
from lattice import LatticeTest
from load import Load
from provider_process import Nats
from registry import home
from weft import BINARY, BUILD, app, main, wait_for, weft

HOUR, DAY = 3600, 86_400
SKEWED = BUILD / "tests/weft_skewed_clock.so"
ONE_SECOND = {"component_limits": {"max_execution_time": "1"}}


def skew(seconds):
    """The environment of a process whose wall clock is so far ahead."""
    if not SKEWED.exists():
        raise unittest.SkipTest(f"{SKEWED} is not built; sanitizers cannot use it")
    return {"LD_PRELOAD": str(SKEWED), "WEFT_TEST_CLOCK_SKEW": str(seconds)}


def moment(event):
    """When an event says that it happened, in seconds since 1970."""
    text = event["time"].partition(".")[0].rstrip("Z")
    return time.mktime(time.strptime(text, "%Y-%m-%dT%H:%M:%S")) - time.timezone


class ClockTest(LatticeTest):
    APPS = ("hello-c", "misbehave", "relay")

    def hosts_apart(self):
        self.now = self.host("now", "--heartbeat", "1s")
        self.ahead = self.host("ahead", "--heartbeat", "1s", env=skew(HOUR))
        self.behind = self.host("behind", "--heartbeat", "1s", env=skew(-HOUR))

    def serve(self, host, component):
        site = host.web(f"web-{component}")
        self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
        self.wait_until_served(site, "/status?code=200")
        return site

    def heartbeats(self, *ids):
        """The latest of each of those hosts."""
        nats = Nats(self.server.url)
        self.addCleanup(nats.close)
        nats.subscribe("wasmbus.evt.default.host_heartbeat")
        found = {}

        def all_there():
            subject, _, body = nats.next(20)
            event = json.loads(body)
            found[event["data"]["host_id"]] = event
            return set(ids) <= set(found)

        wait_for(all_there, "heartbeats of all")
        return found

    def test_hosts_an_hour_apart_work_together(self):
        self.hosts_apart()
        beats = self.heartbeats(*(host.id for host in self.hosts))
        for host, offset in ((self.now, 0), (self.ahead, HOUR), (self.behind, -HOUR)):
            self.assertAlmostEqual(moment(beats[host.id]), time.time() + offset, delta=120, msg=host.name)
        # Each calls the next, with a deadline that travels.
        around = ((self.now, self.ahead), (self.ahead, self.behind), (self.behind, self.now))
        for number, (caller, callee) in enumerate(around):
            callee.start(f"bad-{number}", "misbehave", **ONE_SECOND)
            site = self.serve(caller, f"bad-{number}")
            self.assertEqual(fetch(site, "/status?code=202").status, 202, self.logs())
            began = time.monotonic()
            self.assertEqual(fetch(site, "/spin").status, 504, self.logs())
            self.assertLess(time.monotonic() - began, 15)
        # Whoever writes last is right, whatever its clock says.
        for number, host in enumerate((self.ahead, self.behind, self.now, self.behind)):
            host.control.insist("config.put.shared", {"by": str(number)})
            wait_for(lambda number=number: all(one.control.command("config.get.shared").response == {"by": str(number)} for one in self.hosts), "all know it", 10)
        shown = weft("get", "hosts", "--nats", self.server.url, "--output", "json", env=home(self.folder))
        self.assertEqual({one["id"] for one in json.loads(shown.out)["hosts"]}, {host.id for host in self.hosts}, shown)
        self.assert_trusted()

    def assert_trusted(self):
        """Longer than a silent host is trusted: nobody takes anybody for dead because of his clock."""
        self.ahead.start("site", "hello-c")
        site = self.now.web("web-site")
        self.put_link("web-site", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        with Load(lambda: fetch(site), "hello from C\n", callers=1) as load:
            began = time.monotonic()
            wait_for(lambda: time.monotonic() > began + 5 and load.succeeds_for(4), f"calls go on\n{self.logs()}", 30)
        self.assertEqual(load.failures(), [])

    def test_a_peer_whose_events_say_any_time(self):
        """Heartbeats in the name of a host that is well, and of one that is not there."""
        here, there = self.host("here", "--heartbeat", "1s"), self.host("there", "--heartbeat", "1s")
        there.start("site", "hello-c")
        site = here.web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        beat = self.heartbeats(there.id)[there.id]
        liar = Nats(self.server.url)
        self.addCleanup(liar.close)
        stranger = json.loads(json.dumps(beat).replace(there.id, "N" + "A" * 55))
        times = ("1970-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-13-45T99:99:99Z", "", "yesterday", "-1", "x" * 100_000)
        with Load(lambda: fetch(site), "hello from C\n", callers=2) as load:
            for said in times:
                for event in (beat, stranger):
                    for body in ({**event, "time": said}, {key: value for key, value in event.items() if key != "time"}, {**event, "time": 5}):
                        liar.publish("wasmbus.evt.default.host_heartbeat", json.dumps(body))
            for body in ("", "{}", "[]", "{", json.dumps({**beat, "data": None}), json.dumps({**beat, "data": {"host_id": 7}})):
                liar.publish("wasmbus.evt.default.host_heartbeat", body)
            liar.flush()
            before = len(load.outcomes())
            wait_for(lambda: len(load.outcomes()) > before + 100, "calls go on")
        self.assertEqual(load.failures(), [], self.logs())
        for host in self.hosts:
            self.assertEqual(host.control.question("status")["id"], host.id)


class SignatureTest(LatticeTest):
    APPS = ("hello-c",)

    def sign(self, name, offset, *words):
        """By somebody whose clock is so far ahead."""
        command = [str(BINARY), "claims", "sign", app("hello-c"), "--destination", str(self.folder / name), *words]
        done = subprocess.run(command, env={**os.environ, **home(self.folder), **skew(offset)}, cwd=self.folder, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 0, done)
        return f"file://{self.folder / name}"

    def start_at(self, host, reference, component):
        body = {"component_id": component, "component_ref": reference, "count": 1, "host_id": host.id}
        return host.control.outcome(host.control.command("component.scale.HOST", body))

    def test_a_signature_holds_by_the_clock_of_the_host_that_starts_it(self):
        now, ahead = self.host("now"), self.host("ahead", env=skew(2 * HOUR))
        early = self.sign("early.wasm", HOUR, "--nbf", "0")
        refused = self.start_at(now, early, "early")
        self.assertEqual(refused["state"], "failed", refused)
        self.assertIn("cannot be used before", refused["message"])
        self.assertEqual(self.start_at(ahead, early, "early")["state"], "done")
        late = self.sign("late.wasm", -DAY + HOUR, "--expires", "1")
        refused = self.start_at(ahead, late, "late")
        self.assertEqual(refused["state"], "failed", refused)
        self.assertIn("expired", refused["message"])
        self.assertEqual(self.start_at(now, late, "late")["state"], "done")


if __name__ == "__main__":
    main()
