# SPDX-License-Identifier: Apache-2.0
"""Secrets of a backend reach components, providers and links, and nobody else. Run by scripts/python_env."""

import json
import os
import pathlib
import subprocess
import sys

from lattice import LatticeTest, fetch
from lattice_service import Service
from secrets_backend import SecretsBackend, reference, token_of
from weft import APPS, BINARY, main, wait_for, weft
from wrpc import Nats, call

ROOT = pathlib.Path(os.environ["WEFT_SOURCE_DIR"])
PASSWORD = "hunter2-is-no-password"

# A provider that shows what it was given.
SHOWS = """
from weft_provider import Interface, Provider, run, serves
from weft_provider.codec import string

reveal = Interface("test:secrets/show@1.0.0").function("reveal", string, returns=string)


class Shows(Provider):
    @serves(reveal)
    async def reveal(self, call, name: str) -> str:
        of_links = {link.definition.source_id: link.secrets.get(name) for link in self.links}
        return f"{self.secrets.get(name)} {of_links}"


run(Shows())
"""


class SecretsTest(LatticeTest):
    APPS = ("secret-probe", "hello-c")

    def setUp(self):
        super().setUp()
        self.keys = {"HOME": str(self.folder), "WASH_KEYS": str(self.folder / "keys")}
        self.backend = SecretsBackend(self, self.server.port, {"shop/db": PASSWORD, "shop/key": bytes(range(4))})
        self.here = self.host("here", "--secrets-topic", "wasmcloud.secrets")
        self.put("SECRET_db", reference("password", "shop/db"))
        self.put("SECRET_key", reference("key", "shop/key"))

    def tearDown(self):
        for host in self.hosts:
            self.assertNotIn(PASSWORD, host.err, "a secret is in a log")
        super().tearDown()

    def put(self, name, config):
        self.here.control.do(f"config.put.{name}", config)

    def done(self, *words):
        outcome = weft(*words, env=self.keys)
        self.assertEqual(outcome.code, 0, outcome)

    def signed(self, app):
        target = self.folder / f"{app}-signed.wasm"
        self.done("claims", "sign", APPS / f"{app}.wasm", "--destination", target)
        return f"file://{target}"

    def scale(self, component, ref, config, **more):
        return "component.scale.HOST", {"component_id": component, "component_ref": ref, "count": 10, "host_id": self.here.id, "config": config, **more}

    def failure(self, tail, body):
        accepted = self.here.control.command(tail, body)
        ended = self.here.control.outcome(accepted)
        self.assertEqual(ended["state"], "failed", ended)
        return json.dumps(ended)

    def probe(self, config, **more):
        self.here.control.do(*self.scale("probe", self.signed("secret-probe"), config, **more))
        site = self.here.web()
        self.put_link("web", "probe", "wasi:http", ["incoming-handler"])
        self.wait_until_served(site, "/password")
        return site

    def test_a_component_reveals_what_it_was_given_and_nothing_else(self):
        site = self.probe(["SECRET_db"], annotations={"wasmcloud.dev/appspec": "shop"})
        self.assertEqual(fetch(site, "/password").text, f"text {PASSWORD}")
        self.assertEqual(fetch(site, "/key").status, 404)
        (request,) = self.backend.requests
        self.assertEqual((request["key"], request["field"], request["version"], request["context"]["application"]["name"]), ("shop/db", None, None, "shop"))
        self.assertTrue(token_of(request["context"]["entity_jwt"])["sub"].startswith("M"))
        self.assertEqual(token_of(request["context"]["host_jwt"])["sub"], self.here.id)
        # Another list of names is fetched anew, while it runs.
        self.here.control.do(*self.scale("probe", self.signed("secret-probe"), ["SECRET_key", "SECRET_db"]))
        self.assertEqual(fetch(site, "/key").text, "bytes 4")
        self.assertEqual(fetch(site, "/password").text, f"text {PASSWORD}")

    def test_what_keeps_a_secret_from_a_component_is_named(self):
        unsigned = f"file://{APPS / 'hello-c'}.wasm"
        self.assertIn("weft claims sign", self.failure(*self.scale("hello", unsigned, ["SECRET_db"])))
        signed = self.signed("hello-c")
        self.put("SECRET_other", reference("other", "shop/other"))
        self.assertIn("SecretNotFound", self.failure(*self.scale("hello", signed, ["SECRET_other"])))
        self.put("SECRET_vault", reference("password", "shop/db", "vault"))
        told = self.failure(*self.scale("hello", signed, ["SECRET_vault"]))
        self.assertIn("start the secrets backend vault", told)
        self.assertEqual(self.here.control.inventory()["components"], [])
        alone = self.host("alone")
        accepted = alone.control.command("component.scale.HOST", {**self.scale("hello", signed, ["SECRET_db"])[1], "host_id": alone.id})
        self.assertIn("--secrets-topic", json.dumps(alone.control.outcome(accepted)))

    def test_a_backend_that_was_restarted_is_understood_again(self):
        site = self.probe(["SECRET_db"])
        self.backend.close()
        self.backend = SecretsBackend(self, self.server.port, {"shop/db": "another", "shop/key": b"1"})
        self.here.control.do(*self.scale("probe", self.signed("secret-probe"), ["SECRET_db", "SECRET_key"]))
        self.assertEqual(fetch(site, "/password").text, "text another")

    def archive(self, program):
        target = self.folder / "provider.par.gz"
        self.done("par", "create", "--binary", program, "--name", "shows", "--vendor", "test", "--compress", "--destination", target)
        return f"file://{target}"

    def start_provider(self, program, config=()):
        self.here.control.do("provider.start.HOST", {"provider_id": "shows", "provider_ref": self.archive(program), "host_id": self.here.id, "config": list(config)})
        nats = Nats(self.server.port)
        self.addCleanup(nats.close)
        return nats

    def test_a_provider_in_python_has_its_own_and_those_of_its_links(self):
        source, program = self.folder / "shows.py", self.folder / "shows"
        source.write_text(SHOWS)
        subprocess.run([sys.executable, "-m", "weft_provider.pack", source, "-o", program, "--python", sys.executable], check=True,
                       env={**os.environ, "PYTHONPATH": str(ROOT / "sdk/python/src")})
        self.put_link("before", "shows", "test:secrets", ["show"], target_config=["SECRET_db"])
        nats = self.start_provider(program, ["SECRET_db"])
        self.put_link("after", "shows", "test:secrets", ["show"], target_config=["SECRET_db"])

        def shown():
            params = bytes([len("password")]) + b"password"
            return (call(nats, "shows", "test:secrets/show@1.0.0.reveal", params) or b"")[1:].decode()

        wait_for(lambda: "before" in shown() and "after" in shown(), "both links have come")
        self.assertEqual(shown().split(" ", 1)[0], PASSWORD)
        self.assertEqual(shown().count(PASSWORD), 3, shown())
        # Its process is another, with the same.
        self.assertTrue(all(token_of(request["context"]["entity_jwt"])["sub"].startswith("V") for request in self.backend.requests))

    def test_a_provider_in_cpp_opens_the_secrets_of_its_links(self):
        nats = self.start_provider(pathlib.Path(BINARY).parent / "counter_provider")

        def increment(source):
            return call(nats, "shows", "acme:counter/count@1.0.0.increment", b"\x01a\x01", headers={"source-id": source, "link-name": "default"})

        wait_for(lambda: (increment("nobody") or b"")[:1] == b"\0", "it serves")
        self.put("SECRET_prefix", reference("prefix", "shop/db"))
        self.put_link("shopper", "shows", "acme:counter", ["count"], target_config=["SECRET_prefix"])
        wait_for(lambda: increment("shopper") == b"\0\1", "names of its link have their prefix")
        before = increment("nobody")[1]
        self.assertEqual((increment("shopper"), increment("nobody")[1]), (b"\0\2", before + 1))

    def test_logins_of_registries_come_from_the_config_service(self):
        asked = Logins(self, self.server.port)
        self.host("other", "--config-service-enabled", "--label", "zone=b")
        (question,) = asked.asked
        self.assertEqual(json.loads(question.payload)["labels"]["zone"], "b")


class Logins(Service):
    """A config service."""

    def __init__(self, test, port):
        super().__init__(test, port, "wasmbus.cfg.default.req")

    def answer(self, message):
        return json.dumps({"registryCredentials": {"registry.example.net": {"username": "puller", "password": "s3cr3t", "registryType": "oci"}}}).encode(), None


if __name__ == "__main__":
    main()
