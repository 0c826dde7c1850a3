# SPDX-License-Identifier: Apache-2.0
"""Several hosts in one lattice, on a NATS server of the test's own."""

import contextlib

from control import Control, link
from daemon import CACHE, DaemonTest, Site, free_port
from http_client import fetch
from nats_server import NatsServer
from weft import Process, wait_for


class Host(Process):
    """A daemon of the lattice, controlled by its own socket."""

    def __init__(self, folder, name, url, *options, **process):
        data_dir = folder / name
        super().__init__("up", "--data-dir", data_dir, "--cache-dir", CACHE, "--allow-file-load", "--shards", 2, "--drain", "2s", "--nats", url, *options, **process)
        self.name, self.id = name, self.ready["host"]
        self.control = Control(data_dir / "control.sock", self.id, self.ready["lattice"])

    def start(self, component, app, count=100, **more):
        self.control.do(*self.control.scale(component, app, count, **more))

    def stop_component(self, component, app):
        self.control.do(*self.control.scale(component, app, 0))

    def start_provider(self, provider, kind, config=()):
        self.control.do(*self.control.start_provider(provider, kind, config))

    def run_provider(self, provider, program, config=()):
        """That program, as a process of this host."""
        self.control.do("provider.start.HOST", {"provider_id": provider, "provider_ref": f"file://{program}", "host_id": self.id, "config": list(config)})

    def web(self, provider="web", **config):
        """http-server on this host; its site."""
        site = Site(free_port())
        self.control.do(f"config.put.{provider}", {"default_address": f"127.0.0.1:{site.port}", **config})
        self.start_provider(provider, "http-server", [provider])
        return site

    def end(self):
        self.control.close()
        if self.alive():
            self.kill()


class LatticeTest(DaemonTest):
    APPS = ()

    def setUp(self):
        super().setUp()
        self.server = self.new_server()
        self.addCleanup(self.server.kill)
        self.hosts = []

    def new_server(self):
        return NatsServer(self.folder / "js", free_port())

    def host(self, name, *options, url=None, **process):
        host = Host(self.folder, name, url or self.server.url, *options, **process)
        self.hosts.append(host)
        self.addCleanup(host.end)
        return host

    def put_link(self, *words, **more):
        """Told to the first host; every other learns it from the lattice."""
        self.hosts[0].control.do(*link(*words, **more))

    def wait_until_served(self, site, path="/", status=200):
        """A link is carried out some time after it is accepted, by every host for itself."""
        def answers():
            with contextlib.suppress(OSError):
                return fetch(site, path).status == status

        wait_for(answers, f"{path} is served\n{self.logs()}")

    def logs(self):
        return "\n".join(f"---- {host.name}\n{host.err[-3000:]}" for host in self.hosts)


__all__ = ["Host", "LatticeTest", "fetch", "link"]
