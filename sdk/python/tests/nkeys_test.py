# SPDX-License-Identifier: Apache-2.0
"""Keys, sealed secrets, and a server that wants to know who connects. Skipped without PyNaCl, but for what does without it."""

import base64
import importlib.util
import json
import unittest
from collections.abc import Callable
from typing import Any

from support import HOST_SEED, HOST_XKEY, PROVIDER_SEED, PROVIDER_XKEY, LatticeTest, encode_host_data, eventually, example, link, main

from weft_provider import Connection, ConnectionLost, parse_host_data
from weft_provider.host_data import HostDataError
from weft_provider.nkeys import KeyProblem, _crc, open_sealed, public_xkey, seal, sign

PLAIN = b'{"password":{"kind":"String","value":"hunter2"}}'
SEALED = bytes.fromhex(
    "786b7631" + "03" * 24 + "59bd797be52d2ad5848b1645d95d6517"
    "98090f6e58654dc15664044d0188ab92a43e828f4a477e963f35d4645e470c527eefa19638cac9da3541206d2efd5398")

with_nacl = unittest.skipIf(importlib.util.find_spec("nacl") is None, "PyNaCl is not installed")


class KeyTest(unittest.TestCase):
    def test_public_halves(self) -> None:
        self.assertEqual(public_xkey(HOST_SEED), HOST_XKEY)
        self.assertEqual(public_xkey(PROVIDER_SEED), PROVIDER_XKEY)

    def test_what_is_no_key(self) -> None:
        for text in ("", "SX", PROVIDER_XKEY, PROVIDER_SEED[:-1] + "A", PROVIDER_SEED.lower(), "!" * 58, PROVIDER_SEED + "A" * 8):
            with self.subTest(text=text), self.assertRaises(KeyProblem):
                public_xkey(text)

    @with_nacl
    def test_sealed_boxes(self) -> None:
        self.assertEqual(open_sealed(SEALED, PROVIDER_SEED, HOST_XKEY), PLAIN)
        self.assertEqual(seal(PLAIN, HOST_SEED, PROVIDER_XKEY, b"\x03" * 24), SEALED)
        self.assertEqual(len(SEALED), len(PLAIN) + 44)

    @with_nacl
    def test_boxes_that_do_not_open(self) -> None:
        for box in (b"", b"xkv1", b"xkv2" + SEALED[4:], SEALED[:-1], SEALED[:30], SEALED[:50] + bytes([SEALED[50] ^ 1]) + SEALED[51:]):
            with self.assertRaises(KeyProblem):
                open_sealed(box, PROVIDER_SEED, HOST_XKEY)
        with self.assertRaises(KeyProblem):
            open_sealed(SEALED, HOST_SEED, HOST_XKEY)


class HostDataTest(unittest.TestCase):
    def parse(self, **more: Any) -> Any:
        return parse_host_data(encode_host_data({"env_values": {}, "link_definitions": [], **more}))

    def test_what_may_be_missing(self) -> None:
        host = self.parse()
        self.assertEqual((host.lattice, host.provider_id, host.config, host.links, host.log_level, host.link_put_id), ("", "", {}, (), "info", ""))

    def test_what_may_not(self) -> None:
        for line in (b"", b"\r\n", b"e30=", base64.b64encode(b'{"env_values":{}}'), base64.b64encode(b"[]"), b"not base 64", base64.b64encode(b"{"),
                     base64.urlsafe_b64encode(b'{"env_values":{},"link_definitions":[],"a":"\xc3\xbf\xc3\xbf\xc3\xbe"}'),
                     encode_host_data({"env_values": {}, "link_definitions": []}).rstrip(b"\r\n=")[:-1]):
            with self.subTest(line=line), self.assertRaises(HostDataError):
                parse_host_data(line)
        bads: list[dict[str, Any]] = [
            {"link_definitions": [{}]}, {"link_definitions": [1]}, {"host_id": 1}, {"secrets": {"a": {"kind": "String", "value": 1}}},
            {"secrets": {"a": {"kind": "Bytes", "value": [256]}}}, {"link_definitions": [link("a", "b", target_secrets=["x"])]}, {"config": {"a": 1}}]
        for bad in bads:
            with self.subTest(bad=bad), self.assertRaises(HostDataError):
                self.parse(**bad)

    @with_nacl
    def test_each_end_of_a_link_has_its_half(self) -> None:
        host = self.parse(provider_key="p", host_xkey_public_key=HOST_XKEY, provider_xkey_private_key=PROVIDER_SEED, link_definitions=[
            link("a", "p", source_config={"a": "1"}, target_config={"p": "2"}, target_secrets=list(SEALED))])
        seen = host.link(host.links[0], "target")
        self.assertEqual((seen.peer, seen.config, seen.secrets), ("a", {"p": "2"}, {"password": "hunter2"}))
        seen = host.link(host.links[0], "source")
        self.assertEqual((seen.peer, seen.config, seen.secrets), ("p", {"a": "1"}, {}))


