# SPDX-License-Identifier: Apache-2.0
"""wasmCloud's own host, version 1.9: the weft command line drives it, and a weft host shares a lattice with it.

Needs its program, which WASMCLOUD_HOST names (or ~/.cache/weft/peer/bin/wasmcloud), and a nats-server; skipped, visibly, without."""

import contextlib
import json
import os
import pathlib
import subprocess
import unittest

from daemon import CACHE, Site, free_port
from http_client import fetch
from nats_server import NatsServer
from weft import BINARY, Process, WeftTest, app, main, wait_for, weft
from wrpc import Nats, call

HTTP_SERVER = "wasmcloud+builtin://http-server"


def find_host():
    program = pathlib.Path(os.environ.get("WASMCLOUD_HOST", pathlib.Path.home() / ".cache/weft/peer/bin/wasmcloud"))
    if not program.exists():
        raise unittest.SkipTest("there is no host of wasmCloud 1.9 here; name its program with WASMCLOUD_HOST")
    return str(program)


class WasmcloudHostTest(WeftTest):
    def setUp(self):
        super().setUp()
        program = find_host()
        self.hello, self.other = (f"file://{app(name)}" for name in ("hello-c", "hello-cpp"))
        self.server = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.server.kill)
        self.log = open(self.folder / "wasmcloud.log", "wb")
        self.addCleanup(self.log.close)
        self.process = subprocess.Popen(
            [program, "--nats-port", str(self.server.port), "--allow-file-load"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "WASMCLOUD_EXPERIMENTAL_FEATURES": "builtin-http-server"})
        self.addCleanup(self.end)
        self.theirs = wait_for(lambda: self.hosts(), "wasmCloud's host answers")[0]

    def end(self):
        self.process.kill()
        self.process.wait()

    def weft(self, *words, code=0):
        outcome = weft(*words, "--nats", self.server.url, "--output", "json", env={"HOME": str(self.folder)})
        self.assertEqual(outcome.code, code, f"{words}\n{outcome}\n{pathlib.Path(self.log.name).read_text()[-2000:]}")
        return json.loads(outcome.out if code == 0 else outcome.err)

    def hosts(self):
        with contextlib.suppress(AssertionError):
            return [host["id"] for host in self.weft("get", "hosts")["hosts"]]
        return []

    def components(self):
        return {one["id"]: (one["host"], one["image_ref"], one["max_instances"]) for one in self.weft("get", "components")["components"]}

    def links(self):
        return [(one["source_id"], one["target"], one["name"]) for one in self.weft("get", "links")["links"]]

    def start_web(self, provider, host):
        """http-server on that host; its site."""
        site = Site(free_port())
        self.weft("config", "put", provider, f"default_address=127.0.0.1:{site.port}", "routing_mode=path")
        self.weft("start", "provider", HTTP_SERVER, provider, "--config", provider, "--host", host)
        return site

    def serves(self, site, path, text):
        def asks():
            answer = fetch(site, path)
            return answer is not None and (answer.status, answer.text) == (200, text)

        wait_for(asks, f"{path} gives {text!r}")


class DrivenTest(WasmcloudHostTest):
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
        site = self.start_web("web", self.theirs)
        self.weft("start", "component", self.hello, "hello")
        self.weft("config", "put", "at", "path=/hi")
        self.assertEqual(self.weft("config", "get", "at")["config"], {"path": "/hi"})
        self.weft("link", "put", "web", "hello", "wasi", "http", "--interface", "incoming-handler", "--source-config", "at")
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


class SharedLatticeTest(WasmcloudHostTest):
    """With a weft host beside it."""

    def setUp(self):
        super().setUp()
        daemon = Process("up", "--nats", self.server.url, "--data-dir", self.folder / "data", "--cache-dir", CACHE, "--allow-file-load", "--label", "kind=weft")
        self.addCleanup(daemon.kill)
        self.ours = daemon.ready["host"]
        wait_for(lambda: set(self.hosts()) == {self.ours, self.theirs}, "both hosts answer")

    def test_each_serves_what_was_told_to_either(self):
        sites = {"ours": self.start_web("web-ours", self.ours), "theirs": self.start_web("web-theirs", self.theirs)}
        self.weft("start", "component", self.hello, "theirs", "--host", self.theirs)
        self.weft("start", "component", self.other, "ours", "--constraint", "kind=weft")
        self.assertEqual({name: where for name, (where, _, _) in self.components().items()}, {"theirs": self.theirs, "ours": self.ours})
        for name in sites:
            # One of the two hosts takes it; the other learns of it from the lattice's buckets.
            self.weft("config", "put", f"at-{name}", f"path=/{name}")
            self.weft("link", "put", f"web-{name}", name, "wasi", "http", "--interface", "incoming-handler", "--source-config", f"at-{name}")
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
        self.weft("config", "put", "colour", "colour=red")
        for number in range(20):
            self.weft("link", "put", f"s{number}", "t", "wasi", "keyvalue", "--interface", "store")
        self.weft("stop", "host", self.theirs)
        wait_for(lambda: self.hosts() == [self.ours], "the other host is gone")
        self.assertEqual(len(self.links()), 20)
        self.assertEqual(self.weft("config", "get", "colour")["config"], {"colour": "red"})


