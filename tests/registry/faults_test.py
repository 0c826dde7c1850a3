# SPDX-License-Identifier: Apache-2.0
"""A host that starts a component from a registry which fails at one step after the other: it says which, keeps nothing of it, and serves on."""

import hashlib
import json
import pathlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from daemon import DaemonTest, Visitor
from weft import app, main, wait_for

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MEBIBYTE = 1 << 20


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


class Image:
    """A component as a registry has it; `change` may spoil the manifest."""

    def __init__(self, layer, change=lambda manifest: None):
        self.layer, self.config = layer, b'{"architecture":"wasm","os":"wasip2","layerDigests":[]}'
        manifest = {"schemaVersion": 2, "mediaType": MANIFEST,
                    "config": {"mediaType": "application/vnd.wasm.config.v0+json", "digest": digest(self.config), "size": len(self.config)},
                    "layers": [{"mediaType": "application/wasm", "digest": digest(layer), "size": len(layer)}]}
        change(manifest)
        self.manifest = json.dumps(manifest).encode()


class FaultyRegistry:
    """Serves one image at any name; `plays(request, kind)` may answer in its place (kind: manifest, layer, config, other) and then returns true."""

    def __init__(self, image, plays=lambda request, kind: False):
        self.image, self.plays = image, plays
        self.asked = []
        self._over = threading.Event()
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                registry._answer(self)

            do_HEAD = do_GET

            def log_message(self, *_):
                pass

            def give(self, status, body=b"", **headers):
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name.replace("_", "-"), value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def give_endless(self, length=None):
                """A body without an end, of which a length is announced or none."""
                self.close_connection = True
                self.send_response(200)
                self.send_header("Content-Type", MANIFEST)
                if length is not None:
                    self.send_header("Content-Length", str(length))
                self.end_headers()
                while not registry._over.is_set():
                    self.wfile.write(b" " * 65536)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._server.handle_error = lambda *_: None
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"

    def _answer(self, request):
        path = request.path
        kind = "manifest" if "/manifests/" in path else "layer" if digest(self.image.layer) in path else "config" if digest(self.image.config) in path else "other"
        self.asked.append(kind)
        if self.plays(request, kind):
            return
        body = {"manifest": self.image.manifest, "layer": self.image.layer, "config": self.image.config}.get(kind)
        if body is None:
            request.give(404)
        else:
            request.give(200, body, Content_Type=MANIFEST if kind == "manifest" else "application/octet-stream")

    def close(self):
        self._over.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def gives(kind, status, body=b"", **headers):
    """For that kind of request this answer."""

    def play(request, asked):
        if asked == kind:
            request.give(status, body, **headers)
        return asked == kind

    return play


class FaultsTest(DaemonTest):
    APPS = ("hello-c",)

    def setUp(self):
        super().setUp()
        self.layer = pathlib.Path(app("hello-c")).read_bytes()
        self.image = Image(self.layer)
        self.registry = FaultyRegistry(self.image)
        self.addCleanup(self.registry.close)
        self.addCleanup(self.end)
        self.up("--allowed-insecure", self.registry.host, env={"WEFT_ARTIFACT_CACHE": str(self.folder / "images")})
        self.start_routed_hello()

    def scale(self, reference="shop/cart:1", component="cart"):
        command = {"component_id": component, "component_ref": f"{self.registry.host}/{reference}", "count": 1, "host_id": self.control.host}
        return self.control.outcome(self.control.command("component.scale.HOST", command))

    def kept(self):
        return [file for file in (self.folder / "images").rglob("*") if file.is_file() and file.read_bytes() in (self.layer, self.image.layer)]

    def assert_fails(self, plays, *words, image=None, reference="shop/cart:1"):
        self.registry.plays, self.registry.image, self.registry.asked = plays, image or self.image, []
        with Visitor(self) as visitor:
            ended = self.scale(reference)
            wait_for(lambda: visitor.answers > 3, "the neighbour is answered")
        self.assertEqual(ended["state"], "failed", (ended, words))
        for word in words:
            self.assertIn(word, ended["message"])
        self.assertTrue(self.registry.asked)
        self.assertEqual(self.kept(), [], "what was not whole is not kept")
        self.assertEqual([one["id"] for one in self.control.inventory()["components"]], ["hello"])

    def assert_starts_after_all(self):
        self.registry.plays, self.registry.image = (lambda request, kind: False), self.image
        ended = self.scale()
        self.assertEqual(ended["state"], "done", ended)
        self.assertEqual(len(self.kept()), 1)
        self.down()

    def test_every_step_may_be_refused(self):
        for kind in ("manifest", "layer"):
            for status in (400, 403, 404, 500):
                self.assert_fails(gives(kind, status, b'{"errors":[{"code":"DENIED","message":"not for you"}]}'), str(status))
            self.assert_fails(gives(kind, 401), "credentials")
            self.assert_fails(gives(kind, 401, WWW_Authenticate="Bearer realm=\"nonsense\""))
            self.assert_fails(gives(kind, 302, Location=f"http://{self.registry.host}/v2/shop/cart/manifests/1"))
            self.assert_fails(gives(kind, 302))
            self.assert_fails(gives(kind, 200, b""))
        self.assert_starts_after_all()

    def test_manifests_that_are_none(self):
        def layers(count):
            return lambda manifest: manifest.update(layers=manifest["layers"] * count)

        for body in (b"{", b"[]", b"null", b"\xff\xfe", b"{}", b'{"schemaVersion":2}', b"[" * 100_000, b'{"schemaVersion":2,"layers":7}'):
            self.assert_fails(gives("manifest", 200, body, Content_Type=MANIFEST))
        for change in (layers(0), layers(2), lambda manifest: manifest["layers"][0].update(digest="sha256:short"),
                       lambda manifest: manifest["layers"][0].update(digest="sha256:../../../../etc/passwd"), lambda manifest: manifest["layers"][0].update(size=-1),
                       lambda manifest: manifest["layers"][0].update(size=1 << 62), lambda manifest: manifest["layers"][0].update(mediaType="text/html")):
            self.assert_fails(lambda request, kind: False, image=Image(self.layer, change))
        self.assert_starts_after_all()

    def test_what_has_another_digest(self):
        self.assert_fails(lambda request, kind: False, "digest", reference="shop/cart@" + digest(b"another manifest"))
        self.assert_fails(gives("layer", 200, self.layer[:-1] + bytes([self.layer[-1] ^ 1])), "digest")
        self.assert_fails(gives("layer", 200, self.layer + b"more"))
        self.assert_fails(gives("layer", 200, self.layer[:-1]))
        # Right by its digest, and no component.
        self.assert_fails(lambda request, kind: False, image=Image(b"no component"))
        self.assert_starts_after_all()

    def test_bodies_without_an_end(self):
        before = self.daemon.rss()

        def endless(kind, length=None):
            def play(request, asked):
                if asked == kind:
                    request.give_endless(length)
                return asked == kind

            return play

        self.assert_fails(endless("manifest"))
        self.assert_fails(endless("manifest", 1 << 40))
        self.assert_fails(endless("layer"))
        self.assert_fails(endless("layer", 1 << 40))
        self.assertLess(self.daemon.rss() - before, 100 * MEBIBYTE)
        self.assert_starts_after_all()


if __name__ == "__main__":
    main()