class Signer:
    """Keys and JWTs of a server's operator, an account and a user."""

    def __init__(self, kind: int) -> None:
        from nacl.signing import SigningKey

        self.key = SigningKey.generate()
        self.public = self._text(bytes([kind << 3]) + bytes(self.key.verify_key))
        self.seed = self._text(bytes([18 << 3 | (kind << 3) >> 5, (kind << 3 & 31) << 3]) + bytes(self.key))

    @staticmethod
    def _text(data: bytes) -> str:
        return base64.b32encode(data + _crc(data)).decode().rstrip("=")

    def jwt(self, subject: str, name: str, **claims: Any) -> str:
        parts = ({"typ": "JWT", "alg": "ed25519-nkey"}, {"jti": name, "iat": 1, "iss": self.public, "sub": subject, "name": name, "nats": {
            "version": 2, **claims}})
        text = ".".join(self._base64(json.dumps(part).encode()) for part in parts)
        return f"{text}.{self._base64(self.key.sign(text.encode()).signature)}"

    @staticmethod
    def _base64(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")


@with_nacl
class IdentityTest(LatticeTest):
    """A server that lets in who has a JWT and the key to it."""

    @classmethod
    def setUpClass(cls) -> None:
        operator, account, cls.user = Signer(14), Signer(0), Signer(20)
        limits = {"subs": -1, "data": -1, "payload": -1, "imports": -1, "exports": -1, "wildcards": True, "conn": -1, "leaf": -1}
        account_jwt = operator.jwt(account.public, "account", type="account", limits=limits)
        cls.CONFIG = (f"operator: {operator.jwt(operator.public, 'operator', type='operator')}\nresolver: MEMORY\n"
                      f"resolver_preload: {{ {account.public}: {account_jwt} }}\n")
        cls.jwt = account.jwt(cls.user.public, "user", type="user", subs=-1, data=-1, payload=-1)
        super().setUpClass()

    user: Signer
    jwt: str

    async def test_a_user_gets_in(self) -> None:
        connection = await Connection.open(self.server.url, jwt=self.jwt, seed=self.user.seed)
        await connection.close()
        self.assertEqual(len(base64.b64decode(sign(self.user.seed, b"nonce"))), 64)

    async def test_nobody_else_does(self) -> None:
        attempts: list[Callable[[], Any]] = [lambda: Connection.open(self.server.url, connect_seconds=0.5),
                                             lambda: Connection.open(self.server.url, jwt=self.jwt, seed=Signer(20).seed, connect_seconds=0.5)]
        for attempt in attempts:
            with self.assertRaises(ConnectionLost), self.assertLogs("weft_provider", "WARNING"):
                await attempt()

    async def test_a_provider_with_what_the_host_hands_it(self) -> None:
        process = self.provider(*example("hits.py"), lattice_rpc_user_jwt=self.jwt, lattice_rpc_user_seed=self.user.seed)
        connection = await Connection.open(self.server.url, jwt=self.jwt, seed=self.user.seed)
        self.addAsyncCleanup(connection.close)

        async def serves() -> bool:
            self.assertIsNone(process.process.poll(), process.output)
            return "serves" in process.output

        await eventually(serves, "it serves")
        self.assertNotIn(self.user.seed, process.output)


if __name__ == "__main__":
    main()
