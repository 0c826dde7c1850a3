# SPDX-License-Identifier: Apache-2.0
"""What `weft` says of files, folders and addresses that it cannot use: a clear error, its exit code, and never a crash."""

import json
import os
import pathlib
import shutil
import socket
import subprocess

from http_client import fetch
from wasm_bytes import COMPONENT_PREAMBLE, CORE_PREAMBLE, component_importing, leb
from weft import BUILD, Server, WeftTest, app, main, weft

EXIT_USAGE, EXIT_IO, EXIT_BAD_COMPONENT, EXIT_NOT_GRANTED, EXIT_LIMIT = 2, 3, 4, 5, 6


class BadFilesTest(WeftTest):
    def file(self, content, filename="x.wasm"):
        path = self.folder / filename
        path.write_bytes(content)
        return str(path)

    def check_everywhere(self, path, code, *words):
        """run, inspect and compile agree; the same error is an object for programs."""
        for command in ("run", "inspect", "compile"):
            with self.subTest(command=command):
                self.assert_error(weft(command, path, "--cache-dir", self.folder / "cache")
                                  if command != "inspect" else weft(command, path), code, *words)
        outcome = weft("inspect", path, "--output", "json")
        error = json.loads(outcome.err)["error"]
        self.assertEqual((outcome.code, error["exit_code"]), (code, code), outcome)
        self.assertTrue(error["message"] and error["hint"], outcome)

    def test_no_such_file(self):
        self.check_everywhere(str(self.folder / "none.wasm"), EXIT_IO, "none.wasm")

    def test_a_folder(self):
        self.check_everywhere(str(self.folder), EXIT_USAGE, str(self.folder))

    def test_not_wasm(self):
        for content in (b"", b"\0", b"#!/bin/sh\necho hello\n", b"\0asm", b"\x7fELF" + bytes(100), os.urandom(4096)):
            with self.subTest(content=content[:8]):
                self.check_everywhere(self.file(content), EXIT_BAD_COMPONENT, "x.wasm")

    def test_a_core_module(self):
        self.check_everywhere(self.file(CORE_PREAMBLE), EXIT_BAD_COMPONENT, "core", "module", "weft wit new")

    def test_a_text_module(self):
        self.check_everywhere(self.file(b"(module)"), EXIT_BAD_COMPONENT, "x.wasm")

    def test_truncated_components(self):
        whole = pathlib.Path(app("hello-c")).read_bytes()
        for length in (8, 9, 40, len(whole) // 4, len(whole) // 2, len(whole) - 1):
            with self.subTest(length=length):
                outcome = weft("run", self.file(whole[:length]), "--no-cache")
                # Its preamble alone is a whole component: an empty one, which cannot be run.
                self.assert_error(outcome, EXIT_BAD_COMPONENT, "incoming-handler" if length == 8 else "x.wasm")

    def test_a_damaged_component(self):
        whole = bytearray(pathlib.Path(app("hello-c")).read_bytes())
        middle = len(whole) // 2
        whole[middle:middle + 64] = b"\xff" * 64
        outcome = weft("run", self.file(bytes(whole)), "--no-cache")
        self.assert_error(outcome, EXIT_BAD_COMPONENT)

    def test_an_empty_component_is_a_library(self):
        path = self.file(COMPONENT_PREAMBLE)
        self.assertEqual(weft("inspect", path).code, 0)
        self.assert_error(weft("run", path), EXIT_BAD_COMPONENT, "wasi:http/incoming-handler", "weft inspect")

    def test_an_unknown_import_is_named(self):
        path = self.file(component_importing("acme:rockets/launch@1.0.0"))
        inspected = weft("inspect", path)
        self.assertEqual(inspected.code, 0, inspected)
        self.assertIn("acme:rockets/launch@1.0.0", inspected.out)
        self.assert_error(weft("call", path, "f", "--no-cache"), EXIT_NOT_GRANTED, "acme:rockets/launch")

    def test_wasi_0_3_is_refused_by_name(self):
        path = self.file(component_importing("wasi:clocks/system-clock@0.3.0"))
        self.assert_error(weft("call", path, "f", "--no-cache"), EXIT_BAD_COMPONENT, "0.3")

    def test_a_huge_component(self):
        """Hundreds of megabytes of a custom section are looked at, above 1 GiB it is refused unread."""
        path = self.folder / "huge.wasm"
        size = 300 << 20
        with open(path, "wb") as file:
            body = leb(size + 2) + b"\x01x"
            file.write(COMPONENT_PREAMBLE + b"\x00" + body)
            file.truncate(8 + 1 + len(body) + size)
        outcome = weft("inspect", path, "-o", "json")
        self.assertEqual(outcome.code, 0, outcome)
        self.assertEqual(json.loads(outcome.out)["size_bytes"], path.stat().st_size)
        os.truncate(path, (1 << 30) + 1)
        self.check_everywhere(path, EXIT_LIMIT, "huge.wasm", "1 GiB")

    def test_a_section_that_promises_more_than_there_is(self):
        self.check_everywhere(self.file(COMPONENT_PREAMBLE + b"\x00\xff\xff\xff\xff\x0f\x01x"), EXIT_BAD_COMPONENT)

    def test_no_permission_to_read(self):
        path = self.file(COMPONENT_PREAMBLE)
        os.chmod(path, 0)
        outcome = run_unprivileged(["inspect", path], self.folder)
        if outcome is None:
            self.skipTest("needs root, to become another user")
        self.assert_error(outcome, EXIT_IO, "x.wasm")


class AddressesTest(WeftTest):
    def test_port_in_use(self):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            self.assert_error(weft("run", app("hello-c"), "--listen", f"127.0.0.1:{port}"), EXIT_IO, str(port))

    def test_two_servers_do_not_share_a_port_by_accident(self):
        with Server(app("hello-c")) as first:
            self.assert_error(weft("run", app("hello-c"), "--listen", f"127.0.0.1:{first.port}"), EXIT_IO, str(first.port))
            self.assertEqual(fetch(first).status, 200)

    def test_an_address_that_is_not_ours(self):
        self.assert_error(weft("run", app("hello-c"), "--listen", "192.0.2.1:8000"), EXIT_USAGE, "192.0.2.1")

    def test_not_an_address(self):
        for address in ("nonsense", "127.0.0.1", "127.0.0.1:99999", "host name:80"):
            with self.subTest(address=address):
                self.assert_error(weft("run", app("hello-c"), "--listen", address), EXIT_USAGE, address)

    def test_no_permission_for_the_port(self):
        lowest = int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text())
        if lowest <= 1:
            self.skipTest("every port is free to all here")
        component = shutil.copy(app("hello-c"), self.folder / "hello.wasm")
        outcome = run_unprivileged(["run", component, "--no-cache", "--listen", "127.0.0.1:1"], self.folder)
        if outcome is None:
            self.skipTest("needs root, to become another user")
        self.assert_error(outcome, EXIT_IO, "127.0.0.1:1")


