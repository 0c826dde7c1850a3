#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A key-value store in memory, for apps/hits and whoever else imports wasi:keyvalue. A link may set a prefix for the keys of its source."""

from weft_provider import Call, Case, Err, Ok, Provider, run, serves
from weft_provider.interfaces import keyvalue

Error = Err[Case]


class Store(Provider):
    name = "hits"

    def __init__(self) -> None:
        self._buckets: dict[str, dict[str, bytes]] = {}

    def _bucket(self, call: Call, bucket: str, key: str = "") -> tuple[dict[str, bytes], str]:
        return self._buckets.setdefault(bucket, {}), call.link_config.get("prefix", "") + key

    @serves(keyvalue.get)
    async def get(self, call: Call, bucket: str, key: str) -> Ok[bytes | None] | Error:
        entries, key = self._bucket(call, bucket, key)
        return Ok(entries.get(key))

    @serves(keyvalue.set_)
    async def set(self, call: Call, bucket: str, key: str, value: bytes) -> Ok[None] | Error:
        entries, key = self._bucket(call, bucket, key)
        entries[key] = value
        return Ok()

    @serves(keyvalue.delete)
    async def delete(self, call: Call, bucket: str, key: str) -> Ok[None] | Error:
        entries, key = self._bucket(call, bucket, key)
        entries.pop(key, None)
        return Ok()

    @serves(keyvalue.exists)
    async def exists(self, call: Call, bucket: str, key: str) -> Ok[bool] | Error:
        entries, key = self._bucket(call, bucket, key)
        return Ok(key in entries)

    @serves(keyvalue.list_keys)
    async def list_keys(self, call: Call, bucket: str, cursor: int | None) -> Ok[keyvalue.KeyResponse] | Error:
        entries, prefix = self._bucket(call, bucket)
        return Ok(keyvalue.KeyResponse([key[len(prefix):] for key in entries if key.startswith(prefix)]))

    @serves(keyvalue.increment)
    async def increment(self, call: Call, bucket: str, key: str, delta: int) -> Ok[int] | Error:
        entries, key = self._bucket(call, bucket, key)
        try:
            total = (int(entries.get(key, b"0")) + delta) % 2**64
        except ValueError:
            return Err(keyvalue.other(f"{key} is no number"))
        entries[key] = b"%d" % total
        return Ok(total)


if __name__ == "__main__":
    run(Store())
