# SPDX-License-Identifier: Apache-2.0
"""Providers written in C++ as processes: an example of the SDK, and the built-ins as programs of their own, under weft's host."""

import pathlib

from daemon import Site, free_port
from lattice import LatticeTest, fetch
from weft import BINARY, main, wait_for
from wrpc import Nats, call

BIN = pathlib.Path(BINARY).parent
KEYVALUE = ["store", "atomics"]


class SdkTest(LatticeTest):
    APPS = ("hits", "echo", "proxy", "misbehave")

    def setUp(self):
        super().setUp()
        self.here, self.there = self.host("here"), self.host("there")

    def start(self, host, program, provider, config=()):
        host.control.do("provider.start.HOST", {"provider_id": provider, "provider_ref": f"file://{BIN / program}", "host_id": host.id, "config": list(config)})

    def test_the_example_counts_for_each_link_and_ends_when_told(self):
        self.start(self.here, "counter_provider", "counters")
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)

        def increment(name, source="test"):
            params = bytes([len(name)]) + name.encode() + b"\x01"
            return call(nats, "counters", "acme:counter/count@1.0.0.increment", params, headers={"source-id": source, "link-name": "default"})

        self.assertEqual([increment("a"), increment("a"), increment("b")], [b"\0\1", b"\0\2", b"\0\1"])
        self.assertEqual(increment("")[:1], b"\1", "the error of the interface")
        self.here.control.do("config.put.shop", {"prefix": "shop/"})
        self.put_link("shopper", "counters", "acme:counter", ["count"], target_config=["shop"])
        wait_for(lambda: increment("a", "shopper") == b"\0\1" or None, "the link has come")
        self.here.control.do("link.del", {"source_id": "shopper", "name": "default", "wit_namespace": "acme", "wit_package": "counter"})
        wait_for(lambda: increment("a", "shopper")[1] > 2, "the link has gone")
        self.here.control.do("provider.stop.HOST", {"provider_id": "counters", "host_id": self.here.id})
        self.assertNotIn("forced", self.here.err)

    def test_the_built_ins_are_programs_too(self):
        self.start(self.there, "weft-provider-keyvalue", "kv")
        self.there.start("hits", "hits")
        self.here.start("echo", "echo")
        sites = {}
        for name, component in (("web-hits", "hits"), ("web-echo", "echo")):
            site = sites[component] = Site(free_port())
            self.here.control.do(f"config.put.{name}", {"default_address": f"127.0.0.1:{site.port}"})
            self.start(self.here, "weft-provider-http-server", name, [name])
            self.put_link(name, component, "wasi:http", ["incoming-handler"])
        self.put_link("hits", "kv", "wasi:keyvalue", KEYVALUE)
        for site in sites.values():
            self.wait_until_served(site)
        first, second = (fetch(sites["hits"], "/").text for _ in range(2))
        self.assertNotEqual(first, second)
        body = bytes(range(256)) * 10_000
        answer = fetch(sites["echo"], "/", "POST", body=body)
        self.assertEqual((answer.status, answer.complete), (200, True), f"{answer}\n{self.logs()}")
        self.assertTrue(answer.body == body)
        self.check_client(sites["echo"])

    def test_a_store_on_jetstream_is_a_program_too(self):
        self.here.control.do("config.put.bucket", {"bucket": "hits", "cluster_uri": self.server.url, "enable_bucket_auto_create": "true"})
        self.start(self.there, "weft-provider-keyvalue-nats", "kv")
        self.here.start("hits", "hits")
        site = self.here.web()
        self.put_link("web", "hits", "wasi:http", ["incoming-handler"])
        # A guest's bucket is a link's name to this store, and `hits` opens one of its own name.
        for name in ("default", "hits"):
            self.put_link("hits", "kv", "wasi:keyvalue", KEYVALUE, name=name, target_config=["bucket"])
        self.wait_until_served(site)
        wait_for(lambda: "visits" in fetch(site, "/").text, f"the bucket is there\n{self.logs()}")
        first, second = (fetch(site, "/").text for _ in range(2))
        self.assertNotEqual(first, second, self.logs())

    def check_client(self, target):
        """A guest's request goes out by a process, too."""
        self.start(self.there, "weft-provider-http-client", "client")
        self.here.start("proxy", "proxy")
        front = self.here.web("front")
        self.put_link("front", "proxy", "wasi:http", ["incoming-handler"])
        self.put_link("proxy", "client", "wasi:http", ["outgoing-handler"])
        url = f"/?url=http://127.0.0.1:{target.port}/"
        self.wait_until_served(front, url)
        answer = fetch(front, url, "POST", body=b"through two processes")
        self.assertEqual((answer.status, answer.body), (200, b"through two processes"), self.logs())


if __name__ == "__main__":
    main()
