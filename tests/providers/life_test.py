# SPDX-License-Identifier: Apache-2.0
"""A provider process from its start to its end: what it is born with, what it hears while it runs, what the lattice hears of it."""

import json
import os
import pathlib
import shutil
import subprocess

from daemon import Daemon, main, wait_for
from provider_test_case import ProviderProcessTest, is_alive
from weft import Process, weft


class LifeTest(ProviderProcessTest):
    def test_starts_is_linked_configured_and_stopped(self):
        self.up(env={"RUST_LOG": "trace", "OTEL_SERVICE_NAME": "shop", "SECRET_OF_HOST": "x"})
        self.control.do("config.put.kv", {"bucket": "shop"})
        self.control.do("config.put.url", {"url": "redis://10.0.0.7"})
        self.put_link("cart", "kv", ["url"])
        self.put_link("elsewhere", "other")
        nats = self.listen("wasmbus.evt.default.>")
        self.run_provider(self.program(), config=["kv"])
        self.check_start(self.note("start"))
        started = self.event(nats, "provider_started")
        self.assertEqual((started["provider_id"], started["image_ref"]), ("kv", str(self.folder / "provider")))
        self.assertEqual([(one["id"], one["image_ref"]) for one in self.control.inventory()["providers"]], [("kv", str(self.folder / "provider"))])
        self.assertEqual(self.tree_of()["state"], "ready")
        self.check_links()
        self.control.do("config.put.kv", {"bucket": "new", "more": "1"})
        self.assertEqual(self.note("config.update")["body"], {"bucket": "new", "more": "1"})
        pid = self.note("start")["pid"]
        self.stop_provider()
        self.assertEqual(self.note("shutdown")["host"], self.daemon.id)
        self.assertFalse(is_alive(pid))
        self.assertEqual(self.event(nats, "provider_stopped")["provider_id"], "kv")
        self.assertEqual(self.control.inventory()["providers"], [])
        self.assertFalse((self.daemon.data_dir / "run/programs/kv").exists())
        self.down()

    def check_start(self, start):
        data = start["data"]
        self.assertEqual((start["line_end"], start["rest"], start["args"], start["group"]), ("\r\n", 0, [], start["pid"]))
        env = start["env"]
        self.assertTrue(env.pop("WEFT_PROVIDER").endswith("/kv"))
        env.pop("LC_CTYPE", None)  # Python's own
        self.assertEqual(env, {"RUST_LOG": "trace", "OTEL_SERVICE_NAME": "shop"})
        expected = {"host_id": self.daemon.id, "lattice_rpc_prefix": "default", "link_name": "default", "lattice_rpc_user_jwt": "",
                    "lattice_rpc_user_seed": "", "lattice_rpc_url": self.server.url, "provider_key": "kv", "env_values": {}, "cluster_issuers": [],
                    "config": {"bucket": "shop"}, "secrets": {}, "default_rpc_timeout_ms": 2000, "structured_logging": True, "log_level": "info"}
        self.assertEqual({name: data.get(name) for name in expected}, expected)
        self.assertRegex(data["instance_id"], r"^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$")
        self.assertRegex(data["host_xkey_public_key"], r"^X[A-Z2-7]{55}$")
        self.assertEqual(data["otel_config"], {"enable_observability": False, "protocol": "Http", "additional_ca_paths": [], "trace_level": "info"})
        link = {"source_id": "cart", "target": "kv", "name": "default", "wit_namespace": "wasi", "wit_package": "keyvalue", "interfaces": ["store"],
                "source_config": {}, "target_config": {"url": "redis://10.0.0.7"}, "source_secrets": None, "target_secrets": None}
        self.assertEqual(data["link_definitions"], [link])
        # What it may have missed is told again once it answers.
        self.assertEqual(self.note("put")["body"], link)

    def check_links(self):
        self.put_link("kv", "logger")
        self.assertEqual(self.note("put", 2)["body"]["target"], "logger")
        self.assertEqual(self.note("linkdefs.put")["body"]["target"], "logger", "the copy for old providers")
        # A provider ignores a put of what it has: so what changes is taken away before.
        self.control.do("config.put.url2", {"url": "redis://10.0.0.8"})
        self.put_link("cart", "kv", ["url2"])
        changed = self.note("put", 3)
        self.assertEqual(changed["body"]["target_config"], {"url": "redis://10.0.0.8"})
        before = [note for note in self.notes("linkdefs.del") if note["at"] < changed["at"]]
        self.assertEqual([(note["body"]["source_id"], note["body"]["target_config"]) for note in before], [("cart", {})])
        self.delete_link("cart")
        self.assertEqual(self.note("linkdefs.del", 2)["body"]["source_id"], "cart")

    def test_links_that_come_while_it_does_not_listen_are_told_when_it_does(self):
        self.up()
        self.control.do("config.put.a", {"n": "1"})
        self.control.do("config.put.kv", {"n": "1"})
        for name in ("gone", "changed", "kept"):
            self.put_link("cart", "kv", ["a"], name=name)
        flag = self.folder / "flag"
        accepted = self.begin(self.program(wait_for=str(flag)), config=["kv"])
        self.note("start")
        self.assertEqual(self.tree_of()["state"], "started")
        self.delete_link("cart", name="gone")
        self.control.do("config.put.b", {"n": "2"})
        self.control.do("config.put.kv", {"n": "2"})
        self.put_link("cart", "kv", ["b"], name="changed")
        self.put_link("cart", "kv", [], name="new")
        waiting = next(one for one in self.control.question("ops") if one["id"] == accepted.operation)
        self.assertEqual(waiting["state"], "running", "accepted is not ready")
        flag.touch()
        self.assertEqual(self.control.outcome(accepted)["state"], "done")
        wait_for(lambda: {note["body"]["name"] for note in self.notes("put")} >= {"changed", "kept", "new"}, "all links are told")
        self.assertEqual({note["body"]["name"] for note in self.notes("linkdefs.del")}, {"gone", "changed"})
        self.assertEqual(self.note("config.update")["body"], {"n": "2"})
        self.down()

    def test_an_id_that_runs_is_not_started_again(self):
        self.up()
        self.run_provider(self.program())
        again = self.control.command(*self.command(self.program("other")))
        self.assertFalse(again.success)
        self.assertTrue(again.message.startswith("provider with that ID is already running"), again.message)
        self.assertEqual(self.notes(name="other"), [])
        # Two of one file are two providers, also while the first runs.
        self.run_provider(f"file://{self.folder / 'provider'}", "kv2")
        self.assertEqual(len(self.running()), 2)
        self.down()
        self.assertEqual(self.running(), [])

    def test_health_is_told_to_the_lattice(self):
        self.up()
        nats = self.listen("wasmbus.evt.default.>")
        self.run_provider(self.program())
        self.assertEqual(self.event(nats, "health_check_passed"), {"host_id": self.daemon.id, "provider_id": "kv"})
        self.down()

    def test_one_that_is_not_healthy_runs_and_says_so(self):
        self.up()
        ended = self.control.outcome(self.begin(self.program(healthy=False)))
        self.assertEqual((ended["state"], ended["message"]), ("done", "runs, but is not healthy: no disk"))
        shown = weft("get", "providers", "--data-dir", str(self.daemon.data_dir), "--output", "json")
        provider, = json.loads(shown.out)["providers"]
        self.assertEqual((provider["pid"], provider["health"], provider["health_message"], provider["restarts"]),
                         (self.note("start")["pid"], "unhealthy", "no disk", 0))
        self.down()

    def test_a_host_that_is_started_again_runs_it_again_and_once(self):
        self.up()
        self.run_provider(self.program())
        before = self.note("start")
        self.down()
        self.assertFalse(is_alive(before["pid"]))
        self.up()
        after = self.note("start", 2)
        self.assertNotEqual(after["data"]["instance_id"], before["data"]["instance_id"])
        self.assertEqual(self.running(), [after["pid"]])
        self.assertEqual(self.tree_of()["state"], "ready", "the host says that it is ready when its providers are")
        self.down()

    def test_what_cannot_be_started_says_why(self):
        self.up()
        bad = self.folder / "bad"
        bad.write_text("no program")
        for ref, words in ((f"file://{bad}", "neither a provider archive nor a program"), ("file:///nowhere/x", "No such file"),
                           ("registry.example.net/x:1", "cannot fetch")):
            ended = self.control.outcome(self.begin(ref))
            self.assertEqual(ended["state"], "failed", ref)
            self.assertIn(words, ended["message"], ref)
        missing = self.control.outcome(self.begin(self.program(), config=["missing"]))
        self.assertIn("Config missing does not exist", missing["message"])
        self.run_provider(self.program())  # the id is free
        self.down()

    def test_a_program_of_another_machine_fails_by_name_and_is_not_kept(self):
        self.up()
        elf = self.folder / "elf"
        elf.write_bytes(b"\x7fELF" + bytes(100))
        ended = self.control.outcome(self.begin(f"file://{elf}"))
        self.assertEqual(ended["state"], "failed")
        self.assertIn("cannot be executed", ended["message"])
        self.assertEqual(self.control.inventory()["providers"], [])
        self.run_provider(self.program())
        self.down()


