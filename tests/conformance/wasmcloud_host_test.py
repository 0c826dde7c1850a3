# SPDX-License-Identifier: Apache-2.0
"""wasmCloud's own host, version 1.9: the weft command line drives it, and a weft host shares a lattice with it.

Needs its program, which WASMCLOUD_HOST names, and a nats-server; skipped, visibly, without."""

import json

from http_client import fetch
from wasmcloud import BothHostsTest, TheirHostTest
from weft import BINARY, main, wait_for
from wrpc import Nats, call


class DrivenTest(TheirHostTest):
    """Alone in its lattice."""

    def test_what_runs_is_started_scaled_updated_and_stopped(self):
        self.weft("start", "component", self.hello, "hello", "--count", "10", "--annotation", "a=b")
        self.assertEqual(self.components(), {"hello": (self.theirs, self.hello, 10)})
        self.weft("scale", "hello", "20")
        self.assertEqual(self.components(), {"hello": (self.theirs, self.hello, 20)})
        self.weft("update", "hello", self.other)
        wait_for(lambda: self.components() == {"hello": (self.theirs, self.other, 20)}, "the update is in the inventory")
        self.weft("stop", "component", "hello")
        self.assertEqual(self.components(), {})
        failure = self.weft("start", "component", "file:///nowhere.wasm", "none", code=1)
        self.assertIn("failed to read component", failure["error"]["message"])

    def test_links_and_configurations_make_it_serve(self):
        site = self.start_web("web", self.theirs, routing_mode="path")
        self.weft("start", "component", self.hello, "hello")
        self.configure("at", path="/hi")
        self.assertEqual(self.weft("config", "get", "at")["config"], {"path": "/hi"})
        self.link("web", "hello", "wasi:http", "incoming-handler", source_config="at")
        self.assertEqual(self.links(), [("web", "hello", "default")])
        self.serves(site, "/hi", "hello from C\n")
        self.weft("link", "del", "web", "wasi", "http")
        self.assertEqual(self.links(), [])
        self.weft("stop", "provider", "web")
        self.weft("config", "del", "at")
        self.assertEqual(self.weft("get", "providers")["providers"], [])

    def test_labels_and_its_end(self):
        self.weft("label", "zone=a")
        self.assertEqual(self.weft("get", "hosts")["hosts"][0]["labels"]["zone"], "a")
        self.weft("label", "zone", "--delete")
        self.assertNotIn("zone", self.weft("get", "hosts")["hosts"][0]["labels"])
        self.assertIn("ask a weft host", json.dumps(self.weft("tree", code=4)))
        self.weft("stop", "host", self.theirs)
        self.assertEqual(self.process.wait(20), 0)
        self.assertEqual(self.hosts(), [])


class SharedLatticeTest(BothHostsTest):
    """With a weft host beside it."""

    def test_each_serves_what_was_told_to_either(self):
        sites = {name: self.start_web(f"web-{name}", host, routing_mode="path") for name, host in (("ours", self.ours), ("theirs", self.theirs))}
        self.weft("start", "component", self.hello, "theirs", "--host", self.theirs)
        self.weft("start", "component", self.other, "ours", "--constraint", "kind=weft")
        self.assertEqual({name: where for name, (where, _, _) in self.components().items()}, {"theirs": self.theirs, "ours": self.ours})
        for name in sites:
            # One of the two hosts takes it; the other learns of it from the lattice's buckets.
            self.configure(f"at-{name}", path=f"/{name}")
            self.link(f"web-{name}", name, "wasi:http", "incoming-handler", source_config=f"at-{name}")
        self.serves(sites["ours"], "/ours", "hello from C++\n")
        self.serves(sites["theirs"], "/theirs", "hello from C\n")
        for host in (self.ours, self.theirs):
            self.assertEqual(sorted(self.weft("get", "links", "--host", host)["links"], key=str), sorted(self.weft("get", "links")["links"], key=str))
        self.weft("update", "theirs", self.other)
        self.serves(sites["theirs"], "/theirs", "hello from C++\n")
        self.weft("stop", "host", self.theirs)
        wait_for(lambda: self.hosts() == [self.ours], "the other host is gone")
        self.serves(sites["ours"], "/ours", "hello from C++\n")
        self.assertEqual(len(self.links()), 2)

    def test_what_the_lattice_held_before_is_known(self):
        self.configure("colour", colour="red")
        for number in range(20):
            self.link(f"s{number}", "t", "wasi:keyvalue", "store")
        self.weft("stop", "host", self.theirs)
        wait_for(lambda: self.hosts() == [self.ours], "the other host is gone")
        self.assertEqual(len(self.links()), 20)
        self.assertEqual(self.weft("config", "get", "colour")["config"], {"colour": "red"})


