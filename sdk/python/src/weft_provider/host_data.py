# SPDX-License-Identifier: Apache-2.0
"""What a host tells a provider: once at its start on stdin, then in messages."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from .nkeys import KeyProblem, open_sealed, public_xkey


class HostDataError(ValueError):
    """What the host says cannot be understood."""


Secret = str | bytes
Role = Literal["source", "target"]


@dataclass(frozen=True)
class LinkDefinition:
    """A link with what it configures for both of its ends, secrets still sealed."""

    source_id: str
    target: str
    name: str
    wit_namespace: str
    wit_package: str
    interfaces: tuple[str, ...]
    source_config: Mapping[str, str] = field(default_factory=dict)
    target_config: Mapping[str, str] = field(default_factory=dict)
    source_secrets: bytes | None = None
    target_secrets: bytes | None = None

    @property
    def key(self) -> tuple[str, ...]:
        """What makes it the same link, whatever it configures."""
        return (self.source_id, self.target, self.wit_namespace, self.wit_package, self.name)


@dataclass(frozen=True)
class Link:
    """A link as the provider at one end of it sees it: `config` and `secrets` are that end's. `role` says which: the "source" calls the other."""

    role: Role
    definition: LinkDefinition
    config: Mapping[str, str]
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str:
        return self.definition.name

    @property
    def peer(self) -> str:
        """The id of the other end."""
        return self.definition.target if self.role == "source" else self.definition.source_id

    @property
    def interfaces(self) -> tuple[str, ...]:
        return self.definition.interfaces


@dataclass(frozen=True)
class HostData:
    """What is handed to a provider when it is started. Unknown keys are passed over, missing ones have the values below, but for `env_values` and
    `link_definitions`, without which it is no HostData."""

    host_id: str = ""
    lattice: str = ""
    provider_id: str = ""
    instance_id: str = ""
    nats_url: str = ""
    nats_jwt: str = ""
    nats_seed: str = field(default="", repr=False)
    config: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, Secret] = field(default_factory=dict, repr=False)
    links: tuple[LinkDefinition, ...] = ()
    host_xkey: str = ""
    provider_xkey_seed: str = field(default="", repr=False)
    structured_logging: bool = False
    log_level: str = "info"

    @property
    def link_put_id(self) -> str:
        """Under which id links are put: the provider's public key, or its id for a host that has no keys."""
        if not self.provider_xkey_seed:
            return self.provider_id
        return public_xkey(self.provider_xkey_seed)

    def link(self, definition: LinkDefinition, role: Role) -> Link:
        """This provider's end of it, secrets opened. Raises HostDataError."""
        sealed = definition.source_secrets if role == "source" else definition.target_secrets
        config = definition.source_config if role == "source" else definition.target_config
        if sealed is None:
            return Link(role, definition, config)
        try:
            secrets = json.loads(open_sealed(sealed, self.provider_xkey_seed, self.host_xkey))
        except (KeyProblem, ValueError) as error:
            raise HostDataError(f"its secrets cannot be read: {error}") from error
        return Link(role, definition, config, _secrets(secrets))


def parse_host_data(line: bytes) -> HostData:
    """One line of standard, padded base 64 over JSON. Raises HostDataError."""
    try:
        data = _object(json.loads(base64.b64decode(line.strip(), validate=True)), "HostData")
    except ValueError as error:
        raise HostDataError(f"what stands on stdin is no HostData: {error}") from error
    if missing := {"env_values", "link_definitions"} - data.keys():
        raise HostDataError(f"HostData without {', '.join(sorted(missing))}")
    if not isinstance(data["link_definitions"], list):
        raise HostDataError("link_definitions is no list")
    return HostData(
        host_id=_text(data, "host_id"), lattice=_text(data, "lattice_rpc_prefix"), provider_id=_text(data, "provider_key"),
        instance_id=_text(data, "instance_id"), nats_url=_text(data, "lattice_rpc_url"), nats_jwt=_text(data, "lattice_rpc_user_jwt"),
        nats_seed=_text(data, "lattice_rpc_user_seed"), config=text_map(data.get("config") or {}), secrets=_secrets(data.get("secrets") or {}),
        links=tuple(_link(link) for link in data["link_definitions"]), host_xkey=_text(data, "host_xkey_public_key"),
        provider_xkey_seed=_text(data, "provider_xkey_private_key"), structured_logging=data.get("structured_logging") is True,
        log_level=_text(data, "log_level") or "info")


def parse_link(payload: bytes) -> LinkDefinition:
    """A link definition as it comes in messages. Raises HostDataError."""
    try:
        return _link(json.loads(payload))
    except ValueError as error:
        raise HostDataError(f"no link definition: {error}") from error


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise HostDataError(f"{what} is no object")
    return value


def _text(data: Mapping[str, Any], key: str) -> str:
    value = data.get(key) or ""
    if not isinstance(value, str):
        raise HostDataError(f"{key} is no text")
    return value


def text_map(value: Any) -> dict[str, str]:
    """An object of texts. Raises HostDataError."""
    entries = _object(value, "a configuration")
    if not all(isinstance(entry, str) for entry in entries.values()):
        raise HostDataError("a configuration whose values are not all texts")
    return entries


def _secrets(value: Any) -> dict[str, Secret]:
    secrets: dict[str, Secret] = {}
    for name, secret in _object(value, "secrets").items():
        kind, content = (secret.get("kind"), secret.get("value")) if isinstance(secret, dict) else (None, None)
        if kind == "String" and isinstance(content, str):
            secrets[name] = content
        elif kind == "Bytes" and isinstance(content, list):
            secrets[name] = _bytes(content)
        else:
            raise HostDataError(f"a secret that is neither text nor bytes: {name}")
    return secrets


def _bytes(value: Any) -> bytes:
    try:
        return bytes(value)
    except (TypeError, ValueError) as error:
        raise HostDataError("bytes that are none") from error


def _link(value: Any) -> LinkDefinition:
    data = _object(value, "a link definition")
    if missing := {"source_id", "target", "wit_namespace", "wit_package", "interfaces"} - data.keys():
        raise HostDataError(f"a link definition without {', '.join(sorted(missing))}")
    if not isinstance(data["interfaces"], list):
        raise HostDataError("interfaces is no list")
    sealed = {name: None if data.get(name) is None else _bytes(data[name]) for name in ("source_secrets", "target_secrets")}
    return LinkDefinition(
        _text(data, "source_id"), _text(data, "target"), _text(data, "name") or "default", _text(data, "wit_namespace"), _text(data, "wit_package"),
        tuple(str(name) for name in data["interfaces"]), text_map(data.get("source_config") or {}), text_map(data.get("target_config") or {}),
        sealed["source_secrets"], sealed["target_secrets"])
