# SPDX-License-Identifier: Apache-2.0
"""A guest that keeps objects in the object stores of NATS: what another client makes of them, and a server that goes in the middle. Run by scripts/python_env."""

import asyncio
import contextlib
import hashlib
import io
import random
import select

import nats
from nats.js.api import ObjectMeta, ObjectMetaOptions
from nats.js.errors import ObjectNotFoundError

from daemon import free_port, wait_for
from http_client import Connection, request
from nats_client import NatsClient
from nats_server import NatsServer
from objects import MEBIBYTE, KeptObjectsTest, pattern
from weft import main


class ObjectsInNatsTest(KeptObjectsTest):
    def setUp(self):
        super().setUp()
        self.nats = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.nats.kill)
        self.up()

    def start_kept(self, **config):
        self.start_objects("blobstore-nats", cluster_uri=self.nats.url, **config)

    def theirs(self, work):
        """What `work` gives with nats-py's JetStream."""

        async def run():
            client = await nats.connect(self.nats.url)
            try:
                return await work(client.jetstream())
            finally:
                await client.close()

        return asyncio.run(run())

    def chunks(self, container):
        """By subject, how many there are in the bucket."""
        client = NatsClient(self.nats.port)
        try:
            state = client.api(f"STREAM.INFO.OBJ_{container}", subjects_filter=f"$O.{container}.C.>")["state"]
            return state.get("subjects") or {}
        finally:
            client.close()

    def test_everything_a_store_must_do(self):
        self.start_kept()
        self.check_all()
        self.assert_idle()
        # Of what was replaced, given up and moved nothing is left.
        self.assertEqual(sorted(self.says("GET", "/box").split()), ["big", "old"])
        wait_for(lambda: len(self.chunks("box")) == 2, "what was given up is removed")
        self.assertEqual(sorted(self.chunks("box").values()), [1, 64])
        self.down()

    def test_another_client_reads_what_a_guest_wrote(self):
        self.start_kept()
        self.says("PUT", "/box", 201)
        for name, body in {"a": b"hello", "empty": b"", "b/c.d*~": pattern(300_001), "big": pattern(5 * MEBIBYTE)}.items():
            self.put(f"/box/{name}", body)
        self.says("DELETE", "/box/a")
        self.put("/box/big", pattern(MEBIBYTE))

        async def read(js):
            store = await js.object_store("box")
            found = {}
            for info in await store.list(ignore_deletes=True):
                kept = await store.get(info.name)  # which looks at the digest
                found[info.name] = (kept.data, info.size, info.chunks)
            with self.assertRaises(ObjectNotFoundError):
                await store.get("a")
            return found

        self.assertEqual(self.theirs(read), {"empty": (b"", 0, 0), "b/c.d*~": (pattern(300_001), 300_001, 3), "big": (pattern(MEBIBYTE), MEBIBYTE, 8)})

    def test_a_guest_reads_what_another_client_wrote(self):
        self.start_kept()

        async def write(js):
            store = await js.create_object_store("theirs")
            await store.put("a", b"first")
            await store.put("a", b"second")
            await store.put("gone", b"x")
            await store.delete("gone")
            await store.put("empty", b"")
            # With chunks that are more than ours, and less.
            for name, size in (("large", 700_000), ("small", 1000)):
                await store.put(name, io.BytesIO(pattern(2_000_000)).read(), ObjectMeta(name=name, options=ObjectMetaOptions(max_chunk_size=size)))

        self.theirs(write)
        self.assertEqual(sorted(self.says("GET", "/theirs").split()), ["a", "empty", "large", "small"])
        self.assertEqual(self.says("GET", "/theirs/a"), "second")
        self.assertEqual(self.says("GET", "/theirs/empty"), "")
        self.assertEqual(self.says("GET", "/theirs/gone?exists"), "no\n")
        for name in ("large", "small"):
            self.assertTrue(self.do("GET", f"/theirs/{name}", status=200).body == pattern(2_000_000))
            self.assertEqual(self.do("GET", f"/theirs/{name}?range=999-1400001", status=200).body, pattern(2_000_000)[999:1_400_001])
        self.assertTrue(self.says("GET", "/theirs/large?info").startswith("theirs large 2000000 "))
        self.says("POST", "/theirs/large?copy=/theirs/copy")
        self.says("DELETE", "/theirs/large")

        async def read(js):
            store = await js.object_store("theirs")
            kept = await store.get("copy")
            return hashlib.sha256(kept.data).digest(), sorted(info.name for info in await store.list(ignore_deletes=True))

        self.assertEqual(self.theirs(read), (hashlib.sha256(pattern(2_000_000)).digest(), ["a", "copy", "empty", "small"]))

    def test_what_is_damaged_breaks_off(self):
        self.start_kept()
        self.says("PUT", "/box", 201)
        self.put("/box/a", random.Random(1).randbytes(300_000))

        async def damage(js):
            store = await js.object_store("box")
            info = await store.get_info("a")
            first = await js.get_msg("OBJ_box", next=True, seq=1, subject=f"$O.box.C.{info.nuid}")
            await js.delete_msg("OBJ_box", first.seq)
            await js.publish(f"$O.box.C.{info.nuid}", first.data)  # the same bytes, in another order

        self.theirs(damage)
        answer = self.do("GET", "/box/a")
        self.assertFalse(answer.complete, "half an object looked whole")
        self.assertIn("is damaged", self.says("GET", "/box/a?sync", 500))

        async def cut(js):
            store = await js.object_store("box")
            await js.purge_stream("OBJ_box", subject=f"$O.box.C.{(await store.get_info('a')).nuid}")

        self.theirs(cut)
        self.assertIn("was replaced or deleted", self.says("GET", "/box/a?sync", 500))

    def test_names_that_no_bucket_can_have_are_refused(self):
        self.start_kept()
        for name in ("a.b", "a*", "a%20b", "x" * 201):
            self.assertIn("letters, digits", self.says("PUT", f"/{name}", 500))
        self.says("PUT", "/" + "x" * 200, 201)
        self.says("PUT", "/box", 201)
        self.assertIn("has 1 to 1024 bytes", self.do("PUT", "/box/" + "n" * 1025, b"x", 500).text)
        self.put("/box/" + "n" * 1024, b"x")
        self.assertEqual(self.says("GET", "/box").split(), ["n" * 1024])

    def test_the_server_goes_in_the_middle_of_an_upload(self):
        self.start_kept()
        self.says("PUT", "/box", 201)
        self.put("/box/a", b"as it was")
        body = pattern(8 * MEBIBYTE)
        with Connection(self.site) as client:
            client.send(request("PUT", "/box/a", [("Content-Length", len(body))]) + body[: len(body) // 2])
            wait_for(lambda: sum(self.chunks("box").values()) > 10, "the upload has begun")
            self.nats.kill()
            with contextlib.suppress(OSError):
                client.send(body[len(body) // 2 :])
            answer = client.answer("PUT")
        self.assertEqual(answer.status, 500, answer)
        self.nats.start()
        wait_for(lambda: self.do("GET", "/box/a").status == 200, "the server is found again")
        self.assertEqual(self.says("GET", "/box/a"), "as it was")
        wait_for(lambda: sum(self.chunks("box").values()) == 1, "the chunks that had come are removed", 40)
        self.put("/box/a", body)
        self.assertTrue(self.do("GET", "/box/a", status=200).body == body)
        self.assert_idle()
        self.down()

    def test_the_server_goes_in_the_middle_of_a_download(self):
        self.start_kept()
        self.says("PUT", "/box", 201)
        body = pattern(64 * MEBIBYTE)
        self.put("/box/a", body)
        with Connection(self.site) as client:
            client.send(request("GET", "/box/a"))
            wait_for(lambda: select.select([client.socket], [], [], 0)[0], "the download has begun")
            self.nats.kill()
            answer = client.answer()
        self.assertEqual((answer.status, answer.complete), (200, False), "a part of an object looked whole")
        self.assertLess(len(answer.body), len(body))
        self.nats.start()
        wait_for(lambda: self.do("GET", "/box/a?info").status == 200, "the server is found again")
        self.assertTrue(self.do("GET", "/box/a", status=200).body == body)
        self.assert_idle()
        self.down()


if __name__ == "__main__":
    main()
