# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a host, a provider process or the NATS server, again and again and at random moments, while calls go through all three: callers are told, in
time, and succeed again; no process is left behind.

WEFT_TEST_ROUNDS says how often something is killed (6), WEFT_TEST_SEED repeats a run."""

import os
import pathlib
import random
import signal
import time

from http_client import fetch
from lattice import LatticeTest
from load import PATIENCE, Load, figures
from weft import BINARY, main, wait_for

PROVIDER = pathlib.Path(BINARY).parent / "weft-provider-keyvalue"
HOST_KILLED = 1.0  # seconds after which callers of a killed host's components succeed elsewhere


class RoundsTest(LatticeTest):
    """`front` has the callers' HTTP and the store's process; `site` runs on two other hosts, and so does `hits`, which counts in the store."""

    APPS = ("hello-c", "hits")

    def setUp(self):
        super().setUp()
        self.rounds = int(os.environ.get("WEFT_TEST_ROUNDS", "6"))
        self.seed = int(os.environ.get("WEFT_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
        print(f"WEFT_TEST_SEED={self.seed}", flush=True)
        self.random = random.Random(self.seed)
        self.front = self.host("front")
        self.others = {name: self.host(name) for name in ("left", "right")}
        for host in self.others.values():
            host.start("site", "hello-c")
            host.start("hits", "hits")
        self.start_store()
        self.put_link("hits", "kv", "wasi:keyvalue", ["store", "atomics"])
        self.sites = {component: self.serve(component) for component in ("site", "hits")}
        wait_for(lambda: fetch(self.sites["hits"]).text.endswith("visits\n"), "the store answers")

    def serve(self, component):
        site = self.front.web(f"web-{component}")
        self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        return site

    def start_store(self):
        self.front.control.do("provider.start.HOST", {"provider_id": "kv", "provider_ref": f"file://{PROVIDER}", "host_id": self.front.id, "config": []})

    def stop_store(self):
        self.front.control.do("provider.stop.HOST", {"provider_id": "kv", "host_id": self.front.id})

    # ---- processes ----

    def processes(self):
        """Of this test, by what they are: all that name its folder in their command or run a program of it."""
        found = {"host": [], "provider": [], "nats": []}
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0") if entry.name.isdigit() else [b""]
                program = os.readlink(entry / "exe") if entry.name.isdigit() else ""
            except OSError:  # it has ended, or is about to
                continue
            if str(self.folder).encode() in b" ".join(words) or str(self.folder) in program:
                kind = "provider" if str(self.folder) in program else "nats" if "nats-server" in program else "host"
                found[kind].append(int(entry.name))
        return found

    def assert_no_orphans(self):
        wanted = {"host": 3, "provider": 1, "nats": 1}
        wait_for(lambda: {kind: len(found) for kind, found in self.processes().items()} == wanted, f"no process is left behind: {self.processes()}", 20)

    # ---- what is killed ----

    def kill_host(self, site, _hits):
        name = self.random.choice(list(self.others))
        killed = time.monotonic()
        self.others[name].kill()
        wait_for(lambda: time.monotonic() > killed + 1 and site.succeeds_for(0.5), f"the other host serves\n{self.logs()}", 30)
        taken = site.recovery(killed)
        self.others[name].control.close()
        self.hosts.remove(self.others[name])
        self.others[name] = self.host(name)
        return taken

    def kill_provider(self, _site, hits):
        [process] = self.processes()["provider"]
        killed = time.monotonic()
        os.kill(process, signal.SIGKILL)
        wait_for(lambda: self.processes()["provider"] not in ([], [process]), "it is started again", 30)
        wait_for(lambda: hits.succeeds_for(0.5), f"the store answers\n{self.logs()}", 30)
        taken = hits.recovery(killed)
        # One that ends again and again is started ever more slowly: it begins anew.
        self.stop_store()
        self.start_store()
        return taken

    def kill_nats(self, site, hits):
        self.server.kill()
        time.sleep(self.random.uniform(0, 1.5))
        self.server.start()
        there = time.monotonic()
        wait_for(lambda: site.succeeds_for(0.5) and hits.succeeds_for(0.5), f"calls go on\n{self.logs()}", 30)
        return max(site.recovery(there), hits.recovery(there))

    def test_what_is_killed_under_load(self):
        kinds = {"host": self.kill_host, "provider": self.kill_provider, "NATS server": self.kill_nats}
        taken, waited = {kind: [] for kind in kinds}, {kind: [] for kind in kinds}
        calls = failures = 0
        order = [list(kinds)[number % len(kinds)] for number in range(self.rounds)]
        self.random.shuffle(order)
        for number, kind in enumerate(order):
            with Load(lambda: fetch(self.sites["site"], timeout=PATIENCE), "hello from C\n") as site, \
                    Load(lambda: fetch(self.sites["hits"], timeout=PATIENCE), "visits\n") as hits:
                wait_for(lambda: site.succeeds_for(0.3) and hits.succeeds_for(0.3), f"all is well, round {number}, seed {self.seed}\n{self.logs()}", 30)
                time.sleep(self.random.uniform(0, 0.3))
                taken[kind].append(kinds[kind](site, hits))
                wait_for(lambda: site.succeeds_for(0.3) and hits.succeeds_for(0.3), f"all is well after {kind}, round {number}, seed {self.seed}\n{self.logs()}", 30)
            waited[kind].append(max(site.longest(), hits.longest()))
            for load in (site, hits):
                load.assert_told(self, "the store cannot count", "there is no store")
                calls += len(load.outcomes())
                failures += len(load.failures())
            self.assert_no_orphans()
        for kind, times in taken.items():
            print(f"{kind} killed: calls succeed that begin later than {figures(times)}; of those under way one took {figures(waited[kind])}", flush=True)
        print(f"{self.rounds} rounds, {calls} calls, {failures} of them failed and were told so", flush=True)
        self.assertLess(max(taken["host"], default=0.0), HOST_KILLED)
        for host in self.hosts:
            host.control.close()
            self.assertEqual(host.stop(), 0, host.err[-3000:])
        self.server.kill()
        wait_for(lambda: not any(self.processes().values()), f"all has ended: {self.processes()}", 20)


if __name__ == "__main__":
    main()
