# SPDX-License-Identifier: Apache-2.0
"""One provider under wasmCloud's own host and under ours: it is born with the same document, and cannot tell the two apart by what it hears.

Needs that host, which WASMCLOUD_HOST names, and wash, which WASH names; skipped, visibly, without."""

import json
import os
import pathlib
import re
import subprocess

from daemon import main, wait_for
from provider_test_case import ProviderProcessTest
from wasmcloud import PROGRAMS, find_program

WASH = pathlib.Path(os.environ.get("WASH", PROGRAMS / "wash"))


def shape(value):
    """What is new each time by its form alone."""
    if isinstance(value, dict):
        return {name: shape(one) for name, one in value.items()}
    if isinstance(value, list):
        return [shape(one) for one in value]
    if isinstance(value, str):
        value = re.sub(r"^(S?[NX])[A-Z2-7]{55,56}$", lambda key: f"{key[1]} key of {len(key[0])}", value)
        return re.sub(r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$", "a random uuid", value)
    return value


class PeerTest(ProviderProcessTest):
    def setUp(self):
        self.host = find_program("host")
        if not WASH.exists():
            self.skipTest("wash is not here; name its program with WASH")
        super().setUp()
        self.client = self.listen("_INBOX.peer")

    def peer_up(self):
        words = [self.host, "--allow-file-load", "--lattice", "peer", "--nats-port", str(self.server.port), "--provider-shutdown-delay-ms", "2000"]
        host = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(host.wait)
        self.addCleanup(host.kill)
        return wait_for(lambda: self.ask("peer", "host.ping"), "wasmCloud's host")["response"]["id"]

    def ask(self, lattice, tail, body=None):
        """The first answer; None after a second."""
        payload = b"" if body is None else json.dumps(body).encode()
        self.client.send(f"PUB wasmbus.ctl.v1.{lattice}.{tail} _INBOX.peer {len(payload)}\r\n".encode() + payload + b"\r\n")
        answer = self.client.next(1)
        return json.loads(answer[2]) if answer and answer[2] else None

    def live(self, lattice, host, archive, name):
        """A provider's life on that host, as its notes tell it."""
        done = [self.ask(lattice, "config.put.url", {"url": "redis"}), self.ask(lattice, "link.put", self.link_to("kv", ["url"])),
                self.ask(lattice, f"provider.start.{host}", {"provider_id": "kv", "provider_ref": f"file://{archive}", "host_id": host, "config": ["url"],
                                                             "annotations": {}})]
        self.note("listens", name=name)
        done += [self.ask(lattice, "link.put", self.link_to("kv", [], "late")), self.ask(lattice, "config.put.url", {"url": "other"})]
        wait_for(lambda: [note for note in self.notes("put", name) if note["body"]["name"] == "late"], "the late link")
        wait_for(lambda: [note for note in self.notes("config.update", name) if note["body"] == {"url": "other"}], "the late configuration")
        done += [self.ask(lattice, "link.del", {"source_id": "cart", "name": "late", "wit_namespace": "wasi", "wit_package": "keyvalue"})]
        self.note("linkdefs.del", name=name)
        done += [self.ask(lattice, f"provider.stop.{host}", {"provider_id": "kv", "host_id": host})]
        self.assertEqual([answer["success"] for answer in done], [True] * len(done), done)
        self.note("shutdown", name=name)

    @staticmethod
    def link_to(target, config, name="default"):
        return {"source_id": "cart", "target": target, "name": name, "wit_namespace": "wasi", "wit_package": "keyvalue", "interfaces": ["store"],
                "source_config": [], "target_config": config}

    def archive(self, name):
        target = self.folder / f"{name}.par"
        made = subprocess.run([str(WASH), "par", "create", "--arch", f"{os.uname().machine}-linux", "--binary", self.program(name).removeprefix("file://"),
                               "--vendor", "acme", "--name", "KV", "--version", "0.1.0", "--destination", str(target), "--directory",
                               str(self.folder / "keys")],
                              env={**os.environ, "HOME": str(self.folder)}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        return target

    def test_a_provider_cannot_tell_the_hosts_apart(self):
        self.live("peer", self.peer_up(), self.archive("theirs"), "theirs")
        self.up("--lattice", "ours")
        self.live("ours", self.daemon.id, self.archive("ours"), "ours")
        documents = {}
        for name in ("theirs", "ours"):
            start = self.note("start", name=name)
            documents[name] = shape(start["data"])
            self.assertEqual((start["line_end"], start["rest"], start["args"]), ("\r\n", 0, []))
        self.assertEqual(documents["theirs"].pop("lattice_rpc_prefix"), "peer")
        self.assertEqual(documents["ours"].pop("lattice_rpc_prefix"), "ours")
        # Our daemon logs JSON here, and says so.
        self.assertEqual((documents["theirs"].pop("structured_logging"), documents["ours"].pop("structured_logging")), (False, True))
        self.assertEqual(documents["ours"], documents["theirs"])
        for what in ("put", "linkdefs.put", "linkdefs.del"):
            late = {name: [note["body"] for note in self.notes(what, name) if note["body"]["name"] == "late"] for name in ("theirs", "ours")}
            self.assertTrue(late["theirs"], what)
            self.assertEqual(late["ours"], late["theirs"], what)
        self.down()


if __name__ == "__main__":
    main()