class CallTest(BothHostsTest):
    """What runs on their host calls what runs on ours, and the other way round."""

    def drive(self, component):
        """What the component that compares values says: nothing changed on the way. A host that did not take the link itself learns of
        it from the lattice's bucket, so the first answers may say that there is none: those are empty, and a value that changed is not."""
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)
        answers = []

        def answered():
            answers.append(call(nats, component, "weft:values/drive.run-values"))
            return answers[-1]

        try:
            wait_for(answered, "the link is known")
        except AssertionError as silence:
            raise AssertionError(f"{silence}\n{self.logs()}") from silence
        self.assertEqual(answers[-1], b"\0", self.logs())

    def test_values_of_every_type_to_their_component(self):
        self.start("values-caller", "caller", self.ours)
        self.start("values-callee", "callee", self.theirs)
        self.link("caller", "callee", "weft:values", "echo", "counters")
        self.drive("caller")

    def test_values_of_every_type_to_our_component(self):
        self.start("values-caller", "caller", self.theirs)
        self.start("values-callee", "callee", self.ours)
        self.link("caller", "callee", "weft:values", "echo", "counters")
        self.drive("caller")

    def test_one_call_of_their_component(self):
        self.start("values-callee", "callee", self.theirs)
        said = self.weft("call", "callee", "weft:values/echo#echo-string", '"grüß dich"')
        self.assertEqual(said["result"], '"grüß dich"', self.logs())
        wrong = self.weft("call", "callee", "weft:values/echo#echo-string", "12", code=1)
        self.assertIn("is not a string", json.dumps(wrong))

    def test_http_is_answered_by_their_component(self):
        site = self.start_web("web", self.ours)
        self.start("echo", "echo", self.theirs)
        self.link("web", "echo", "wasi:http", "incoming-handler")
        self.serves(site, "/", "")
        for body in (b"", b"a few bytes", bytes(range(256)) * 12_000):
            answer = fetch(site, "/", "POST", body=body)
            self.assertEqual((answer.status, answer.complete), (200, True), f"{answer}\n{self.logs()}")
            self.assertTrue(answer.body == body)

    def test_a_provider_of_ours_answers_their_component(self):
        self.weft("start", "provider", "wasmcloud+builtin://keyvalue", "kv", "--host", self.ours)
        self.start("hits", "hits", self.theirs)
        self.link("hits", "kv", "wasi:keyvalue", "store", "atomics")
        site = self.start_web("web", self.theirs)
        self.link("web", "hits", "wasi:http", "incoming-handler")
        self.serves(site, "/", "1 visits\n")
        self.assertEqual(fetch(site, "/").text, "2 visits\n", self.logs())

    def test_their_host_runs_our_providers(self):
        site = self.start_web("web", self.theirs, BINARY.parent / "weft-provider-http-server")
        self.start_program("kv", BINARY.parent / "weft-provider-keyvalue", self.theirs)
        self.start("hits", "hits", self.theirs)
        self.link("web", "hits", "wasi:http", "incoming-handler")
        self.link("hits", "kv", "wasi:keyvalue", "store", "atomics")
        self.serves(site, "/", "1 visits\n")
        self.assertEqual(fetch(site, "/").text, "2 visits\n", self.logs())
        self.weft("stop", "provider", "kv", "--host", self.theirs)
        self.assertEqual([one["id"] for one in self.weft("get", "providers")["providers"]], ["web"])


if __name__ == "__main__":
    main()
