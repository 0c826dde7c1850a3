# SPDX-License-Identifier: Apache-2.0
"""wasmCloud's own providers, version 1.9, as processes of a weft host: components of this and of another weft host are called by them, and call them.

Needs their programs, which WASMCLOUD_HTTP_SERVER and the like name, and a nats-server; skipped, visibly, without."""

import contextlib
import json
import re

from daemon import Site, at_once, free_port
from http_client import fetch
from lattice import LatticeTest
from nats_client import NatsClient
from redis import RedisServer
from wasmcloud import find_program
from weft import main, wait_for, weft
from wrpc import Nats, call

MEBIBYTE = 1 << 20
# No piece of it is another's.
BIG = b"".join(number.to_bytes(4, "little") for number in range(MEBIBYTE))


class TheirProviderTest(LatticeTest):
    """`here` runs their provider and some components, `there` others."""

    PROVIDER = ""

    def setUp(self):
        super().setUp()
        self.program = find_program(self.PROVIDER)
        self.here, self.there = self.host("here"), self.host("there")

    def configure(self, name, **config):
        self.here.control.do(f"config.put.{name}", config)

    def provide(self, provider, **config):
        self.configure(provider, **config)
        self.here.run_provider(provider, self.program, [provider])


class HttpServerTest(TheirProviderTest):
    PROVIDER = "http-server"
    APPS = ("echo", "misbehave")

    def setUp(self):
        super().setUp()
        self.site = Site(free_port())
        self.provide("web", default_address=f"127.0.0.1:{self.site.port}")

    def serve(self, host, app):
        host.start("site", app)
        self.put_link("web", "site", "wasi:http", ["incoming-handler"])
        self.wait_until_served(self.site)

    def echoes(self, body):
        answer = fetch(self.site, "/", "POST", [("Content-Type", "text/weft")], body=body)
        self.assertEqual((answer.status, answer.complete, answer.header("content-type")), (200, True, "text/weft"), f"{answer}\n{self.logs()}")
        self.assertTrue(answer.body == body, f"{len(body)} bytes came back as {len(answer.body)} others")

    def check_bodies(self, host):
        self.serve(host, "echo")
        for body in (b"", b"x", b"a few bytes", BIG[:MEBIBYTE - 1], BIG[:MEBIBYTE + 1], BIG):
            self.echoes(body)
        at_once(*[lambda size=size: self.echoes(BIG[size:size + size]) for size in (1, 0, 1000, MEBIBYTE) * 4])

    def test_bodies_of_any_length_to_a_component_of_the_same_host(self):
        self.check_bodies(self.here)

    def test_bodies_of_any_length_to_a_component_of_another_host(self):
        self.check_bodies(self.there)

    def test_heads_trailers_and_failures(self):
        self.serve(self.there, "misbehave")
        lines = fetch(self.site, "/echo-headers", headers=[("X-Two", "a"), ("X-Two", "b")]).text
        self.assertIn("x-two: a", lines)
        self.assertIn("x-two: b", lines)
        self.assertEqual(fetch(self.site, "/status?code=418").status, 418)
        self.assertEqual(fetch(self.site, "/", "HEAD").body, b"")
        # Their server gives trailers only to those who ask for them.
        answer = fetch(self.site, "/trailers", headers=[("TE", "trailers")])
        self.assertEqual((answer.text, answer.complete, answer.trailers), ("a body with trailers\n", True, [("x-checksum", "42")]), self.logs())
        big = fetch(self.site, "/big?bytes=5000000")
        self.assertEqual((big.complete, len(big.body)), (True, 5_000_000))
        self.assertEqual(fetch(self.site, "/trap-before").status, 500)
        for path in ("/trap-after", "/drop-body"):
            answer = fetch(self.site, path)
            # It may fail before its head has left.
            self.assertNotEqual((answer.status, answer.complete), (200, True), f"{path} {answer}")
        self.assertEqual(fetch(self.site, "/count", "POST", body=BIG).text.strip(), str(len(BIG)))


