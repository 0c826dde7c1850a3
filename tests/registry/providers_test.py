# SPDX-License-Identifier: Apache-2.0
"""Provider processes that come as archives: out of a file and out of a real registry, and not against the host's policy."""

import json

from provider_test_case import ProviderProcessTest
from registry import Registry, home
from weft import main, weft


class ProvidersTest(ProviderProcessTest):
    def setUp(self):
        super().setUp()
        self.environment = home(self.folder)
        self.archive = self.folder / "provider.par.gz"
        program = self.program().removeprefix("file://")
        made = self.weft("par", "create", "--name", "kv", "--vendor", "acme", "--binary", program, "--compress", "--destination", self.archive)
        self.issuer = made["issuer"]

    def weft(self, *words):
        outcome = weft(*words, "--output", "json", env=self.environment)
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out)

    def test_one_comes_from_a_registry_and_outlives_it(self):
        registry = Registry(self.folder)
        self.addCleanup(registry.stop)
        reference = f"{registry.host}/shop/kv:1"
        self.weft("push", reference, self.archive, "--insecure")
        self.up("--allowed-insecure", registry.host, "--allowed-issuer", self.issuer)
        self.run_provider(reference)
        start = self.note("start")
        self.assertEqual([(one["id"], one["image_ref"]) for one in self.control.inventory()["providers"]], [("kv", reference)])
        registry.stop()
        self.kill(start["pid"])
        again = self.note("start", 2)
        self.assertNotEqual(again["data"]["instance_id"], start["data"]["instance_id"])
        self.assertEqual(again["data"]["provider_xkey_private_key"], start["data"]["provider_xkey_private_key"])
        self.stop_provider()
        self.down()

    def kill(self, pid):
        import os
        import signal

        os.kill(pid, signal.SIGKILL)

    def test_one_of_another_issuer_does_not_start(self):
        self.up("--allowed-issuer", "A" * 56)
        ended = self.control.outcome(self.begin(f"file://{self.archive}"))
        self.assertEqual(ended["state"], "failed", ended)
        self.assertIn("issuer", json.dumps(ended))


if __name__ == "__main__":
    main()
