# SPDX-License-Identifier: Apache-2.0
"""`weft up` on a folder of its own, for tests that do things to it: controlled by its socket, visited over HTTP, killed."""

import pathlib
import signal
import socket
import tempfile
import time

from control import Control, link
from http_client import fetch
from weft import Process, WeftTest, app, main, wait_for


# Compiled once for all tests.
CACHE = pathlib.Path(tempfile.gettempdir(), "weft-test-artifacts")


def free_port():
    """A port that nobody listens on; a daemon that is started again listens on the same."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Site:
    """Where http_client.fetch() asks."""

    def __init__(self, port):
        self.host, self.port = "127.0.0.1", port


class Daemon(Process):
    def __init__(self, folder, *options, shards=2, **process):
        self.data_dir = folder / "data"
        super().__init__("up", "--data-dir", self.data_dir, "--cache-dir", CACHE, "--allow-file-load", "--shards", shards, "--drain", "2s",
                         *options, **process)
        self.id = self.ready["host"]

    def control(self):
        return Control(self.data_dir / "control.sock", self.id, self.ready["lattice"])


class DaemonTest(WeftTest):
    """A test with one daemon (`up()`), a client of it, and http-server as `web`."""

    APPS = ()

    def setUp(self):
        super().setUp()
        for name in self.APPS:
            app(name)
        self.daemon = self.control = None
        self.site = Site(free_port())
        self.addCleanup(self.end)

    def end(self):
        if self.control:
            self.control.close()
        if self.daemon and self.daemon.alive():
            self.daemon.kill()

    def up(self, *options, **process):
        self.end()
        self.daemon = Daemon(self.folder, *options, **process)
        self.control = self.daemon.control()

    def down(self):
        """A daemon that was well until its end."""
        self.control.close()
        self.control = None
        self.assertEqual(self.daemon.stop(signal.SIGTERM), 0, self.daemon.err)

    def start_web(self, **config):
        self.control.do("config.put.web", {"default_address": f"127.0.0.1:{self.site.port}", **config})
        self.control.do(*self.control.start_provider("web", "http-server", ["web"]))

    def start(self, component, name, count=100, **more):
        self.control.do(*self.control.scale(component, name, count, **more))

    def link(self, *words, **more):
        self.control.do(*link(*words, **more))

    def route(self, path, component):
        """`web`, in its mode `path`, leads there."""
        name = component
        self.control.do(f"config.put.route-{name}", {"path": path})
        self.link("web", component, "wasi:http", ["incoming-handler"], name=name, source_config=[f"route-{name}"])

    def get(self, target="/", **more):
        return fetch(self.site, target, **more)

    def serves(self, target, text):
        answer = self.get(target)
        return answer is not None and answer.complete and (answer.status, answer.text) == (200, text)

    def assert_idle(self, within=10):
        """Nothing of any call is left."""

        def busy():
            return [one for one in self.control.question("components") if one["running"] or one["queued"]]

        end = time.monotonic() + within
        while busy():
            if time.monotonic() > end:
                self.fail(f"calls are left: {busy()}\n{self.daemon.err[-4000:]}")
            time.sleep(0.02)


__all__ = ["CACHE", "Daemon", "DaemonTest", "Site", "free_port", "main", "wait_for"]
