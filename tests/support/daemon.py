# SPDX-License-Identifier: Apache-2.0
"""`weft up` on a folder of its own, for tests that do things to it: controlled by its socket, visited over HTTP, killed."""

import pathlib
import signal
import socket
import tempfile
import threading
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

    def start_hello(self):
        """`hello` behind `web`, whatever the path."""
        self.start_web()
        self.start("hello", "hello-c")
        self.link("web", "hello", "wasi:http", ["incoming-handler"])

    def start_routes(self):
        """`web` leads to the component that the header X-To names, if route() was told."""
        self.start_web(routing_mode="host", header="x-to")

    def route(self, component):
        self.control.do(f"config.put.route-{component}", {"host": component})
        self.link("web", component, "wasi:http", ["incoming-handler"], name=component, source_config=[f"route-{component}"])

    def start_routed_hello(self):
        """`hello` as the first of many components behind `web`."""
        self.start_routes()
        self.start("hello", "hello-c")
        self.route("hello")

    def ask(self, component, target="/", method="GET", headers=(), **more):
        return fetch(self.site, target, method, [("X-To", component), *headers], **more)

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


def at_once(*works):
    """Does each in a thread of its own, and gives what they gave; what one raised is raised here."""
    results = [None] * len(works)

    def run(index, work):
        try:
            results[index] = work()
        except BaseException as error:
            results[index] = error

    threads = [threading.Thread(target=run, args=pair) for pair in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


class Visitor:
    """Asks a neighbour again and again while it is open; every answer must be right."""

    def __init__(self, test, component="hello", text="hello from C\n"):
        self.test, self.component, self.text = test, component, text
        self.answers, self.longest, self.wrong = 0, 0.0, []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._visit)

    def _visit(self):
        while not self._stop.is_set():
            began = time.monotonic()
            try:
                answer = self.test.ask(self.component)
            except OSError as error:
                answer = error
            self.longest = max(self.longest, time.monotonic() - began)
            if getattr(answer, "text", None) == self.text and answer.status == 200 and answer.complete:
                self.answers += 1
            else:
                self.wrong.append(answer)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        self._thread.join()
        if kind is None:
            self.test.assertEqual(self.wrong[:3], [], f"a neighbour was harmed\n{self.test.daemon.err[-3000:]}")
            self.test.assertGreater(self.answers, 0)


__all__ = ["CACHE", "Daemon", "DaemonTest", "Site", "Visitor", "at_once", "free_port", "main", "wait_for"]
