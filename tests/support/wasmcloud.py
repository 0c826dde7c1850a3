# SPDX-License-Identifier: Apache-2.0
"""wasmCloud's own programs, version 1.9: where they are, and tests of a lattice with its host in it.

In wasmCloud's tag v1.9.2 `cargo build --release --bin wasmcloud` makes the host, and `--bin blobstore-fs-provider` and the like make providers."""

import contextlib
import json
import os
import pathlib
import signal
import subprocess
import unittest

from daemon import CACHE, Site, free_port
from http_client import fetch
from nats_client import NatsClient
from nats_server import NatsServer
from weft import Process, WeftTest, app, children, wait_for, weft

PROGRAMS = pathlib.Path.home() / ".cache/weft/peer/bin"


def find_program(name):
    """The path of wasmCloud's `host`, or of its provider of that name; skips the test, visibly, where it is not."""
    variable = f"WASMCLOUD_{name.upper().replace('-', '_')}"
    program = pathlib.Path(os.environ.get(variable) or PROGRAMS / ("wasmcloud" if name == "host" else f"wasmcloud-{name}"))
    if not program.exists():
        raise unittest.SkipTest(f"wasmCloud's {name} 1.9 is not here; name its program with {variable}")
    return str(program.absolute())


class TheirHostTest(WeftTest):
    """wasmCloud's host, `theirs`, at a NATS server of the test's own; commands and questions by our command line."""

    def setUp(self):
        super().setUp()
        program = find_program("host")
        # Two components that answer differently.
        self.hello, self.other = (f"file://{app(name)}" for name in ("hello-c", "hello-cpp"))
        self.server = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.server.kill)
        self.log = open(self.folder / "wasmcloud.log", "wb")
        self.addCleanup(self.log.close)
        # It unpacks providers in the folder for temporary files, and leaves them there.
        (self.folder / "unpacked").mkdir()
        self.process = subprocess.Popen(
            [program, "--nats-port", str(self.server.port), "--allow-file-load"], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log,
            env={**os.environ, "WASMCLOUD_EXPERIMENTAL_FEATURES": "builtin-http-server", "TMPDIR": str(self.folder / "unpacked")})
        self.addCleanup(self.end)
        self.theirs = wait_for(lambda: self.hosts(), "wasmCloud's host answers")[0]

    def end(self):
        """Its providers would outlive it."""
        providers = children(self.process.pid) if self.process.poll() is None else []
        self.process.kill()
        self.process.wait()
        for provider in providers:
            with contextlib.suppress(ProcessLookupError):
                os.kill(provider, signal.SIGKILL)

    def logs(self):
        return pathlib.Path(self.log.name).read_text()[-3000:]

    # ---- commands and questions ----

    def weft(self, *words, code=0):
        outcome = weft(*words, "--nats", self.server.url, "--output", "json", env={"HOME": str(self.folder)})
        self.assertEqual(outcome.code, code, f"{words}\n{outcome}\n{self.logs()}")
        return json.loads(outcome.out if code == 0 else outcome.err)

    def hosts(self):
        with contextlib.suppress(AssertionError):
            return [host["id"] for host in self.weft("get", "hosts")["hosts"]]
        return []

    def components(self):
        return {one["id"]: (one["host"], one["image_ref"], one["max_instances"]) for one in self.weft("get", "components")["components"]}

    def links(self):
        return [(one["source_id"], one["target"], one["name"]) for one in self.weft("get", "links")["links"]]

    def start(self, name, component, host):
        self.weft("start", "component", f"file://{app(name)}", component, "--host", host)

    def configure(self, name, **config):
        self.weft("config", "put", name, *[f"{key}={value}" for key, value in config.items()])

    def start_program(self, provider, program, host, *configs):
        """The program, packed as a provider, since their host starts no other files. It calls it started before it hears of links: until it does."""
        name = pathlib.Path(program).name
        file = self.folder / f"{name}.par.gz"
        outcome = weft("par", "create", "--name", name, "--vendor", "tests", "--binary", program, "--compress", "--destination", file,
                       env={"HOME": str(self.folder)})
        self.assertEqual(outcome.code, 0, outcome)
        self.weft("start", "provider", f"file://{file}", provider, "--host", host, *[word for config in configs for word in ("--config", config)])
        with contextlib.closing(NatsClient(self.server.port)) as client:
            wait_for(lambda: client.ask(f"wasmbus.rpc.default.{provider}.health", ""), f"{provider} answers\n{self.logs()}")

    def link(self, source, target, package, *interfaces, **config):
        """`config`: source_config="NAME" or target_config="NAME"."""
        words = [word for interface in interfaces for word in ("--interface", interface)]
        words += [word for name, value in config.items() for word in (f"--{name.replace('_', '-')}", value)]
        self.weft("link", "put", source, target, *package.split(":"), *words)

    # ---- HTTP ----

    def start_web(self, provider, host, program=None, **config):
        """An http-server on that host, the one that is built in or that program; its site."""
        site = Site(free_port())
        self.configure(provider, default_address=f"127.0.0.1:{site.port}", **config)
        if program is None:
            self.weft("start", "provider", "wasmcloud+builtin://http-server", provider, "--config", provider, "--host", host)
        else:
            self.start_program(provider, program, host, provider)
        return site

    def serves(self, site, path, text):
        """In time: a link is carried out some time after it is accepted."""

        def asks():
            with contextlib.suppress(OSError):
                answer = fetch(site, path)
                return answer is not None and (answer.status, answer.text) == (200, text)

        wait_for(asks, f"{path} gives {text!r}\n{self.logs()}")


class BothHostsTest(TheirHostTest):
    """With a weft host, `ours`, beside it."""

    daemon = None

    def setUp(self):
        super().setUp()
        self.daemon = self.start_ours("data")
        self.ours = self.daemon.ready["host"]
        wait_for(lambda: set(self.hosts()) == {self.ours, self.theirs}, "both hosts answer")

    def start_ours(self, name):
        daemon = Process("up", "--nats", self.server.url, "--data-dir", self.folder / name, "--cache-dir", CACHE, "--allow-file-load", "--label", "kind=weft")
        self.addCleanup(daemon.kill)
        return daemon

    def logs(self):
        return super().logs() + (self.daemon.err[-3000:] if self.daemon else "")
