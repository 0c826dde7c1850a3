# SPDX-License-Identifier: Apache-2.0
"""What a component may do is what it was granted: environment, folders, outgoing network. The component tries, its host refuses."""

import os
import socket

from weft import DEADLINE, WeftTest, app, main, weft


class GrantsTest(WeftTest):
    def probe(self, grants, *words, env=None):
        return weft("run", app("probe"), *grants, "--", *words, env=env)

    def assert_ok(self, outcome, *lines):
        self.assertEqual((outcome.code, outcome.out), (0, "".join(f"{line}\n" for line in (*lines, "ok"))), outcome)

    def assert_refused(self, outcome, *words):
        self.assertEqual(outcome.code, 1, outcome)
        self.assertIn("refused: ", outcome.err)
        for word in words:
            self.assertIn(word, outcome.err)
        self.assertEqual(outcome.out, "", outcome)


class EnvironmentTest(GrantsTest):
    def test_it_is_empty_without_a_grant(self):
        outcome = self.probe([], "env", env={"SECRET": "x"})
        self.assertEqual((outcome.code, outcome.out), (0, ""), outcome)

    def test_it_holds_what_is_named_and_nothing_else(self):
        outcome = self.probe(["--env", "GIVEN=one=two", "--env", "TAKEN", "--env", "EMPTY="], "env", env={"SECRET": "x", "TAKEN": "here", "GIVEN": "other"})
        self.assertEqual((outcome.code, sorted(outcome.out.splitlines())), (0, ["EMPTY=", "GIVEN=one=two", "TAKEN=here"]), outcome)


class FoldersTest(GrantsTest):
    """`inner` is granted; `outside` lies beside it."""

    def setUp(self):
        super().setUp()
        self.inner = self.folder / "inner"
        (self.inner / "sub").mkdir(parents=True)
        (self.inner / "file").write_text("inside\n")
        self.outside = self.folder / "outside"
        self.outside.mkdir()
        (self.outside / "secret").write_text("from outside\n")

    def snapshot(self):
        """Everything below the test's folder, with what it holds and when it was changed."""
        return {str(path): (os.lstat(path).st_mtime_ns, path.read_text() if path.is_file() else None) for path in self.folder.rglob("*")}

    def test_nothing_is_there_without_a_grant(self):
        for path in ("/", ".", str(self.inner / "file"), "/etc/passwd"):
            self.assert_refused(self.probe([], "read", path))

    def test_a_read_only_folder_is_read_and_never_changed(self):
        grants = ["--dir", f"{self.inner}::/data"]
        self.assert_ok(self.probe(grants, "read", "/data/file"), "inside")
        before = self.snapshot()
        for words in (
            ("create", "/data/new"), ("append", "/data/file"), ("truncate", "/data/file"), ("mkdir", "/data/folder"), ("rmdir", "/data/sub"), ("unlink", "/data/file"),
            ("touch", "/data/file"), ("rename", "/data/file", "/data/other"), ("link", "/data/file", "/data/other"), ("symlink", "file", "/data/other"),
        ):
            with self.subTest(words=words):
                self.assert_refused(self.probe(grants, *words))
                self.assertEqual(self.snapshot(), before)

    def test_a_writable_folder_can_be_changed(self):
        grants = ["--dir", f"{self.inner}::/data:rw"]
        for words in (("create", "/data/new"), ("append", "/data/file"), ("mkdir", "/data/folder"), ("rmdir", "/data/sub"), ("rename", "/data/new", "/data/newer"),
                      ("touch", "/data/file"), ("symlink", "file", "/data/other"), ("unlink", "/data/other")):
            with self.subTest(words=words):
                self.assert_ok(self.probe(grants, *words))
        self.assertEqual(sorted(path.name for path in self.inner.iterdir()), ["file", "folder", "newer"])
        self.assertEqual((self.inner / "file").read_text(), "inside\nprobe\n")

    def test_there_is_no_way_out(self):
        (self.inner / "absolute").symlink_to(self.outside / "secret")
        (self.inner / "relative").symlink_to("../outside/secret")
        (self.inner / "folder").symlink_to("../outside")
        (self.inner / "chain").symlink_to("sub/../folder")
        (self.inner / "sub" / "up").symlink_to("../..")
        before = self.snapshot()
        ways_to_secret = ["../outside/secret", "sub/../../outside/secret", "absolute", "relative", "folder/secret", "chain/secret", "sub/up/outside/secret",
                          "./../outside/secret", "sub/./../../outside/secret"]
        for access in ("", ":rw"):
            grants = ["--dir", f"{self.inner}::/data{access}"]
            for way in ways_to_secret:
                for words in (("read", f"/data/{way}"), ("append", f"/data/{way}"), ("truncate", f"/data/{way}"), ("create", f"/data/{way}")):
                    with self.subTest(access=access, words=words):
                        self.assert_refused(self.probe(grants, *words))
            for words in (("rename", "/data/file", "/data/../outside/file"), ("link", "/data/folder/secret", "/data/mine"), ("mkdir", "/data/folder/new"),
                          ("create", "/data/folder/new"), ("create", "/data/../outside/new"),
                          ("unlink", "/data/folder/secret"), ("rmdir", "/data/../outside"), ("read", str(self.outside / "secret"))):
                with self.subTest(access=access, words=words):
                    self.assert_refused(self.probe(grants, *words))
            self.assertEqual(self.snapshot(), before)

    def test_a_link_that_the_component_makes_leads_nowhere_outside(self):
        grants = ["--dir", f"{self.inner}::/data:rw"]
        # Whether the link may be made or not, nobody follows it.
        for target in ("../outside/secret", str(self.outside / "secret")):
            self.probe(grants, "symlink", target, "/data/made")
            self.assert_refused(self.probe(grants, "read", "/data/made"))
            self.probe(grants, "unlink", "/data/made")

    def test_each_folder_has_its_own_access(self):
        grants = ["--dir", f"{self.inner}::/one", "--dir", f"{self.outside}::/two:rw"]
        self.assert_refused(self.probe(grants, "create", "/one/new"))
        self.assert_ok(self.probe(grants, "create", "/two/new"))
        self.assert_refused(self.probe(grants, "rename", "/one/file", "/two/file"))
        self.assertTrue((self.inner / "file").exists())