class CallTest(WasmcloudHostTest):
    """What runs on their host calls what runs on ours, and the other way round."""

    def setUp(self):
        super().setUp()
        daemon = Process("up", "--nats", self.server.url, "--data-dir", self.folder / "data", "--cache-dir", CACHE, "--allow-file-load", "--label", "kind=weft")
        self.addCleanup(daemon.kill)
        self.daemon = daemon
        self.ours = daemon.ready["host"]
        wait_for(lambda: set(self.hosts()) == {self.ours, self.theirs}, "both hosts answer")

    def logs(self):
        return pathlib.Path(self.log.name).read_text()[-3000:] + self.daemon.err[-3000:]

    def start(self, name, component, host):
        self.weft("start", "component", f"file://{app(name)}", component, "--host", host)

    def link(self, source, target, namespace, package, *interfaces):
        self.weft("link", "put", source, target, namespace, package, *[word for interface in interfaces for word in ("--interface", interface)])

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
        self.link("caller", "callee", "weft", "values", "echo", "counters")
        self.drive("caller")

    def test_values_of_every_type_to_our_component(self):
        self.start("values-caller", "caller", self.theirs)
        self.start("values-callee", "callee", self.ours)
        self.link("caller", "callee", "weft", "values", "echo", "counters")
        self.drive("caller")

    def test_one_call_of_their_component(self):
        self.start("values-callee", "callee", self.theirs)
        said = self.weft("call", "callee", "weft:values/echo#echo-string", '"grüß dich"')
        self.assertEqual(said["result"], '"grüß dich"', self.logs())
        wrong = self.weft("call", "callee", "weft:values/echo#echo-string", "12", code=1)
        self.assertIn("is not a string", json.dumps(wrong))

    def test_http_is_answered_by_their_component(self):
        site = Site(free_port())
        self.start("echo", "echo", self.theirs)
        self.weft("config", "put", "web", f"default_address=127.0.0.1:{site.port}")
        self.weft("start", "provider", HTTP_SERVER, "web", "--config", "web", "--host", self.ours)
        self.link("web", "echo", "wasi", "http", "incoming-handler")
        self.serves(site, "/", "")
        for body in (b"", b"a few bytes", bytes(range(256)) * 12_000):
            answer = fetch(site, "/", "POST", body=body)
            self.assertEqual((answer.status, answer.complete), (200, True), f"{answer}\n{self.logs()}")
            self.assertTrue(answer.body == body)

    def test_a_provider_of_ours_answers_their_component(self):
        self.weft("start", "provider", "wasmcloud+builtin://keyvalue", "kv", "--host", self.ours)
        self.start("hits", "hits", self.theirs)
        self.link("hits", "kv", "wasi", "keyvalue", "store", "atomics")
        site = self.start_web("web", self.theirs)
        self.weft("config", "put", "at", "path=/")
        self.weft("link", "put", "web", "hits", "wasi", "http", "--interface", "incoming-handler", "--source-config", "at")
        wait_for(lambda: (answer := fetch(site, "/")) is not None and answer.status == 200, "it is served")
        self.assertNotEqual(fetch(site, "/").text, fetch(site, "/").text, self.logs())

    def test_their_host_runs_our_providers(self):
        for name in ("http-server", "keyvalue"):
            archive = self.folder / f"{name}.par.gz"
            self.weft_alone("par", "create", "--name", name, "--vendor", "weft", "--binary", BINARY.parent / f"weft-provider-{name}", "--compress", "--destination", archive)
        site = Site(free_port())
        self.weft("config", "put", "web", f"default_address=127.0.0.1:{site.port}")
        self.weft("start", "provider", f"file://{self.folder}/http-server.par.gz", "web", "--config", "web", "--host", self.theirs)
        self.weft("start", "provider", f"file://{self.folder}/keyvalue.par.gz", "kv", "--host", self.theirs)
        self.start("hits", "hits", self.theirs)
        self.link("web", "hits", "wasi", "http", "incoming-handler")
        self.link("hits", "kv", "wasi", "keyvalue", "store", "atomics")

        def serves():
            with contextlib.suppress(OSError):
                return fetch(site, "/").status == 200

        wait_for(serves, f"it is served\n{self.logs()}")
        first, second = (fetch(site, "/").text for _ in range(2))
        self.assertNotEqual(first, second)
        self.weft("stop", "provider", "kv", "--host", self.theirs)
        self.assertEqual([one["id"] for one in self.weft("get", "providers")["providers"]], ["web"])

    def weft_alone(self, *words):
        outcome = weft(*words, env={"HOME": str(self.folder)})
        self.assertEqual(outcome.code, 0, outcome)


if __name__ == "__main__":
    main()
