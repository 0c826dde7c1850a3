# SPDX-License-Identifier: Apache-2.0
"""A daemon at a NATS server of its own, and provider processes (provider_process.py) that note down what they see."""

import json
import os
import pathlib

from daemon import DaemonTest, free_port, wait_for
from nats_server import NatsServer
from provider_process import Nats, read_notes, write_program


def is_alive(pid):
    """A process that runs: one that has ended and was not waited for does not."""
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class ProviderProcessTest(DaemonTest):
    def setUp(self):
        super().setUp()
        self.server = NatsServer(self.folder / "js", free_port())
        self.addCleanup(self.server.kill)
        self.addCleanup(self.end)
        self.events = []

    def up(self, *options, **process):
        super().up("--nats", self.server.url, *options, **process)

    def listen(self, subject=">"):
        """A connection that hears the lattice's events from now on."""
        nats = Nats(self.server.url)
        self.addCleanup(nats.close)
        nats.subscribe(subject)
        nats.flush()
        return nats

    def event(self, nats, name, within=20):
        """The data of the next event of that name."""

        def found():
            message = nats.next(within)
            self.assertIsNotNone(message, f"no event {name}\n{self.daemon.err[-3000:]}")
            return json.loads(message[2])["data"] if message[0].endswith("." + name) else None

        return wait_for(found, f"event {name}", within)

    # ---- providers ----

    def program(self, name="provider", **options):
        return write_program(self.folder / name, self.folder / f"{name}.notes", **options)

    def notes(self, what=None, name="provider"):
        return [note for note in read_notes(self.folder / f"{name}.notes") if what in (None, note["what"])]

    def note(self, what, count=1, name="provider", within=30):
        """The `count`th of its kind, once it is there."""
        try:
            wait_for(lambda: len(self.notes(what, name)) >= count, f"note {what}, {count} times", within)
        except AssertionError as error:
            log = self.daemon.err[-3000:] if self.daemon else ""
            raise AssertionError(f"{error}; log:\n{log}\n{self.notes(name=name)}") from None
        return self.notes(what, name)[count - 1]

    def command(self, ref, provider="kv", config=()):
        return "provider.start.HOST", {"provider_id": provider, "provider_ref": ref, "host_id": self.daemon.id, "config": list(config)}

    def begin(self, ref, provider="kv", config=()):
        accepted = self.control.command(*self.command(ref, provider, config))
        self.assertTrue(accepted.success, accepted)
        return accepted

    def run_provider(self, ref, provider="kv", config=()):
        """Started, and it answers."""
        self.control.do(*self.command(ref, provider, config))

    def stop_provider(self, provider="kv"):
        self.control.do("provider.stop.HOST", {"provider_id": provider, "host_id": self.daemon.id})

    def put_link(self, source, target, config=(), name="default"):
        body = {"source_id": source, "target": target, "name": name, "wit_namespace": "wasi", "wit_package": "keyvalue", "interfaces": ["store"],
                "source_config": [], "target_config": list(config)}
        self.control.do("link.put", body)

    def delete_link(self, source, name="default"):
        self.control.do("link.del", {"source_id": source, "name": name, "wit_namespace": "wasi", "wit_package": "keyvalue"})

    def running(self, name="provider"):
        """Processes of that program that run now."""
        return [pid for pid in {note["pid"] for note in self.notes(name=name)} if is_alive(pid)]

    def assert_gone(self, *pids):
        for pid in pids:
            wait_for(lambda pid=pid: not is_alive(pid), f"the end of process {pid}", 10)

    def tree_of(self, provider="kv"):
        """Its place in the tree."""
        tree = self.control.question("tree")
        providers = next(child for child in tree["children"] if child["name"] == "providers")
        return next((child for child in providers["children"] if child["name"] == provider), None)


__all__ = ["ProviderProcessTest", "is_alive", "os", "wait_for"]
