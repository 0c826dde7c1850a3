# SPDX-License-Identifier: Apache-2.0
"""What weft makes is read by wasmCloud's own wash, and the reverse: images, signed components, provider archives, keys."""

import base64
import json
import pathlib
import shutil

from registry import Registry, Wash, home
from weft import WeftTest, app, main, weft


class WashTest(WeftTest):
    def setUp(self):
        super().setUp()
        self.wash = Wash(self.folder)
        shutil.copy("/bin/true", self.folder / "kv")
        self.component = pathlib.Path(app("hello-c"))

    def registry(self):
        registry = Registry(self.folder)
        self.addCleanup(registry.stop)
        return registry

    def by_weft(self, *words):
        outcome = weft(*words, "--output", "json", env=home(self.folder), cwd=self.folder)
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out)

    def by_wash(self, *words):
        """The last object it prints; before that it says this and that."""
        outcome = self.wash(*words, "--output", "json")
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out[outcome.out.index("{"):])

    def test_wash_pulls_what_weft_pushed(self):
        registry = self.registry()
        for types in ("current", "legacy"):
            reference = f"{registry.host}/shop/hello:{types}"
            self.by_weft("push", reference, self.component, "--insecure", "--media-types", types)
            self.by_wash("pull", reference, "--insecure", "--destination", f"{types}.wasm")
            self.assertEqual((self.folder / f"{types}.wasm").read_bytes(), self.component.read_bytes())

    def test_weft_pulls_what_wash_pushed(self):
        registry = self.registry()
        reference = f"{registry.host}/shop/hello:1"
        self.by_wash("push", reference, self.component, "--insecure")
        pulled = self.by_weft("pull", reference, "--insecure")
        self.assertEqual((self.folder / pulled["file"]).read_bytes(), self.component.read_bytes())
        self.assertEqual(self.by_weft("inspect", reference, "--insecure")["kind"], "http")

    def test_both_read_each_others_signatures(self):
        by_weft = self.by_weft("claims", "sign", self.component, "--destination", "a.wasm", "--name", "cart", "--ver", "1.2", "--rev", "3", "--tag", "x")
        seen = self.by_wash("inspect", "a.wasm")
        self.assertEqual((seen["component"], seen["account"]), (by_weft["component"], by_weft["issuer"]))
        self.assertIn("1.2", seen["version"])
        self.by_wash("claims", "sign", self.component, "--destination", "b.wasm", "--name", "cart", "--ver", "2.0", "--rev", "4", "--tag", "y")
        facts = self.by_weft("claims", "inspect", "b.wasm")
        self.assertTrue(facts["valid"], facts)
        self.assertEqual((facts["name"], facts["version"], facts["revision"], facts["tags"]), ("cart", "2.0", 4, ["y"]))
        # Of the same folder of keys.
        self.assertEqual((facts["component"], facts["issuer"]), (by_weft["component"], by_weft["issuer"]))

    def test_tokens_are_those_of_wash(self):
        def said(token):
            header, payload = (json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))) for part in token.split(".")[:2])
            self.assertEqual(len(payload.pop("jti")), 22)
            self.assertGreater(payload.pop("iat"), 0)
            return header, payload

        for kind, words in (("operator", ()), ("account", ()), ("component", ("--tag", "x", "--rev", "3", "--ver", "1.2", "--call-alias", "a/b")), ("provider", ("--vendor", "acme"))):
            theirs = ("--revision", "0", "--version", "") if kind == "provider" else ()
            # Of the same folder of keys.
            wash = said(self.by_wash("claims", "token", kind, "--name", "shop", *words, *theirs)["token"])
            made = self.by_weft("claims", "token", kind, "--name", "shop", *words)
            self.assertEqual(said(made["token"]), wash, kind)
            self.assertEqual((made["subject"], made["issuer"]), (wash[1]["sub"], wash[1]["iss"]))

    def test_both_read_each_others_archives(self):
        registry = self.registry()
        for ending, words in ((".par", ()), (".par.gz", ("--compress",))):
            created = self.by_weft("par", "create", "--name", "kv", "--vendor", "acme", "--binary", "kv", "--destination", f"a{ending}", "--version", "1.0", *words)
            self.by_weft("par", "insert", f"a{ending}", "--arch", "aarch64-linux", "--binary", "kv")
            seen = self.by_wash("par", "inspect", f"a{ending}")
            self.assertEqual((seen["service"], seen["issuer"], seen["vendor"]), (created["provider"], created["issuer"], "acme"))
            self.assertEqual(set(seen["targets"]), {"x86_64-linux", "aarch64-linux"})
            reference = f"{registry.host}/shop/kv:{'gz' if words else 'tar'}"
            self.by_weft("push", reference, f"a{ending}", "--insecure")
            self.assertEqual(self.by_wash("par", "inspect", reference, "--insecure")["service"], created["provider"])

            self.by_wash("par", "create", "--name", "kv", "--vendor", "acme", "--binary", "kv", "--arch", "x86_64-linux", "--destination", f"b{ending}", *words)
            self.by_wash("par", "insert", f"b{ending}", "--arch", "aarch64-linux", "--binary", "kv")
            facts = self.by_weft("par", "inspect", f"b{ending}")
            self.assertTrue(facts["valid"], facts)
            self.assertEqual({target["name"] for target in facts["targets"]}, {"x86_64-linux", "aarch64-linux"})
            self.by_wash("push", reference + "-wash", f"b{ending}", "--insecure")
            self.assertTrue(self.by_weft("inspect", reference + "-wash", "--insecure")["valid"])

    def test_both_read_each_others_keys(self):
        made = self.by_weft("keys", "gen", "account")
        (self.folder / "keys").mkdir()
        (self.folder / "keys/mine.nk").write_text(made["seed"])
        self.assertIn(made["seed"], self.wash("keys", "get", "mine", "--directory", self.folder / "keys").out)
        seen = self.by_wash("keys", "gen", "module")
        (self.folder / "keys/theirs.nk").write_text(seen["seed"])
        self.assertEqual(self.by_weft("keys", "get", "theirs")["public_key"], seen["public_key"])


if __name__ == "__main__":
    main()