class ArchiveTest(ProviderProcessTest):
    def archive(self, program):
        """A provider archive as wasmCloud's own tool makes it."""
        wash = shutil.which(os.environ.get("WASH", "wash"), path=os.environ.get("PATH", "") + f":{pathlib.Path.home()}/.cache/weft/peer/bin")
        if wash is None:
            self.skipTest("there is no wash here; name one with WASH")
        target = self.folder / "kv.par.gz"
        # It keeps keys and settings in its home.
        made = subprocess.run([wash, "par", "create", "--arch", f"{os.uname().machine}-linux", "--binary", program, "--vendor", "acme", "--name", "Shop KV",
                               "--version", "0.1.0", "--revision", "3", "--compress", "--destination", str(target), "--directory", str(self.folder / "keys")],
                              env={**os.environ, "HOME": str(self.folder)}, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(made.returncode, 0, made.stdout + made.stderr)
        return target

    def test_an_archive_of_wasmclouds_own_tool(self):
        self.up()
        archive = self.archive(self.program().removeprefix("file://"))
        nats = self.listen("wasmbus.evt.default.>")
        self.run_provider(f"file://{archive}")
        started = self.event(nats, "provider_started")
        self.assertEqual((started["image_ref"], started["claims"]["name"], started["claims"]["version"]), (str(archive), "Shop KV", "0.1.0"))
        shown, = self.control.inventory()["providers"]
        self.assertEqual((shown["name"], shown["revision"]), ("Shop KV", 3))
        self.assertEqual([claims["name"] for claims in self.control.command("claims.get").response], ["Shop KV"])
        # Live-host C4: a second of the same archive while the first runs.
        self.run_provider(f"file://{archive}", "kv2")
        self.assertEqual(len(self.running()), 2)
        self.down()


class AloneTest(ProviderProcessTest):
    def test_a_lattice_of_one_refuses_it_and_names_the_fix(self):
        self.daemon = Daemon(self.folder)
        self.control = self.daemon.control()
        shown = weft("start", "provider", self.program().removeprefix("file://"), "kv", "--data-dir", str(self.daemon.data_dir))
        self.assert_error(shown, 1, "needs a NATS server", "--nats")
        self.assertEqual(self.notes(), [])
        self.down()

    def test_files_must_be_allowed(self):
        with Process("up", "--data-dir", self.folder / "data2", "--nats", self.server.url) as daemon:
            shown = weft("start", "provider", self.program().removeprefix("file://"), "kv", "--data-dir", str(self.folder / "data2"))
            self.assert_error(shown, 1, "--allow-file-load")
            self.assertEqual(daemon.stop(), 0)

    def test_a_server_of_its_own_will_do(self):
        self.daemon = Daemon(self.folder, "--lattice", "own", env={"WEFT_NATS_SERVER": self.server.program})
        self.control = self.daemon.control()
        self.run_provider(self.program())
        self.assertEqual(self.note("start")["data"]["lattice_rpc_prefix"], "own")
        self.down()


if __name__ == "__main__":
    main()
