# SPDX-License-Identifier: Apache-2.0
"""wasmCloud's own wash in a lattice of two weft hosts: it calls components, spies on calls between them, and starts and stops providers and components that
either program packed, signed and pushed. Commands to one host: wash.sh; files and images alone: tests/registry/wash_test.py."""

import contextlib
import json
import pathlib
import queue
import shutil
import subprocess
import threading

from http_client import fetch
from lattice import LatticeTest
from registry import Registry, Wash, home
from weft import BINARY, app, main, wait_for, weft

PROVIDER = pathlib.Path(BINARY).parent / "weft-provider-keyvalue"


class WashLatticeTest(LatticeTest):
    APPS = ("relay", "hello-c", "hello-cpp", "echo", "hits")

    def setUp(self):
        super().setUp()
        self.wash = Wash(self.folder)
        self.at_host = ("--ctl-host", "127.0.0.1", "--ctl-port", self.server.port, "--timeout-ms", "5000")
        self.rpc = ("--rpc-host", "127.0.0.1", "--rpc-port", self.server.port, "--rpc-timeout-ms", "5000")

    def hosts_here_and_there(self, *options):
        self.here, self.there = self.host("here", *options), self.host("there", *options)

    def by_wash(self, *words):
        outcome = self.wash(*words, "--output", "json")
        self.assertEqual(outcome.code, 0, f"{outcome}\n{self.logs()}")
        return json.loads(outcome.out[outcome.out.index("{"):])

    def refused(self, *words):
        outcome = self.wash(*words, "--output", "json")
        self.assertNotEqual(outcome.code, 0, outcome)
        return json.loads(outcome.err)["error"]

    def by_weft(self, *words):
        outcome = weft(*words, "--output", "json", env=home(self.folder), cwd=self.folder)
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out)


class CallTest(WashLatticeTest):
    def test_wash_calls_components(self):
        self.hosts_here_and_there()
        self.here.start("site", "hello-c")
        self.there.start("echo", "echo")
        self.there.start("relay", "relay")
        for function in ("wasi:http/incoming-handler.handle", "wrpc:http/incoming-handler.handle"):
            answer = self.by_wash("call", "site", function, *self.rpc)["response"]
            self.assertEqual((answer["status"], answer["body"], answer["headers"]["content-type"]), (200, "hello from C\n", "text/plain"))
        answer = self.by_wash("call", "echo", "wasi:http/incoming-handler.handle", "--http-method", "POST", "--http-body", "a body", *self.rpc)["response"]
        self.assertEqual((answer["status"], answer["body"]), (200, "a body"))
        self.assertEqual(self.by_wash("call", "relay", "weft:relay/greeting.hello", *self.rpc)["result"], "hello from relay")

    def test_what_cannot_be_called_is_said(self):
        self.hosts_here_and_there()
        self.here.start("relay", "relay")
        # In wash's own words: the request failed at once, or its time was up before wash had seen that.
        self.assertRegex(self.refused("call", "nobody", "wasi:http/incoming-handler.handle", *self.rpc), "HTTP request|invocation timeout")
        # wash passes no parameters, so this one cannot be called by it; the host says so in its own log, as wRPC has no words for it.
        self.assertIn("relay", self.refused("call", "relay", "weft:relay/relay.run", *self.rpc))
        self.assertEqual(self.by_wash("call", "relay", "weft:relay/greeting.hello", *self.rpc)["result"], "hello from relay")


class Spy:
    """`wash spy` on one component; `seen()` is what it has printed."""

    def __init__(self, test, component):
        self._process = subprocess.Popen([test.wash.program, "spy", "--experimental", component, *map(str, test.at_host)], stdin=subprocess.DEVNULL,
                                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=test.folder, env=home(test.folder))
        self._lines = queue.Queue()
        self._all = []
        self._thread = threading.Thread(target=self._read)
        self._thread.start()
        test.addCleanup(self.end)

    def _read(self):
        for line in self._process.stdout:
            self._lines.put(line)

    def seen(self):
        while not self._lines.empty():
            self._all.append(self._lines.get())
        return "".join(self._all)

    def end(self):
        self._process.terminate()
        self._process.wait()
        self._thread.join()
        self._process.stdout.close()


