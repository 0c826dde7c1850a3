# SPDX-License-Identifier: Apache-2.0
"""Hosts that start components from a real registry: by tag and digest, with credentials that come at run time, and not against their policy."""

import json
import socket

from certificates import Authority
from daemon import DaemonTest
from registry import PASSWORD, USER, Registry, home
from weft import app, main, weft


class HostsTest(DaemonTest):
    APPS = ("hello-c",)

    def setUp(self):
        super().setUp()
        self.environment = home(self.folder)

    def registry(self, **more):
        registry = Registry(self.folder, **more)
        self.addCleanup(registry.stop)
        return registry

    def push(self, reference, file, *words, **more):
        outcome = weft("push", reference, file, "--output", "json", *words, env={**self.environment, **more})
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out)["digest"]

    def signed(self, key="tester"):
        outcome = weft("claims", "sign", app("hello-c"), "--destination", self.folder / "s.wasm", "--output", "json", env={**self.environment, "USER": key})
        self.assertEqual(outcome.code, 0, outcome)
        return self.folder / "s.wasm", json.loads(outcome.out)["issuer"]

    def scale(self, reference, component="hello"):
        command = {"component_id": component, "component_ref": reference, "count": 10, "host_id": self.control.host}
        return self.control.outcome(self.control.command("component.scale.HOST", command))

    def assert_starts(self, reference, component="hello"):
        ended = self.scale(reference, component)
        self.assertEqual(ended["state"], "done", ended)

    def assert_refused(self, reference, *words, component="other"):
        ended = self.scale(reference, component)
        self.assertEqual(ended["state"], "failed", ended)
        for word in words:
            self.assertIn(word, json.dumps(ended))

    def test_a_component_comes_from_a_registry_and_serves(self):
        registry = self.registry()
        reference = f"{registry.host}/shop/hello:1"
        self.push(reference, app("hello-c"), "--insecure")
        self.up("--allowed-insecure", registry.host)
        self.start_web()
        self.assert_starts(reference)
        self.link("web", "hello", "wasi:http", ["incoming-handler"])
        self.assertEqual(self.get("/").text, "hello from C\n")
        self.assertEqual(self.control.inventory()["components"][0]["image_ref"], reference)
        self.assert_refused(f"{registry.host}/shop/other:1", "404")
        self.assert_refused(f"{registry.host}/shop/hello", "latest")
        self.down()

    def test_a_pinned_component_starts_again_without_the_registry(self):
        registry = self.registry()
        digest = self.push(f"{registry.host}/shop/hello:1", app("hello-c"), "--insecure")
        self.up("--allowed-insecure", registry.host, env={"WEFT_ARTIFACT_CACHE": ""})
        self.start_web()
        self.assert_starts(f"oci://{registry.host}/shop/hello@{digest}")
        self.link("web", "hello", "wasi:http", ["incoming-handler"])
        self.down()
        registry.stop()
        self.assertTrue(any((self.daemon.data_dir / "artifacts/content").iterdir()))
        self.up("--allowed-insecure", registry.host, env={"WEFT_ARTIFACT_CACHE": ""})
        self.assertEqual(self.get("/").text, "hello from C\n")

    def test_credentials_come_while_it_runs(self):
        authority = Authority(self.folder)
        authority.server("DNS:localhost")
        registry = self.registry(certificate=authority.folder / "0.pem", key=authority.folder / "0.key", closed=True)
        reference = f"{registry.host}/shop/hello:1"
        self.push(reference, app("hello-c"), "--tls-ca-path", authority.file, WASH_REG_USER=USER, WASH_REG_PASSWORD=PASSWORD)
        self.up("--tls-ca-path", authority.file)
        self.assert_refused(reference, "credentials")
        self.control.do("registry.put", {registry.host: {"username": USER, "password": PASSWORD, "registryType": "oci"}})
        self.assert_starts(reference)
        self.assertNotIn(PASSWORD, self.daemon.err)
        self.up("--tls-ca-path", authority.file, "--oci-registry", registry.host, "--oci-user", USER, env={"WASMCLOUD_OCI_REGISTRY_PASSWORD": PASSWORD})
        self.assert_starts(reference, "second")
        shown = weft("config", "show", "--oci-password", PASSWORD).out
        self.assertNotIn(PASSWORD, shown)

    def test_a_host_runs_only_what_its_policy_allows(self):
        file, issuer = self.signed()
        self.up("--require-signed")
        self.assert_refused(f"file://{app('hello-c')}", "not signed")
        self.assert_starts(f"file://{file}")
        self.down()
        self.up("--allowed-issuer", issuer)
        self.assert_refused(f"file://{app('hello-c')}", "not signed")
        self.assert_starts(f"file://{file}", "second")
        stranger, _ = self.signed("stranger")
        self.assert_refused(f"file://{stranger}", "not allowed")

    def test_a_host_stops_while_it_waits_for_a_registry(self):
        # Nothing answers there: the kernel takes the connection and nobody writes to it.
        with socket.socket() as silent:
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            host = f"127.0.0.1:{silent.getsockname()[1]}"
            self.up("--allowed-insecure", host)
            command = {"component_id": "hello", "component_ref": f"{host}/shop/hello:1", "count": 1, "host_id": self.control.host}
            self.assertTrue(self.control.command("component.scale.HOST", command).success)
            connection, _ = silent.accept()
            with connection:
                connection.recv(1)
                self.down()


if __name__ == "__main__":
    main()
