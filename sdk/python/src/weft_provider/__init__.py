# SPDX-License-Identifier: Apache-2.0
"""Capability providers for weft and wasmCloud 1.x in Python: derive from Provider, mark methods with serves(), call run().

The types of the component model are in weft_provider.codec, interfaces that hosts know in weft_provider.interfaces."""

from .client import Lattice, Target, connect
from .codec import Case, DecodeError, EncodeError, Err, Future, Ok, Some, Stream
from .connection import Connection, Limits
from .errors import CalleeFailed, CallError, CallTimeout, ConnectionLost, NobodyListens, ProtocolError, TooMuchData
from .host_data import HostData, Link, parse_host_data
from .interface import Function, Interface, serves
from .provider import Health, Provider, run
from .server import Call, Server

__all__ = [
    "Call", "CallError", "CallTimeout", "CalleeFailed", "Case", "Connection", "ConnectionLost", "DecodeError", "EncodeError", "Err", "Function", "Future",
    "Health", "HostData", "Interface", "Lattice", "Limits", "Link", "NobodyListens", "Ok", "ProtocolError", "Provider", "Server", "Some", "Stream",
    "Target", "TooMuchData", "connect", "parse_host_data", "run", "serves",
]
