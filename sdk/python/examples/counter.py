#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Named counters; a link may set a prefix for the names of its source. The twin of apps/counter-builtin, as a process of its own."""

from collections import Counter

from weft_provider import Call, Err, Interface, Ok, Provider, run, serves
from weft_provider.codec import result, string, u64

count = Interface("acme:counter/count@1.0.0")
increment = count.function("increment", string, u64, returns=result(u64, string))


class Counters(Provider):
    name = "counter"

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    @serves(increment)
    async def increment(self, call: Call, name: str, by: int) -> Ok[int] | Err[str]:
        if not name:
            return Err("a counter has a name")
        name = call.link_config.get("prefix", "") + name
        self._counts[name] = (self._counts[name] + by) % 2**64
        return Ok(self._counts[name])


if __name__ == "__main__":
    run(Counters())
