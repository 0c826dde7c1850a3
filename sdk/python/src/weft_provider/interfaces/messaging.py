# SPDX-License-Identifier: Apache-2.0
"""wasmcloud:messaging@0.2.0. A provider calls the handler of components; components call its consumer."""

from __future__ import annotations

from dataclasses import dataclass

from ..codec import bytes_, nothing, option, record, result, string, u32
from ..interface import Interface


@dataclass(frozen=True)
class BrokerMessage:
    subject: str
    body: bytes
    reply_to: str | None = None


broker_message = record(BrokerMessage, subject=string, body=bytes_, reply_to=option(string))

handler = Interface("wasmcloud:messaging/handler@0.2.0")
handle_message = handler.function("handle-message", broker_message, returns=result(nothing, string))

consumer = Interface("wasmcloud:messaging/consumer@0.2.0")
request = consumer.function("request", string, bytes_, u32, returns=result(broker_message, string))
publish = consumer.function("publish", broker_message, returns=result(nothing, string))