class SpyTest(WashLatticeTest):
    def test_wash_sees_and_decodes_calls_between_weft_hosts(self):
        """Their first message is one of wRPC's whatever stands in its headers, and it has all of the parameters."""
        self.hosts_here_and_there()
        self.here.start("caller", "relay")
        self.there.start("callee", "relay")
        self.there.start("site", "hello-c")
        self.put_link("caller", "callee", "weft:relay", ["relay"])
        site = self.here.web()
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site)
        # The first wash of a user makes its contexts; three at once would disturb each other.
        self.assertEqual({one["id"] for one in self.by_wash("get", "hosts", *self.at_host)["hosts"]}, {host.id for host in self.hosts})
        # wash asks for the links of what it spies on once, and either host may answer.
        for host in self.hosts:
            wait_for(lambda host=host: host.control.question("status")["links"] == 2, "both know the links")
        spies = {component: Spy(self, component) for component in ("callee", "caller", "site")}

        def call_until_seen():
            said = weft("call", "caller", "weft:relay/relay#run", '"call say that is told"', "--nats", self.server.url, env=home(self.folder))
            self.assertEqual((said.code, said.out), (0, '"that is told"\n'), said)
            self.assertEqual(fetch(site, "/path-that-is-asked").status, 200)
            return all("Operation" in spy.seen() for spy in spies.values())

        # It says nothing when it has subscribed.
        try:
            wait_for(call_until_seen, "the spies see calls")
        except AssertionError as error:
            raise AssertionError(f"{error}: { {name: spy.seen()[:300] for name, spy in spies.items()} }") from None
        for component in ("callee", "caller"):
            self.assertRegex(spies[component].seen(), r"From: caller\s+To: callee\s")
            self.assertIn("Operation: weft:relay/relay.run", spies[component].seen())
            self.assertIn("say that is told", spies[component].seen())
        self.assertRegex(spies["site"].seen(), r"From: web\s+To: site\s")
        self.assertIn("Operation: wrpc:http/incoming-handler@0.1.0.handle", spies["site"].seen())
        self.assertIn("/path-that-is-asked", spies["site"].seen())


