# SPDX-License-Identifier: Apache-2.0
"""`weft push`, `pull`, `inspect`, `par`, `claims` and `keys` against a real registry, in the clear, with TLS and with passwords."""

import base64
import json
import pathlib
import shutil

from certificates import Authority
from registry import PASSWORD, USER, Registry, home
from weft import WeftTest, app, main, weft


class ImagesTest(WeftTest):
    def setUp(self):
        super().setUp()
        self.environment = home(self.folder)

    def weft(self, *words, **more):
        return weft(*words, env={**self.environment, **more}, cwd=self.folder)

    def done(self, *words, **more):
        outcome = self.weft(*words, "--output", "json", **more)
        self.assertEqual(outcome.code, 0, outcome)
        return json.loads(outcome.out)

    def registry(self, **more):
        registry = Registry(self.folder, **more)
        self.addCleanup(registry.stop)
        return registry

    def provider(self, *words):
        shutil.copy("/bin/true", self.folder / "kv")
        self.done("par", "create", "--name", "kv", "--vendor", "acme", "--binary", "kv", *words)

    def test_a_component_comes_back_as_it_was(self):
        registry = self.registry()
        reference = f"{registry.host}/shop/hello:1.0"
        for types in ("current", "legacy"):
            pushed = self.done("push", reference, app("hello-c"), "--insecure", "--media-types", types, "--annotation", "org.example.a=1")
            pulled = self.done("pull", reference, "--insecure", "--digest", pushed["digest"])
            self.assertEqual(pulled, {"file": "hello.wasm", "digest": pushed["digest"], "kind": "component"})
            self.assertEqual((self.folder / "hello.wasm").read_bytes(), pathlib.Path(app("hello-c")).read_bytes())
        self.assertIn('"org.example.a":"1"', registry.content(pushed["digest"]).read_text())
        facts = self.done("inspect", reference, "--insecure")
        self.assertEqual(facts["kind"], "http")

    def test_a_provider_comes_back_as_it_was(self):
        registry = self.registry()
        self.provider("--compress")
        self.done("par", "insert", "kv.par.gz", "--arch", "aarch64-linux", "--binary", "kv")
        reference = f"{registry.host}/shop/kv:1"
        self.done("push", reference, "kv.par.gz", "--insecure")
        self.assertEqual(self.done("pull", reference, "--insecure", "--destination", "back.par.gz")["kind"], "provider")
        self.assertEqual((self.folder / "back.par.gz").read_bytes(), (self.folder / "kv.par.gz").read_bytes())
        for command in (("par", "inspect"), ("inspect",)):
            facts = self.done(*command, reference, "--insecure")
            self.assertTrue(facts["valid"], facts)
            self.assertEqual({target["name"] for target in facts["targets"]}, {"x86_64-linux", "aarch64-linux"})

    def test_a_pinned_image_is_there_when_the_registry_is_not(self):
        registry = self.registry()
        pushed = self.done("push", f"{registry.host}/shop/hello:1", app("hello-c"), "--insecure")
        pinned = f"{registry.host}/shop/hello@{pushed['digest']}"
        self.done("pull", pinned, "--insecure")
        registry.stop()
        self.done("pull", pinned, "--insecure", "--destination", "again.wasm")
        self.assert_error(self.weft("pull", f"{registry.host}/shop/hello:1", "--insecure"), 1, registry.host)

    def test_what_a_registry_has_damaged_is_refused(self):
        registry = self.registry()
        self.done("push", f"{registry.host}/shop/hello:1", app("hello-c"), "--insecure")
        for blob in registry.folder.glob("store/docker/registry/v2/blobs/sha256/*/*/data"):
            data = blob.read_bytes()
            if data.startswith(b"\0asm"):
                blob.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        outcome = self.weft("pull", f"{registry.host}/shop/hello:1", "--insecure")
        self.assertNotEqual(outcome.code, 0)
        self.assertIn("digest", outcome.err)
        self.assertFalse((self.folder / "hello.wasm").exists())

    def test_tls_and_passwords(self):
        authority = Authority(self.folder)
        authority.server("DNS:localhost")
        registry = self.registry(certificate=authority.folder / "0.pem", key=authority.folder / "0.key", closed=True)
        reference = f"{registry.host}/shop/hello:1"
        trust = ("--tls-ca-path", authority.file)
        login = {"WASH_REG_USER": USER, "WASH_REG_PASSWORD": PASSWORD}
        self.assert_error(self.weft("push", reference, app("hello-c"), **login), 3, "certificate")
        self.assert_error(self.weft("push", reference, app("hello-c"), *trust), 3, "credentials")
        wrong = self.weft("push", reference, app("hello-c"), *trust, WASH_REG_USER=USER, WASH_REG_PASSWORD="gue55ed")
        self.assertNotEqual(wrong.code, 0)
        self.assertNotIn("gue55ed", wrong.err + wrong.out)
        self.done("push", reference, app("hello-c"), *trust, **login)
        self.done("pull", reference, "--insecure-skip-tls-verify", **login)
        # The logins of docker count too.
        self.assertNotEqual(self.weft("pull", reference, *trust).code, 0)
        (self.folder / "docker").mkdir()
        auth = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        (self.folder / "docker/config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
        self.done("pull", reference, *trust)

    def test_a_component_is_signed(self):
        signed = self.done("claims", "sign", app("hello-c"), "--destination", "s.wasm", "--name", "hello", "--tag", "a", "--tag", "b", "--ver", "1.2", "--rev", "3",
                           "--expires", "10", "--nbf", "0")
        facts = self.done("claims", "inspect", "s.wasm")
        self.assertTrue(facts["valid"], facts)
        self.assertEqual((facts["name"], facts["tags"], facts["version"], facts["revision"]), ("hello", ["a", "b"], "1.2", 3))
        self.assertEqual((facts["component"], facts["issuer"]), (signed["component"], signed["issuer"]))
        self.assertEqual(facts["expires"] - facts["not_before"], 10 * 86_400)
        token = self.weft("claims", "inspect", "s.wasm", "--jwt-only").out.strip()
        self.assertEqual(token.count("."), 2)
        data = bytearray((self.folder / "s.wasm").read_bytes())
        data[data.index(b"wasi:http")] ^= 1
        (self.folder / "bad.wasm").write_bytes(data)
        facts = self.done("claims", "inspect", "bad.wasm")
        self.assertFalse(facts["valid"])
        self.assertIn("Invalid module hash", facts["fault"])
        self.assert_error(self.weft("claims", "inspect", app("hello-c")), 3, "not signed")

    def test_keys_are_kept_and_never_shown(self):
        made = self.done("keys", "gen", "component")
        self.assertRegex(made["public_key"], "^M[A-Z2-7]{55}$")
        self.assertRegex(made["seed"], "^SM[A-Z2-7]{56}$")
        outcome = self.weft("claims", "sign", app("hello-c"), "--destination", "s.wasm")
        self.assertEqual(outcome.code, 0, outcome)
        listed = self.done("keys", "list")["keys"]
        self.assertEqual([key["name"] for key in listed], ["hello-c_module", "tester_account"])
        self.assertEqual(self.done("keys", "get", "tester_account")["public_key"], listed[1]["public_key"])
        seeds = [file.read_text() for file in (self.folder / "keys").iterdir()]
        for file in (self.folder / "keys").iterdir():
            self.assertEqual(file.stat().st_mode & 0o777, 0o600)
        for text in (outcome.out, outcome.err, self.weft("keys", "list").out, self.weft("keys", "get", "tester_account").out):
            for seed in seeds:
                self.assertNotIn(seed, text)
        again = self.done("claims", "sign", app("hello-c"), "--destination", "t.wasm", "--disable-keygen")
        self.assertEqual(again["issuer"], listed[1]["public_key"])
        self.assert_error(self.weft("claims", "sign", app("hello-cpp"), "--disable-keygen"), 3, "hello-cpp_module")

    def test_misuse_is_explained(self):
        self.assert_error(self.weft("pull", "file:///x"), 2, "no image")
        self.assert_error(self.weft("pull", "registry.invalid/shop/x:1", "--user", "u"), 2, "--password")
        self.assert_error(self.weft("push", "registry.invalid/shop/x", app("hello-c")), 3, "latest")
        self.assert_error(self.weft("par", "create", "--name", "x"), 2, "--vendor")
        self.assert_error(self.weft("keys", "gen", "nonsense"), 2, "kind of key")


if __name__ == "__main__":
    main()
