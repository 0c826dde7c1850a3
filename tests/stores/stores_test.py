# SPDX-License-Identifier: Apache-2.0
"""Guests that count, store and take messages, through the built-ins keyvalue-nats, keyvalue-redis and messaging-nats behind `weft up`."""

import json

from daemon import DaemonTest, free_port, main, wait_for
from nats_server import NatsServer
from nats_client import NatsClient
from redis import RedisServer


class StoresTest(DaemonTest):
    APPS = ("hits", "kv-pump", "messages", "topics", "hello-c")

    def setUp(self):
        super().setUp()
        self.nats = self.redis = None

    def start_nats(self):
        self.nats = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.nats.kill)

    def start_redis(self, *options):
        folder = self.folder / "redis"
        folder.mkdir()
        self.redis = RedisServer(folder, free_port(), *options)
        self.addCleanup(self.redis.kill)

    def client(self):
        client = NatsClient(self.nats.port)
        self.addCleanup(client.close)
        return client

    def provide(self, provider, kind, **config):
        self.control.do(f"config.put.{provider}", config)
        self.control.do(*self.control.start_provider(provider, kind, [provider]))

    def start_counting(self, *bucket_links):
        """`hits` and `kv-pump` by path over the store `kv`."""
        self.start_routes()
        for component, app, bucket in (("hits", "hits", "hits"), ("pump", "kv-pump", "pump")):
            self.start(component, app)
            self.route(component)
            for name in {"default", *(bucket if link == "BUCKET" else link for link in bucket_links)}:
                self.link(component, "kv", "wasi:keyvalue", ["store", "atomics"], name=name)

    def assert_counts(self, first, path="/a"):
        for count in range(first, first + 5):
            answer = self.ask("hits", path)
            self.assertEqual((answer.status, answer.text), (200, f"{count} visits\n"), self.daemon.err[-3000:])
        pumped = self.ask("pump", "/100")
        self.assertTrue(pumped.status == 200 and pumped.text.strip().isdigit(), f"{pumped}\n{self.daemon.err[-3000:]}")

    def counts_again(self, path):
        answer = self.ask("hits", path)
        return answer is not None and answer.text.endswith("visits\n")

    def test_guests_count_in_a_bucket_of_jetstream(self):
        self.start_nats()
        self.up()
        self.provide("kv", "keyvalue-nats", cluster_uri=self.nats.url, bucket="shop", enable_bucket_auto_create="true")
        # The bucket that a guest opens is the name of a link.
        self.start_counting("BUCKET")
        self.assert_counts(1, "/a")
        client = self.client()
        self.assertEqual(client.api("STREAM.INFO.KV_shop")["config"]["name"], "KV_shop")
        self.nats.kill()
        self.assertEqual(self.ask("hits", "/a").text, "the store cannot count\n")
        self.nats.start()
        wait_for(lambda: self.counts_again("/b"), "the server is found again")
        self.down()
        # What a daemon was told it does again when it is started again.
        self.up()
        wait_for(lambda: self.counts_again("/c"), "the links are back")
        self.down()

    def test_guests_count_in_redis(self):
        self.start_redis("--requirepass", "hunter2")
        self.up()
        self.provide("kv", "keyvalue-redis", URL=self.redis.url.replace("//", "//:hunter2@") + "/2")
        self.start_counting()
        self.assert_counts(1)
        self.redis.kill()
        self.assertEqual(self.ask("hits", "/a").text, "the store cannot count\n")
        self.down()
        self.assertNotIn("hunter2", self.daemon.err)

    def test_redis_keeps_what_guests_counted(self):
        self.start_redis("--appendfsync", "always")
        self.up()
        self.provide("kv", "keyvalue-redis", URL=self.redis.url)
        self.start_counting()
        self.assert_counts(1)
        self.assertEqual(self.redis.ask("GET", "/a"), b"5")
        self.redis.kill()
        self.redis.start()
        wait_for(lambda: self.counts_again("/b"), "the server is found again")
        self.assert_counts(6)
        self.down()

    def start_messages(self, **handler_config):
        self.provide("bus", "messaging-nats", cluster_uris=self.nats.url)
        self.start("messages", "messages")
        self.link("messages", "bus", "wasmcloud:messaging", ["consumer"])
        self.control.do("config.put.in", handler_config)
        self.link("bus", "messages", "wasmcloud:messaging", ["handler"], source_config=["in"])

    def test_a_guest_of_the_newer_interface_takes_and_sends_messages(self):
        self.start_nats()
        self.up()
        self.provide("bus", "messaging-nats", cluster_uris=self.nats.url)
        self.start("topics", "topics")
        # A link may name what the component imports, or what that is on the wire.
        self.link("topics", "bus", "wasmcloud:messaging", ["consumer"])
        self.link("topics", "bus", "wasmcloud:messaging", ["producer"], name="second")
        self.control.do("config.put.in", {"subscriptions": "in,work.*|workers"})
        self.link("bus", "topics", "wasmcloud:messaging", ["handler"], source_config=["in"])
        asker, listener = self.client(), self.client()
        self.assertEqual(asker.ask("in", "say hello"), "hello")
        self.assertEqual(asker.ask("work.7", "topic"), "work.7")
        self.assertEqual(len(asker.ask("in", "say " + "x" * 500_000)), 500_000)
        listener.listen("out")
        for told in ("tell out news", "over second out over another link"):
            asker.publish("in", told)
        self.assertEqual({listener.next(), listener.next()}, {("out", b"news"), ("out", b"over another link")})
        self.assertEqual(asker.ask("in", "over nowhere out x"), "there is no such link")
        self.assertIn("connected as `second`, but the link that is selected is `default`", asker.ask("in", "connected second out x"))
        # The handler's own request is answered by the handler.
        for timeout in (0, 10_000):
            self.assertEqual(asker.ask("in", f"request {timeout} work.2 say asked by a guest"), "asked by a guest")
        self.assertEqual(asker.ask("in", "replies 1 work.2 say one"), "one")
        self.assertIn("no: 2 replies cannot be had", asker.ask("in", "replies 2 work.2 say two"))
        self.assertIn("no: ", asker.ask("in", "request 10000 nobody x"))
        self.assertIn("no: ", asker.ask("in", "request 50 out x"))
        listener.listen("cleared")
        self.assertIn("no: metadata cannot be sent", asker.ask("in", "tagged key text"))
        self.assertEqual(next(message for message in iter(listener.next, None) if message[0] == "cleared"), ("cleared", b"text"))
        wait_for(lambda: "the content type `text/plain` of a message is not sent" in self.daemon.err, "what is left out is told")
        asker.publish("in", "say nobody waits")
        wait_for(lambda: "expects no reply" in self.daemon.err, "the failure is told")
        asker.publish("in", "trap")
        asker.publish("in", "dance")
        self.assertEqual(asker.ask("in", "say still here"), "still here")
        self.down()

    def test_a_guest_takes_and_sends_messages(self):
        self.start_nats()
        self.up()
        self.start_messages(subscriptions="in,work.*|workers")
        asker, listener = self.client(), self.client()
        self.assertEqual(asker.ask("in", "say hello"), "hello")
        self.assertEqual(asker.ask("work.1", "say in a group"), "in a group")
        listener.listen("out")
        asker.publish("in", "tell out news")
        self.assertEqual(listener.next(), ("out", b"news"))
        # The handler's own request is answered by the handler.
        self.assertEqual(asker.ask("in", "request work.2 10000 say asked by a guest"), "asked by a guest")
        self.assertIn("no answer", asker.ask("in", "request nobody 10000 x"))
        self.assertIn("no answer", asker.ask("in", "request out 50 x"))
        self.assertEqual(len(asker.ask("in", "say " + "x" * 500_000)), 500_000)
        asker.publish("in", "trap")
        asker.publish("in", "dance")
        wait_for(lambda: "was not handled by messages" in self.daemon.err, "the failure is told")
        self.assertEqual(asker.ask("in", "say still here"), "still here")
        self.nats.kill()
        self.nats.start()
        again = self.client()
        wait_for(lambda: self.hears(again), "the subscription is back")
        self.assert_idle()
        self.down()

    def hears(self, client):
        """A message that comes before the subscription is back is lost, as NATS has it."""
        client.publish("in", "tell back x")
        late = NatsClient(self.nats.port, deadline=0.2)
        try:
            late.listen("back")
            client.publish("in", "tell back x")
            return late.next() == ("back", b"x")
        except TimeoutError:
            return False
        finally:
            late.close()

    def test_a_guest_takes_what_a_consumer_of_jetstream_has(self):
        self.start_nats()
        maker, listener = self.client(), self.client()
        maker.api("STREAM.CREATE.JOBS", name="JOBS", subjects=["jobs.>"])
        maker = self.client()
        maker.api("CONSUMER.DURABLE.CREATE.JOBS.worker", stream_name="JOBS", config={"durable_name": "worker", "ack_policy": "explicit"})
        listener.listen("done")
        for number in range(20):
            self.client().publish("jobs.x", f"tell done {number}")
        self.up()
        self.start_messages(consumers=json.dumps([{"stream": "JOBS", "consumer": "worker", "max_messages": 5}]))
        self.assertEqual({int(listener.next()[1]) for _ in range(20)}, set(range(20)))

        def settled():
            info = self.client().api("CONSUMER.INFO.JOBS.worker")
            return info["num_ack_pending"] == info["num_pending"] == 0

        wait_for(settled, "all are acknowledged")
        self.down()

    def test_a_guest_is_told_of_changes(self):
        self.start_nats()
        self.start_redis("--notify-keyspace-events", "K$gxe")
        self.up()
        self.start_messages(subscriptions="in")
        listener = self.client()
        listener.listen("news.>")
        self.provide("redis", "keyvalue-redis", URL=self.redis.url)
        self.control.do("config.put.redis-watch", {"watch": "SET@k,DEL@k"})
        self.link("redis", "messages", "wasi:keyvalue", ["watcher"], source_config=["redis-watch"])
        # PUBLISH answers how many listen.
        wait_for(lambda: self.redis.ask("PUBLISH", "__keyspace@0__:k", "nothing") == b":1", "redis is watched")
        self.redis.ask("SET", "k", "v")
        self.assertEqual(listener.next(), ("news.set.k", b"v"))
        self.redis.ask("DEL", "k")
        self.assertEqual(listener.next(), ("news.delete.k", b""))

        self.provide("kv", "keyvalue-nats", cluster_uri=self.nats.url, bucket="shop", enable_bucket_auto_create="true")
        self.start_routes()
        self.start("hits", "hits")
        self.route("hits")
        for name in ("default", "hits"):
            self.link("hits", "kv", "wasi:keyvalue", ["store", "atomics"], name=name)
        self.link("kv", "messages", "wasi:keyvalue", ["watcher"], name="shop")
        self.assertEqual(self.ask("hits", "/a").text, "1 visits\n")
        # The watch begins by itself: what is told is one of the counts since then.
        told = None
        while told is None:
            late = NatsClient(self.nats.port, deadline=0.5)
            try:
                late.listen("news.>")
                counted = int(self.ask("hits", "/a").text.split()[0])
                told = late.next()
            except TimeoutError:
                pass
            finally:
                late.close()
        self.assertEqual(told[0], "news.set./a")
        self.assertIn(int(told[1]), range(1, counted + 1))
        self.down()


if __name__ == "__main__":
    main()