class Peer:
    """A socket on loopback that tells what came to it. Who has ended has been here before we look, so nothing is waited for when nothing comes."""

    def __init__(self, kind=socket.SOCK_STREAM, host="127.0.0.1"):
        self.socket = socket.socket(socket.AF_INET, kind)
        self.socket.bind((host, 0))
        if kind == socket.SOCK_STREAM:
            self.socket.listen()
        self.kind, self.host, self.port = kind, *self.socket.getsockname()
        self.address = f"{self.host}:{self.port}"

    def heard(self):
        """The text of the next who came, None if nobody did."""
        self.socket.setblocking(False)
        try:
            if self.kind == socket.SOCK_DGRAM:
                return self.socket.recv(1024).decode()
            client, _ = self.socket.accept()
        except BlockingIOError:
            return None
        with client:
            client.settimeout(DEADLINE)
            data = b""
            while piece := client.recv(1024):
                data += piece
            return data.decode()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()


class NetworkTest(GrantsTest):
    def net(self, *peers):
        return [word for peer in peers for word in ("--allow-net", peer)]

    def connect(self, grants, peer):
        return self.probe(grants, "connect", peer.host, str(peer.port), "hello")

    def send(self, grants, peer):
        return self.probe(grants, "send", peer.host, str(peer.port), "hello")

    def test_there_is_none_without_a_grant(self):
        with Peer() as peer, Peer(socket.SOCK_DGRAM) as datagrams:
            self.assert_refused(self.connect([], peer), "access-denied")
            self.assert_refused(self.send([], datagrams), "access-denied")
            self.assert_refused(self.probe([], "listen", "127.0.0.1", "0"), "access-denied")
            self.assert_refused(self.probe([], "resolve", "localhost"), "resolve")
            self.assertEqual((peer.heard(), datagrams.heard()), (None, None))

    def test_a_peer_on_the_list_is_reached(self):
        with Peer() as peer, Peer(socket.SOCK_DGRAM) as datagrams:
            grants = self.net(peer.address, datagrams.address)
            self.assert_ok(self.connect(grants, peer))
            self.assertEqual(peer.heard(), "hello")
            self.assert_ok(self.send(grants, datagrams))
            self.assertEqual(datagrams.heard(), "hello")

    def test_every_other_port_and_host_is_refused(self):
        with Peer() as allowed, Peer() as other, Peer(host="127.0.0.2") as elsewhere, Peer(socket.SOCK_DGRAM) as datagrams:
            grants = self.net(allowed.address, f"127.0.0.2:{allowed.port}")
            for peer in (other, elsewhere):
                self.assert_refused(self.connect(grants, peer), "access-denied")
                self.assertIsNone(peer.heard())
            self.assert_refused(self.send(grants, datagrams), "access-denied")
            self.assertIsNone(datagrams.heard())

    def test_a_star_allows_every_port_of_one_host(self):
        with Peer() as one, Peer() as two, Peer(host="127.0.0.2") as elsewhere:
            grants = self.net("127.0.0.1:*")
            for peer in (one, two):
                self.assert_ok(self.connect(grants, peer))
                self.assertEqual(peer.heard(), "hello")
            self.assert_refused(self.connect(grants, elsewhere), "access-denied")
            self.assertIsNone(elsewhere.heard())

    def test_a_name_is_resolved_when_it_is_granted(self):
        with Peer() as peer:
            grants = self.net(f"localhost:{peer.port}")
            self.assert_ok(self.connect(grants, peer))
            self.assertEqual(peer.heard(), "hello")
            self.assert_ok(self.probe(grants, "resolve", "localhost"))

    def test_nobody_may_listen(self):
        with Peer() as peer:
            for address in ("127.0.0.1", "0.0.0.0"):
                self.assert_refused(self.probe(self.net(peer.address, "127.0.0.1:*"), "listen", address, "0"), "access-denied")

    def test_a_peer_that_is_not_there_is_told_from_one_that_is_not_granted(self):
        with Peer() as peer:
            address, port = peer.host, str(peer.port)
        self.assert_refused(self.probe(self.net(f"{address}:{port}"), "connect", address, port, "hello"), "connection-refused")


if __name__ == "__main__":
    main()