class ArtifactTest(WashLatticeTest):
    """What one program made and the other uses."""

    def setUp(self):
        super().setUp()
        self.registry = Registry(self.folder)
        self.addCleanup(self.registry.stop)
        self.hosts_here_and_there("--allowed-insecure", self.registry.host)

    def pack(self, ending):
        """The archive by each program, signed by it."""
        shutil.copy(PROVIDER, self.folder / "kv")
        words = ("par", "create", "--name", "kv", "--vendor", "acme", "--binary", "kv")
        compress = ("--compress",) if ending.endswith(".gz") else ()
        self.by_wash(*words, "--destination", f"wash{ending}", *compress)
        self.by_weft(*words, "--destination", f"weft{ending}", *compress)
        return [self.folder / f"{by}{ending}" for by in ("wash", "weft")]

    def count(self):
        answer = fetch(self.site)
        return answer.text if answer.status == 200 and answer.text.endswith("visits\n") else None

    def check_provider(self, reference):
        started = self.by_wash("start", "provider", reference, "kv", "--host-id", self.there.id, *self.at_host)
        self.assertEqual((started["provider_ref"], started["host_id"]), (reference, self.there.id))
        [listed] = self.by_wash("get", "inventory", self.there.id, *self.at_host)["inventories"][0]["providers"]
        self.assertEqual((listed["id"], listed["image_ref"], listed["name"]), ("kv", reference.removeprefix("file://"), "kv"))
        first = wait_for(self.count, f"the provider answers\n{self.logs()}")
        self.assertNotEqual(self.count(), first)
        stopped = self.wash("stop", "provider", "kv", "--host-id", self.there.id, *self.at_host)
        self.assertEqual(stopped.code, 0, stopped)
        self.assertIn("stopped successfully", stopped.out)
        self.assertEqual(self.by_wash("get", "inventory", self.there.id, *self.at_host)["inventories"][0]["providers"], [])

    def start_counting(self):
        self.here.start("hits", "hits")
        self.site = self.here.web()
        self.put_link("web", "hits", "wasi:http", ["incoming-handler"])
        self.put_link("hits", "kv", "wasi:keyvalue", ["store", "atomics"])

    def test_providers_out_of_files_and_images_of_either_program(self):
        self.start_counting()
        for archive, pushed_by in zip(self.pack(".par.gz"), (self.by_weft, self.by_wash)):
            self.check_provider(f"file://{archive}")
            reference = f"{self.registry.host}/shop/{archive.name.partition('.')[0]}:1"
            pushed_by("push", reference, archive, "--insecure")
            self.check_provider(reference)
        for archive in self.pack(".par"):
            self.check_provider(f"file://{archive}")

    def test_a_provider_that_cannot_be_started_is_said(self):
        answer = self.refused("start", "provider", f"{self.registry.host}/shop/nobody:1", "kv", "--host-id", self.there.id, *self.at_host)
        # wash does not show the reason, which is in the event.
        self.assertIn("Failed starting provider", answer)
        self.assertIn("not", self.refused("stop", "provider", "kv", "--host-id", self.there.id, *self.at_host))

    def test_components_out_of_images_of_either_program(self):
        references = {}
        for name, signed_by, pushed_by in (("hello-c", self.by_wash, self.by_weft), ("hello-cpp", self.by_weft, self.by_wash)):
            signed_by("claims", "sign", app(name), "--destination", f"{name}.wasm", "--name", name, "--ver", "1.0", "--rev", "3")
            references[name] = f"{self.registry.host}/shop/{name}:1"
            pushed_by("push", references[name], self.folder / f"{name}.wasm", "--insecure")
        started = self.by_wash("start", "component", references["hello-c"], "hello", "--host-id", self.here.id, *self.at_host)
        self.assertEqual(started["component_ref"], references["hello-c"])
        self.assertEqual(self.by_wash("call", "hello", "wasi:http/incoming-handler.handle", *self.rpc)["response"]["body"], "hello from C\n")
        self.by_wash("update", "component", "hello", references["hello-cpp"], "--host-id", self.here.id, *self.at_host)

        def updated():
            # On a busy machine wash itself drops answers at times (data-plane facts 1.14).
            with contextlib.suppress(AssertionError):
                return self.by_wash("call", "hello", "wasi:http/incoming-handler.handle", *self.rpc)["response"]["body"] == "hello from C++\n"

        wait_for(updated, "the new code answers")
        self.assertIn("hello-cpp", {one["name"] for one in self.by_wash("get", "claims", *self.at_host)["claims"]})

    def test_wash_inspects_and_pulls_what_weft_pushed_and_signed(self):
        signed = self.by_weft("claims", "sign", app("hello-c"), "--destination", "s.wasm", "--name", "shop", "--ver", "1.2", "--rev", "3", "--tag", "x")
        reference = f"{self.registry.host}/shop/signed:1"
        digest = self.by_weft("push", reference, "s.wasm", "--insecure")["digest"]
        for words in (("inspect", reference, "--insecure"), ("claims", "inspect", "s.wasm")):
            seen = self.by_wash(*words)
            self.assertEqual((seen["component"], seen["account"], seen["tags"]), (signed["component"], signed["issuer"], "x"), words)
        wit = self.wash("inspect", reference, "--insecure", "--wit")
        self.assertEqual(wit.code, 0, wit)
        self.assertIn("export wasi:http/incoming-handler", wit.out)
        token = self.wash("claims", "inspect", "s.wasm", "--jwt-only").out.strip()
        self.assertEqual(token, self.wash("inspect", reference, "--insecure", "--jwt-only").out.strip())
        self.assertIn(token, weft("claims", "inspect", "s.wasm", "--jwt-only", cwd=self.folder).out)
        self.by_wash("pull", reference, "--insecure", "--digest", digest, "--destination", "back.wasm")
        self.assertEqual((self.folder / "back.wasm").read_bytes(), (self.folder / "s.wasm").read_bytes())
        self.assertIn("igest", self.refused("pull", reference, "--insecure", "--digest", "sha256:" + "0" * 64, "--destination", "no.wasm"))


if __name__ == "__main__":
    main()