class CacheFolderTest(WeftTest):
    """A cache that cannot be used costs time, never the service."""

    def serves(self, *options):
        with Server(app("hello-c"), *options) as server:
            self.assertEqual(fetch(server).status, 200)
            self.assertEqual(server.stop(), 0, server.err)
            return server

    def test_fills_and_uses_a_cache(self):
        cache = self.folder / "new" / "cache"
        self.assertFalse(self.serves("--cache-dir", cache).ready["cached"])
        self.assertTrue(self.serves("--cache-dir", cache).ready["cached"])
        self.assertFalse(self.serves("--no-cache").ready["cached"])

    def test_compile_fills_it(self):
        cache = self.folder / "cache"
        first = weft("compile", app("hello-c"), "--cache-dir", cache, "--output", "json")
        second = weft("compile", app("hello-c"), "--cache-dir", cache, "--output", "json")
        self.assertEqual((first.code, second.code), (0, 0), f"{first}\n{second}")
        self.assertTrue(json.loads(first.out)["compiled"])
        self.assertFalse(json.loads(second.out)["compiled"])
        self.assertTrue(self.serves("--cache-dir", cache).ready["cached"])

    def test_a_damaged_entry_is_compiled_again(self):
        cache = self.folder / "cache"
        self.serves("--cache-dir", cache)
        entries = [path for path in cache.rglob("*") if path.is_file()]
        self.assertTrue(entries)
        for damage in (lambda data: data[:len(data) // 2], lambda data: b"", lambda data: data[:-9] + b"\xff" + data[-8:],
                       lambda data: data[:len(data) // 2] + bytes([data[len(data) // 2] ^ 1]) + data[len(data) // 2 + 1:]):
            whole = {path: path.read_bytes() for path in cache.rglob("*") if path.is_file()}
            for path, data in whole.items():
                path.chmod(0o600)
                path.write_bytes(damage(data))
            self.assertFalse(self.serves("--cache-dir", cache).ready["cached"])
            self.assertTrue(self.serves("--cache-dir", cache).ready["cached"])

    def test_a_file_where_the_folder_should_be(self):
        (self.folder / "cache").write_text("a file")
        self.assertFalse(self.serves("--cache-dir", self.folder / "cache").ready["cached"])

    def test_a_read_only_folder(self):
        """Even root cannot write into /proc."""
        self.assertFalse(self.serves("--cache-dir", "/proc/weft-cache").ready["cached"])

    def test_compile_into_a_read_only_folder_fails(self):
        self.assert_error(weft("compile", app("hello-c"), "--cache-dir", "/proc/weft-cache"), EXIT_IO, "/proc/weft-cache")

    def test_a_full_disk(self):
        mount = self.folder / "full"
        mount.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "tmpfs", str(mount)], capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("needs root, to mount a small disk")
        self.addCleanup(subprocess.run, ["umount", str(mount)], check=False)
        self.assertFalse(self.serves("--cache-dir", mount / "cache").ready["cached"])
        left = [path for path in mount.rglob("*") if path.is_file()]
        self.assertEqual([path.name for path in left if path.stat().st_size > 0], [], "a half-written entry was left")


def run_unprivileged(words, folder):
    """Runs weft as nobody; None where that cannot be done."""
    if os.geteuid() != 0 or shutil.which("setpriv") is None:
        return None
    # The build folder may be closed to others, so the program moves to where it can be read.
    binary = folder / "weft"
    shutil.copy(os.environ.get("WEFT_BINARY", BUILD / "bin/weft"), binary)
    os.chmod(folder, 0o755)
    os.chmod(binary, 0o755)
    return weft("--reuid=65534", "--regid=65534", "--clear-groups", binary, *words, binary=shutil.which("setpriv"), cwd="/",
                env={"HOME": "/nonexistent", "ASAN_OPTIONS": "detect_leaks=0"})


if __name__ == "__main__":
    main()
