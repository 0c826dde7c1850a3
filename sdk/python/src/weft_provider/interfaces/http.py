# SPDX-License-Identifier: Apache-2.0
"""wrpc:http, as which hosts carry wasi:http: what an HTTP server calls components with, and what components call an HTTP client with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..codec import Case, byte_stream, bytes_, future_of, list_of, option, ready, record, result, string, tuple_of, u8, u16, u32, u64, variant
from ..interface import Interface

# Each name with all its values.
Fields = Sequence[tuple[str, Sequence[bytes]]]

fields = list_of(tuple_of(string, list_of(bytes_)))
method = variant({"get": None, "head": None, "post": None, "put": None, "delete": None, "connect": None, "options": None, "trace": None, "patch": None,
                  "other": string})
scheme = variant({"HTTP": None, "HTTPS": None, "other": string})


@dataclass(frozen=True)
class Request:
    """`body`: to send, bytes or what yields bytes; as received, a Stream. `trailers`: a future of fields or None. Hosts need an authority: they do not
    look for a `host` header."""

    method: Case = Case("get")
    path_with_query: str | None = "/"
    authority: str | None = "localhost"
    scheme: Case | None = Case("HTTP")
    headers: Fields = ()
    body: Any = b""
    trailers: Any = field(default_factory=lambda: ready(None))


@dataclass(frozen=True)
class Response:
    status: int = 200
    headers: Fields = ()
    body: Any = b""
    trailers: Any = field(default_factory=lambda: ready(None))


@dataclass(frozen=True)
class RequestOptions:
    """Limits in nanoseconds."""

    connect_timeout: int | None = None
    first_byte_timeout: int | None = None
    between_bytes_timeout: int | None = None


@dataclass(frozen=True)
class DnsError:
    rcode: str | None = None
    info_code: int | None = None


@dataclass(frozen=True)
class TlsAlert:
    alert_id: int | None = None
    alert_message: str | None = None


@dataclass(frozen=True)
class FieldSize:
    field_name: str | None = None
    field_size: int | None = None


_field_size = record(FieldSize, field_name=option(string), field_size=option(u32))
error_code = variant({
    "DNS-timeout": None,
    "DNS-error": record(DnsError, rcode=option(string), info_code=option(u16)),
    "destination-not-found": None,
    "destination-unavailable": None,
    "destination-IP-prohibited": None,
    "destination-IP-unroutable": None,
    "connection-refused": None,
    "connection-terminated": None,
    "connection-timeout": None,
    "connection-read-timeout": None,
    "connection-write-timeout": None,
    "connection-limit-reached": None,
    "TLS-protocol-error": None,
    "TLS-certificate-error": None,
    "TLS-alert-received": record(TlsAlert, alert_id=option(u8), alert_message=option(string)),
    "HTTP-request-denied": None,
    "HTTP-request-length-required": None,
    "HTTP-request-body-size": option(u64),
    "HTTP-request-method-invalid": None,
    "HTTP-request-URI-invalid": None,
    "HTTP-request-URI-too-long": None,
    "HTTP-request-header-section-size": option(u32),
    "HTTP-request-header-size": option(_field_size),
    "HTTP-request-trailer-section-size": option(u32),
    "HTTP-request-trailer-size": _field_size,
    "HTTP-response-incomplete": None,
    "HTTP-response-header-section-size": option(u32),
    "HTTP-response-header-size": _field_size,
    "HTTP-response-body-size": option(u64),
    "HTTP-response-trailer-section-size": option(u32),
    "HTTP-response-trailer-size": _field_size,
    "HTTP-response-transfer-coding": option(string),
    "HTTP-response-content-coding": option(string),
    "HTTP-response-timeout": None,
    "HTTP-upgrade-failed": None,
    "HTTP-protocol-error": None,
    "loop-detected": None,
    "configuration-error": None,
    "internal-error": option(string),
})
_trailers = future_of(option(fields))
_duration = option(u64)
request = record(Request, body=byte_stream, trailers=_trailers, method=method, path_with_query=option(string), scheme=option(scheme),
                 authority=option(string), headers=fields)
response = record(Response, body=byte_stream, trailers=_trailers, status=u16, headers=fields)
request_options = record(RequestOptions, connect_timeout=_duration, first_byte_timeout=_duration, between_bytes_timeout=_duration)

incoming_handler = Interface("wrpc:http/incoming-handler@0.1.0")
handle = incoming_handler.function("handle", request, returns=result(response, error_code))

outgoing_handler = Interface("wrpc:http/outgoing-handler@0.1.0")
handle_outgoing = outgoing_handler.function("handle", request, option(request_options), returns=result(response, error_code))
