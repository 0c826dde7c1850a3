# SPDX-License-Identifier: Apache-2.0
"""A guest that keeps objects, over each of the blob stores behind `weft up`: values, streams of any size, and what goes wrong."""

import contextlib
import os
import threading

from lattice import LatticeTest
from objects import Checks, KeptObjectsTest, pattern
from wasmcloud import find_program
from weft import BINARY, children, main, wait_for
from wrpc import Nats


class ObjectsTest(KeptObjectsTest):
    def setUp(self):
        super().setUp()
        self.root = self.folder / "objects"

    def test_a_guest_keeps_objects_in_a_folder(self):
        self.up()
        self.start_objects("blobstore-fs", root=str(self.root))
        self.check_all()
        self.assert_idle()
        left = [name for _, _, names in os.walk(self.root) for name in names if name.startswith(".weft-")]
        self.assertEqual(left, [], "uploads that were given up are left")
        self.down()

    def test_no_name_leads_out_of_the_folder(self):
        (self.folder / "secret").mkdir()
        (self.folder / "secret" / "key").write_text("secret")
        self.up()
        self.start_objects("blobstore-fs", ROOT=str(self.root))
        self.says("PUT", "/box", 201)
        (self.root / "box" / "link").symlink_to(self.folder / "secret" / "key")
        (self.root / "box" / "way").symlink_to(self.folder / "secret")
        (self.root / "out").symlink_to(self.folder / "secret")
        for target in ("/../key", "/..", "/box/../../secret/key", "/box//key", "/box/./a", "/box/link", "/box/way/key", "/out/key", "/box/.weft-1"):
            for method, body in (("GET", None), ("PUT", b"x"), ("DELETE", None)):
                if target == "/box/link" and method != "GET":
                    continue
                answer = self.do(method, target, body)
                self.assertNotEqual(answer.text, "secret")
                if target != "/.." or method != "GET":
                    self.assertEqual(answer.status, 500, f"{method} {target}: {answer}")
        # An object takes the place of a link; what that led to stays.
        self.put("/box/link", b"mine")
        self.assertEqual(self.says("GET", "/box/link"), "mine")
        self.assertEqual((self.folder / "secret" / "key").read_text(), "secret")
        self.assertEqual(os.listdir(self.folder / "secret"), ["key"])
        self.down()

    def test_a_store_that_is_not_linked_is_named(self):
        self.up()
        self.start_web()
        self.start("objects", "objects")
        self.link("web", "objects", "wasi:http", ["incoming-handler"])
        self.assertEqual(self.do("PUT", "/box").status, 500)
        wait_for(lambda: "has no link named" in self.daemon.err, "the failure is told")
        self.assertIn("wasi:blobstore/blobstore", self.daemon.err)
        self.start_store("blobstore-fs", root=str(self.root))
        self.says("PUT", "/box", 201)
        self.down()


class RemoteObjectsTest(Checks, LatticeTest):
    """The store is elsewhere in the lattice."""

    APPS = ("objects",)

    def setUp(self):
        super().setUp()
        self.here = self.host("here")

    def held_by(self):
        pids = [host.process.pid for host in self.hosts]
        return pids + [child for pid in pids for child in children(pid)]

    def start_objects(self):
        self.here.start("objects", "objects")
        self.site = self.here.web()
        self.put_link("web", "objects", "wasi:http", ["incoming-handler"])
        self.here.control.do("config.put.objects", {"root": str(self.folder / "objects")})
        self.put_link("objects", "blobs", "wasi:blobstore", ["blobstore"], target_config=["objects"])
        self.wait_until_served(self.site, "/x?exists")

    def test_a_guest_keeps_objects_in_a_folder_of_another_host(self):
        there = self.host("there")
        there.start_provider("blobs", "blobstore-fs")
        self.start_objects()
        self.check_all()

    def test_the_store_may_be_a_program_of_its_own(self):
        there = self.host("there")
        there.run_provider("blobs", BINARY.parent / "weft-provider-blobstore-fs")
        wait_for(lambda: children(there.process.pid), "it runs")
        self.start_objects()
        self.check_all()
        self.assertEqual(len(self.held_by()), 3, "its memory was looked at, too")

    def test_the_store_may_be_wasmclouds(self):
        """Its provider of 1.9, as a process of our host."""
        program = find_program("blobstore-fs")
        there = self.host("there")
        there.run_provider("blobs", program)
        wait_for(lambda: children(there.process.pid), "it runs")
        self.start_objects()
        self.check_beside_wasmcloud(self.folder / "objects")

    def test_a_store_of_an_older_release_is_asked_in_its_own_way(self):
        """wrpc:blobstore 0.1.0, by hand: streams without a future that says how they ended."""
        self.serve_older()
        self.start_objects()
        self.assertEqual(self.says("GET", "/box?exists"), "yes\n")
        self.assertEqual(self.says("GET", "/box/a"), "older object")
        self.assertEqual(self.says("GET", "/box").split(), ["one", "two"])
        self.assertEqual(self.says("GET", "/box/gone?sync", 500), "no such thing\n")
        self.put("/box/new", b"hello")
        self.assertEqual(self.written.pop(), b"\x05hello\0", "chunks, and the one that ends the stream")
        self.assertEqual(self.do("PUT", "/box/full", b"much", 500).text, "no room\n")
        self.assertEqual(self.written.pop(), b"\x04much\0")
        self.put("/box/empty", b"")
        self.assertEqual(self.written.pop(), b"\0")
        # It is told as broken, and what the store makes of that is nobody's any more.
        self.assertEqual(self.do("PUT", "/box/old?abandon=100", pattern(200)).status, 500)
        wait_for(lambda: self.written, "the older store has been told")
        self.assertEqual(self.written.pop()[-1:], b"\x80", "half a length")

    def serve_older(self):
        self.written = []
        nats = Nats(self.server.port)
        prefix = "default.blobs.wrpc.0.0.1.wrpc:blobstore/blobstore@0.1.0."
        nats.subscribe(prefix + "*", "default.blobs")
        nats.flush()

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    if message := nats.next(prefix):
                        self.answer_older(nats, message, message.subject.removeprefix(prefix))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, 10)
        self.addCleanup(nats.shut)

    def take_older(self, nats, call, ours):
        self.assertEqual(nats.next(f"{ours}.params").payload, b"", "all parameters came with the call")
        self.written.append(b"".join(iter(lambda: nats.next(f"{ours}.params.1").payload, b"")))
        nats.publish(f"{call.reply}.results", b"\1\7no room" if b"full" in call.payload else b"\0")
        nats.publish(f"{call.reply}.results")

    def answer_older(self, nats, call, function):
        ours = f"{nats.inbox}.{call.reply}"
        nats.publish(call.reply, reply=ours)
        if function == "write-container-data":
            return self.take_older(nats, call, ours)
        results, stream = {
            "container-exists": (b"\0\1", None),
            "get-container-data": (b"\0\0", [b"\6older ", b"\6obj", b"ect\0"]),
            "list-container-objects": (b"\0\0", [b"\2\3one", b"\3two\0"]),
        }[function]
        if call.payload.endswith(b"gone\0" + b"\xff" * 9 + b"\1"):
            results, stream = b"\1\x0dno such thing", None
        while nats.next(f"{ours}.params").payload:
            pass
        nats.publish(f"{call.reply}.results", results)
        nats.publish(f"{call.reply}.results")
        for piece in [*stream, b""] if stream else []:
            nats.publish(f"{call.reply}.results.0", piece)


if __name__ == "__main__":
    main()
