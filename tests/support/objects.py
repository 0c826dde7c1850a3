# SPDX-License-Identifier: Apache-2.0
"""What the guest `objects` must do over every blob store, in whatever host it and the store run."""

import hashlib
import threading

from daemon import DaemonTest
from http_client import Connection, fetch, request
from weft import peak_memory

MEBIBYTE = 1 << 20


def pattern(size):
    return (b"0123456789abcdef" * (size // 16 + 1))[:size]


class Checks:
    """What every store does for the guest at `self.site`; `self.held_by` are the processes that objects go through."""

    def do(self, method, target, body=None, status=None):
        answer = fetch(self.site, target, method, body=body)
        if status is not None:
            self.assertEqual((answer.status, answer.complete), (status, True), f"{answer}\n{self.logs()}")
        return answer

    def put(self, target, body):
        self.assertEqual(self.do("PUT", target, body, 201).text, "done\n")

    def says(self, method, target, status=200):
        return self.do(method, target, status=status).text

    def memory(self):
        """The most that each process has held."""
        return [peak_memory(pid) for pid in self.held_by()]

    def check_values(self):
        self.assertEqual(self.says("GET", "/box?exists"), "no\n")
        self.assertIn("does not exist", self.says("GET", "/box", 500))
        self.assertEqual(self.says("PUT", "/box", 201), "done\n")
        self.assertEqual(self.says("PUT", "/box", 201), "done\n")
        self.assertEqual(self.says("GET", "/box?exists"), "yes\n")
        self.assertTrue(self.says("GET", "/box?info").startswith("box "))
        self.assertEqual(self.says("GET", "/box"), "")
        self.put("/box/a", b"hello")
        self.put("/box/empty", b"")
        self.put("/box/b/c", pattern(300_000))
        self.assertEqual(sorted(self.says("GET", "/box").split()), ["a", "b/c", "empty"])
        self.assertEqual(len(self.says("GET", "/box?skip=2").split()), 1)
        self.assertEqual(self.says("GET", "/box/a"), "hello")
        self.assertEqual(self.says("GET", "/box/a?sync"), "hello")
        self.assertEqual(self.says("GET", "/box/empty"), "")
        self.assertEqual(self.do("GET", "/box/b/c", status=200).body, pattern(300_000))
        # From the first up to but not including the second.
        self.assertEqual(self.says("GET", "/box/a?range=1-3"), "el")
        self.assertEqual(self.says("GET", "/box/a?range=3-1000"), "lo")
        self.assertEqual(self.do("GET", "/box/b/c?range=150000-290001", status=200).body, pattern(300_000)[150_000:290_001])
        self.assertIn("ends before it starts", self.says("GET", "/box/a?range=3-1", 500))
        self.assertTrue(self.says("GET", "/box/b/c?info").startswith("box b/c 300000 "))
        self.put("/box/a", b"other")
        self.assertEqual(self.says("GET", "/box/a"), "other")
        self.says("POST", "/box/a?copy=/box/d")
        self.says("PUT", "/second", 201)
        self.says("POST", "/box/d?move=/second/d")
        self.assertEqual(self.says("GET", "/box/d?exists"), "no\n")
        self.assertEqual(self.says("GET", "/second/d"), "other")
        self.says("DELETE", "/box/a")
        self.says("DELETE", "/box/a")
        self.assertEqual(self.says("GET", "/box/a?exists"), "no\n")
        self.assertNotEqual(self.says("GET", "/box/a", 500), "")
        self.assertNotEqual(self.says("GET", "/box/a?info", 500), "")
        self.says("DELETE", "/box?clear")
        self.assertEqual(self.says("GET", "/box"), "")
        self.says("DELETE", "/box")
        self.assertEqual(self.says("GET", "/box?exists"), "no\n")

    def check_big(self, size=100 * MEBIBYTE, allowed=64 * MEBIBYTE):
        """More than anybody may hold at once, in and out."""
        self.says("PUT", "/big", 201)
        self.put("/big/warm", pattern(MEBIBYTE))
        self.do("GET", "/big/warm", status=200)
        before = self.memory()
        self.put("/big/one", pattern(size))
        answer = self.do("GET", "/big/one", status=200)
        self.assertEqual(len(answer.body), size)
        self.assertEqual(hashlib.sha256(answer.body).digest(), hashlib.sha256(pattern(size)).digest())
        grown = [after - one for one, after in zip(before, self.memory())]
        self.assertLess(max(grown), allowed, "an object was held in memory")

    def check_endings(self):
        self.says("PUT", "/box", 201)
        self.put("/box/old", b"as it was")
        # A guest that traps in the middle stores nothing.
        self.assertEqual(self.do("PUT", "/box/old?abandon=100000", pattern(400_000)).status, 500)
        self.assertEqual(self.says("GET", "/box/old"), "as it was")
        # Nor does one whose client leaves in the middle: its guest finds the body broken, and the object as it comes is what it writes.
        self.put("/box/big", pattern(8 * MEBIBYTE))
        self.assertEqual(self.do("GET", "/box/big?drop=5", status=200).body, pattern(5))
        with Connection(self.site) as client:
            client.send(request("GET", "/box/big"))
            client.socket.recv(1000)
        self.assertEqual(self.do("GET", "/box/big", status=200).body, pattern(8 * MEBIBYTE))

    def check_many(self, count=300):
        self.says("PUT", "/many", 201)
        threads = [threading.Thread(target=self.put_some, args=(range(first, count, 8),)) for first in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(sorted(self.says("GET", "/many").split()), sorted(f"o{number}" for number in range(count)))
        self.assertEqual(self.says("GET", f"/many/o{count - 1}"), str(count - 1))

    def put_some(self, numbers):
        for number in numbers:
            self.do("PUT", f"/many/o{number}", str(number).encode(), 201)

    def check_beside_wasmcloud(self, root):
        """What there is in common with a peer of 1.9; the store keeps its objects in that folder."""
        self.says("PUT", "/box", 201)
        # It sends as fast as it can: of more than this, so much may wait for a busy reader that the stream is broken off (max_buffered_bytes).
        for size in (0, 5, 300_000, 16_000_000):
            self.put("/box/a", pattern(size))
            self.assertEqual((root / "box" / "a").stat().st_size, size)
            self.assertTrue(self.do("GET", "/box/a", status=200).body == pattern(size), f"{size} bytes came back as others")
        self.assertEqual(self.do("GET", "/box/a?range=2000000-9000001", status=200).body, pattern(16_000_000)[2_000_000:9_000_001])
        self.put("/box/b", b"other")
        self.assertEqual(sorted(self.says("GET", "/box").split()), ["a", "b"])
        self.assertTrue(self.says("GET", "/box/b?info").startswith("box b 5 "))
        self.assertNotEqual(self.says("GET", "/box/none", 500), "")
        self.says("DELETE", "/box/b")
        self.assertEqual(self.says("GET", "/box/b?exists"), "no\n")
        self.says("DELETE", "/box")
        self.assertFalse((root / "box").exists())

    def check_all(self):
        self.check_values()
        self.check_endings()
        self.check_many()
        self.check_big()


class KeptObjectsTest(Checks, DaemonTest):
    """The guest behind `web`, and its store, in one daemon."""

    APPS = ("objects",)

    def held_by(self):
        return [self.daemon.process.pid]

    def logs(self):
        return self.daemon.err[-3000:]

    def start_store(self, kind, **config):
        self.control.do(*self.control.start_provider("blobs", kind))
        self.control.do("config.put.objects", config)
        self.link("objects", "blobs", "wasi:blobstore", ["blobstore"], target_config=["objects"])

    def start_objects(self, kind, **config):
        self.start_web()
        self.start("objects", "objects")
        self.link("web", "objects", "wasi:http", ["incoming-handler"])
        self.start_store(kind, **config)
