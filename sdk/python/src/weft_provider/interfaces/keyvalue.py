# SPDX-License-Identifier: Apache-2.0
"""wrpc:keyvalue, as which hosts call wasi:keyvalue of their guests. Buckets are names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..codec import Case, bool_, bytes_, list_of, nothing, option, record, result, string, tuple_of, u64, variant
from ..interface import Interface

error = variant({"no-such-store": None, "access-denied": None, "other": string})


def other(text: str) -> Case:
    """The error for whatever the other two do not say."""
    return Case("other", text)


@dataclass(frozen=True)
class KeyResponse:
    """Some keys, and where to go on if there are more."""

    keys: Sequence[str]
    cursor: int | None = None


store = Interface("wrpc:keyvalue/store@0.2.0-draft")
get = store.function("get", string, string, returns=result(option(bytes_), error))
set_ = store.function("set", string, string, bytes_, returns=result(nothing, error))
delete = store.function("delete", string, string, returns=result(nothing, error))
exists = store.function("exists", string, string, returns=result(bool_, error))
list_keys = store.function("list-keys", string, option(u64), returns=result(record(KeyResponse, keys=list_of(string), cursor=option(u64)), error))

atomics = Interface("wrpc:keyvalue/atomics@0.2.0-draft")
increment = atomics.function("increment", string, string, u64, returns=result(u64, error))

batch = Interface("wrpc:keyvalue/batch@0.2.0-draft")
get_many = batch.function("get-many", string, list_of(string), returns=result(list_of(option(tuple_of(string, bytes_))), error))
set_many = batch.function("set-many", string, list_of(tuple_of(string, bytes_)), returns=result(nothing, error))
delete_many = batch.function("delete-many", string, list_of(string), returns=result(nothing, error))