class StoreTest(TheirProviderTest):
    """`hits` counts, `kv-pump` sets and gets, and `relay` does what it is told."""

    APPS = ("hits", "kv-pump", "relay")

    def connect(self, host, component, app, **links):
        """The component on that host, with links to the store `kv` by name: the configuration of each."""
        host.start(component, app)
        for name, config in links.items():
            self.configure(f"{component}-{name}", **config)
            self.put_link(component, "kv", "wasi:keyvalue", ["store", "atomics"], name=name, target_config=[f"{component}-{name}"])

    def serve(self, host, component):
        """A site of the component, on the same host."""
        site = host.web(f"web-{component}")
        self.put_link(f"web-{component}", component, "wasi:http", ["incoming-handler"])
        self.wait_until_served(site, "/1")
        return site

    def counts(self, site):
        wait_for(lambda: fetch(site, "/first").text.endswith("visits\n"), "the store counts")
        for count in range(1, 6):
            answer = fetch(site, "/a")
            self.assertEqual((answer.status, answer.text), (200, f"{count} visits\n"), self.logs())

    def pumps(self, site):
        wait_for(lambda: fetch(site, "/100").text.strip().isdigit(), "the store keeps what it is given")

    def runs(self, component, script):
        """What `relay` says; its word on why it failed."""
        outcome = weft("call", component, "weft:relay/relay#run", json.dumps(script), "--nats", self.server.url, "--output", "json",
                       env={"HOME": str(self.folder)})
        return json.loads(json.loads(outcome.out)["result"]) if outcome.code == 0 else outcome.err

    def says(self, component, script, answer):
        """A store is there some time after its link was accepted."""
        said = [""]

        def is_answer():
            said.append(self.runs(component, script))
            return said[-1] == answer

        try:
            wait_for(is_answer, f"{script}: {answer}")
        except AssertionError as silence:
            raise AssertionError(f"{silence}\n{said[-1]}\n{self.logs()}") from None


class KeyvalueNatsTest(StoreTest):
    """The bucket that a component opens is the name of a link: the bucket of NATS is what that link's configuration names."""

    PROVIDER = "keyvalue-nats"

    def setUp(self):
        super().setUp()
        self.provide("kv")

    def bucket(self, name):
        return {"cluster_uri": self.server.url, "bucket": name, "enable_bucket_auto_create": "true"}

    def kept(self, bucket):
        """How many revisions there are, by key."""
        client = NatsClient(self.server.port)
        self.addCleanup(client.close)
        found = client.api(f"STREAM.INFO.KV_{bucket}", subjects_filter=">")["state"].get("subjects", {})
        return {key.removeprefix(f"$KV.{bucket}."): count for key, count in found.items()}

    def test_each_link_has_a_bucket_of_its_own(self):
        for name, host in (("here", self.here), ("there", self.there)):
            self.connect(host, name, "hits", default=self.bucket("other"), hits=self.bucket(f"of-{name}"))
            self.counts(self.serve(host, name))
            self.assertIn("/a", self.kept(f"of-{name}"))
        self.assertEqual(self.kept("other"), {})

    def test_values_are_kept(self):
        self.connect(self.there, "pump", "kv-pump", default=self.bucket("other"), pump=self.bucket("pumped"))
        self.pumps(self.serve(self.there, "pump"))
        self.assertTrue(self.kept("pumped"))

    def test_what_is_not_there_is_told(self):
        self.connect(self.there, "relay", "relay", default=self.bucket("other"), shelf=self.bucket("shop"))
        self.says("relay", "get shelf key", "none")
        self.assertEqual(self.runs("relay", "count shelf key;say  and ;get shelf key"), "1 and 1")
        self.assertIn("error No NATS Kv store found for bucket id", self.runs("relay", "get nowhere key"))
        # Their store gives no answer to this one, so the guest fails, as it does on their host.
        self.assertIn("wasi:keyvalue/atomics", self.runs("relay", "count nowhere key"))


