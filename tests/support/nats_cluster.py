# SPDX-License-Identifier: Apache-2.0
"""Three NATS servers in one cluster. The first reaches the others, and is reached by them, over wires only, so that it can be cut off from them."""

import contextlib

from daemon import free_port
from nats_client import NatsClient
from nats_server import NatsServer, Wire
from weft import wait_for

# A cut route is noticed within three pings. Client connections are pinged as often.
SETTINGS = '''
server_name: "s{number}"
ping_interval: "1s"
ping_max: 2
cluster {{
  name: "weft-test"
  listen: "127.0.0.1:{port}"
  cluster_advertise: "127.0.0.1:{known_as}"
  routes: [{routes}]
}}
'''


class NatsCluster:
    def __init__(self, folder):
        ports = [free_port() for _ in range(3)]
        # By these the first is connected with the others, whoever of them begins.
        self.wires = [Wire(port) for port in ports]
        self.servers = []
        # The first comes last: by then the others know each other without a wire.
        routes = {1: [ports[2]], 2: [ports[1]], 0: [self.wires[1].port, self.wires[2].port]}
        try:
            for number in (1, 2, 0):
                settings = SETTINGS.format(number=number, port=ports[number], known_as=self.wires[number].port,
                                           routes=", ".join(f'"nats://127.0.0.1:{port}"' for port in routes[number]))
                self.servers.append(NatsServer(folder / f"server-{number}", free_port(), settings))
                wait_for(lambda: self._knows(self.servers[-1], len(self.servers)), "the servers know each other", 20)
        except BaseException:
            self.kill()
            raise
        self.servers = [self.servers[2], self.servers[0], self.servers[1]]

    @staticmethod
    def _knows(server, members):
        """Whether it tells its clients of so many servers, itself among them."""
        with contextlib.closing(NatsClient(server.port)) as client:
            return members == 1 or len(client.info.get("connect_urls", [])) == members

    @property
    def urls(self):
        return [server.url for server in self.servers]

    def isolate_first(self):
        for wire in self.wires:
            wire.cut()

    def heal(self):
        for wire in self.wires:
            wire.heal()

    def api(self, verb, through=None, **body):
        """A question to JetStream, by whichever server answers; None while none does."""
        for server in [through] if through else self.servers:
            with contextlib.suppress(OSError, AssertionError, TimeoutError, ValueError):
                with contextlib.closing(NatsClient(server.port, 2)) as client:
                    return client.api(verb, **body)
        return None

    def replicate(self, *streams):
        """Each stream on all three servers, and every copy current."""
        for stream in streams:
            wait_for(lambda stream=stream: self._copied(stream) or self._begin_copies(stream), f"three copies of {stream}", 60)

    def _begin_copies(self, stream):
        found = self.api(f"STREAM.INFO.{stream}")
        if found and found["config"]["num_replicas"] != 3:
            self.api(f"STREAM.UPDATE.{stream}", **{**found["config"], "num_replicas": 3})
        return False

    def _copied(self, stream, count=2):
        found = self.api(f"STREAM.INFO.{stream}")
        copies = (found or {}).get("cluster", {}).get("replicas", [])
        return bool(found) and bool(found["cluster"].get("leader")) and sum(1 for one in copies if one.get("current") and not one.get("offline")) >= count

    def whole(self, *streams):
        """Every copy of them is there and current."""
        return all(self._copied(stream) for stream in streams)

    def leader(self, stream):
        """The server that leads it; None while there is none."""
        found = self.api(f"STREAM.INFO.{stream}")
        name = ((found or {}).get("cluster") or {}).get("leader", "")
        return self.servers[int(name[1:])] if name else None

    def kill(self):
        for server in self.servers:
            server.kill()
        for wire in self.wires:
            wire.close()
