# SPDX-License-Identifier: Apache-2.0
"""A secrets backend in 1.9's protocol. Needs the Python SDK and PyNaCl: scripts/python_env."""

import base64
import json
import secrets

from lattice_service import Service
from weft_provider.nkeys import KeyProblem, _encode, open_sealed, public_xkey, seal


def new_xkey():
    return _encode(b"\x95\xc0", secrets.token_bytes(32))


def token_of(token):
    """What a JWT says; nobody verifies it here."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


class SecretsBackend(Service):
    """`values` by key; text or bytes. What it was asked for is in `requests`."""

    def __init__(self, test, port, values, name="test-kv", topic="wasmcloud.secrets"):
        self.seed = new_xkey()
        self.values, self.requests = values, []
        super().__init__(test, port, f"{topic}.v1alpha1.{name}.*")

    def answer(self, message):
        if message.subject.endswith(".server_xkey"):
            return public_xkey(self.seed).encode(), None
        host = message.headers["WasmCloud-Host-Xkey"]
        try:
            request = json.loads(open_sealed(message.payload, self.seed, host))
        except KeyProblem:
            return b'{"error":"DecryptionError"}', None
        self.requests.append(request)
        value = self.values.get(request["key"])
        if value is None:
            return b'{"error":"SecretNotFound"}', None
        text = value if isinstance(value, str) else None
        secret = {"version": "1", "string_secret": text, "binary_secret": None if text is not None else list(value)}
        own = new_xkey()
        return seal(json.dumps({"secret": secret}).encode(), own, host), {"Server-Response-Xkey": public_xkey(own)}


def reference(name, key, backend="test-kv"):
    """The configuration that stands for a secret."""
    return {"name": name, "type": "secret.wasmcloud.dev/v1alpha1", "backend": backend, "key": key,
            "policy": '{"type":"properties.secret.wasmcloud.dev/v1alpha1","properties":{}}'}