class KeyvalueRedisTest(StoreTest):
    """Component and link together decide on the database."""

    PROVIDER = "keyvalue-redis"

    def setUp(self):
        super().setUp()
        (self.folder / "redis").mkdir()
        self.redis = RedisServer(self.folder / "redis", free_port())
        self.addCleanup(self.redis.kill)
        self.provide("kv")

    def database(self, number):
        return {"URL": f"{self.redis.url}/{number}"}

    def kept(self):
        """How many keys there are, by database."""
        return {int(number): int(count) for number, count in re.findall(r"db(\d+):keys=(\d+)", self.redis.ask("INFO", "keyspace").decode())}

    def over(self, link, component, function, *texts, more=b""):
        """What the store answers to that component over that link."""
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)
        params = b"".join(bytes([len(text)]) + text.encode() for text in texts) + more
        return call(nats, "kv", f"wrpc:keyvalue/{function}", params, headers={"source-id": component, "link-name": link})

    def test_each_link_has_a_database_of_its_own(self):
        for number, (name, host) in enumerate((("here", self.here), ("there", self.there)), 1):
            self.connect(host, name, "hits", default=self.database(number), spare=self.database(9))
            self.counts(self.serve(host, name))
        self.assertEqual(self.kept(), {1: 3, 2: 3})
        get, increment = "store@0.2.0-draft.get", "atomics@0.2.0-draft.increment"
        # The other link of the one leads elsewhere; and that of the other to the same.
        wait_for(lambda: self.over("spare", "here", get, "", "/a") == b"\0\0", "the other link is known")
        self.assertEqual(self.over("default", "here", get, "", "/a"), b"\0\1\0015")
        self.assertEqual([self.over("spare", name, increment, "", "/a", more=b"\7") for name in ("here", "there")], [b"\0\7", b"\0\x0e"])
        self.assertEqual(self.kept(), {1: 3, 2: 3, 9: 1})

    def test_values_are_kept(self):
        self.connect(self.there, "pump", "kv-pump", default=self.database(3))
        self.pumps(self.serve(self.there, "pump"))
        self.connect(self.there, "relay", "relay", default=self.database(4))
        self.says("relay", "get shelf key", "none")
        self.assertEqual(self.runs("relay", "count shelf key;say  and ;get shelf key"), "1 and 1")
        self.assertEqual(self.kept()[4], 1)
        self.redis.kill()
        self.assertIn("error ", self.runs("relay", "get shelf key"))


class MessagingNatsTest(TheirProviderTest):
    PROVIDER = "messaging-nats"
    APPS = ("messages", "topics")

    def setUp(self):
        super().setUp()
        self.provide("bus")

    def client(self, **more):
        client = NatsClient(self.server.port, **more)
        self.addCleanup(client.close)
        return client

    def serve(self, host, app):
        host.start("site", app)
        self.configure("at", cluster_uris=self.server.url)
        self.configure("in", cluster_uris=self.server.url, subscriptions="in,work.*|workers")
        for name in ("default", "second"):
            self.put_link("site", "bus", "wasmcloud:messaging", ["consumer"], name=name, target_config=["at"])
        self.put_link("bus", "site", "wasmcloud:messaging", ["handler"], source_config=["in"])
        wait_for(self.hears, "it takes messages and sends them")

    def hears(self):
        with contextlib.suppress(TimeoutError):
            return self.client(deadline=0.5).ask("in", "say hello") == "hello"

    def says(self, subject, body):
        return self.client().ask(subject, body)

    def check_messages(self, host):
        self.serve(host, "messages")
        self.assertEqual(self.says("work.1", "say in a group"), "in a group")
        self.assertEqual(len(self.says("in", "say " + "x" * 500_000)), 500_000)
        listener = self.client()
        listener.listen("out")
        self.client().publish("in", "tell out news")
        self.assertEqual(listener.next(), ("out", b"news"))
        # The handler's own request is answered by the handler.
        self.assertEqual(self.says("in", "request work.2 10000 say asked by a guest"), "asked by a guest")
        self.assertIn("no answer", self.says("in", "request nobody 10000 x"))
        self.assertIn("no answer", self.says("in", "request out 50 x"))
        for order in ("trap", "dance"):
            self.client().publish("in", order)
        self.assertEqual(self.says("in", "say still here"), "still here")

    def test_a_component_of_the_same_host_takes_and_sends_messages(self):
        self.check_messages(self.here)

    def test_a_component_of_another_host_takes_and_sends_messages(self):
        self.check_messages(self.there)

    def test_a_component_of_the_newer_interface_selects_a_link(self):
        self.serve(self.there, "topics")
        spy = Nats(self.server.port)
        self.addCleanup(spy.close)
        spy.subscribe("default.bus.wrpc.>")
        spy.flush()
        listener = self.client()
        listener.listen("out")
        for link in ("default", "second"):
            self.client().publish("in", f"over {link} out by {link}")
            self.assertEqual(listener.next(), ("out", f"by {link}".encode()))
            published = iter(lambda: spy.next("default.bus.wrpc.0.0.1.wasmcloud:messaging/consumer@0.2.0.publish"), None)
            asked = next(one for one in published if f"by {link}".encode() in one.payload)
            self.assertEqual((asked.headers["source-id"], asked.headers["link-name"]), ("site", link))
        self.assertEqual(self.says("in", "request 10000 work.2 say asked by a guest"), "asked by a guest")


if __name__ == "__main__":
    main()
