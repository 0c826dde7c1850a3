# SPDX-License-Identifier: Apache-2.0
"""Types made of types."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, overload

from .base import AnyCodec, Codec, DecodeError, Decoder, EncodeError, Encoder, below, put_unsigned, refuse_channels, take_unsigned

T = TypeVar("T")
E = TypeVar("E")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
EnumType = TypeVar("EnumType", bound=enum.Enum)
FlagType = TypeVar("FlagType", bound=enum.Flag)


@dataclass(frozen=True, slots=True)
class Ok(Generic[T]):
    """What a function answers when it went well; `Ok()` where there is nothing to say."""

    value: T = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Err(Generic[E]):
    """What a function answers when it did not. An ordinary value: nothing is raised."""

    value: E = None  # type: ignore[assignment]


@dataclass(frozen=True, slots=True)
class Some(Generic[T]):
    """What is there, in an option whose contents may be None themselves (nested_option)."""

    value: T


@dataclass(frozen=True, slots=True)
class Case:
    """A case of a variant: its name as WIT has it, and its payload if it carries one."""

    name: str
    value: Any = None


class _List(Codec[Sequence[T]]):
    def __init__(self, element: Codec[T]) -> None:
        refuse_channels(element, "a list")
        if element.size == 0:
            raise TypeError("a list of nothing")
        self._element = element

    def encode(self, value: Sequence[T], out: Encoder) -> None:
        if not isinstance(value, Sequence) or isinstance(value, (str, bytes)):
            raise EncodeError(f"{value!r} is no list")
        put_unsigned(len(value), out)
        for element in value:
            self._element.encode(element, out)

    def decode(self, source: Decoder) -> list[T]:
        count = source.elements(take_unsigned(source, 32), self._element.size)
        return [self._element.decode(source) for _ in range(count)]


class _Fields(Codec[T]):
    """Tuples, records, the parameters of a function: one after the other."""

    def __init__(self, make: Callable[..., T], split: Callable[[T], Sequence[Any]], codecs: Sequence[AnyCodec]) -> None:
        self._make, self._split, self._codecs = make, split, tuple(codecs)
        self.size = sum(codec.size for codec in codecs)
        self.paths = frozenset().union(*(below(index, codec.paths) for index, codec in enumerate(codecs)))

    def encode(self, value: T, out: Encoder) -> None:
        parts = self._split(value)
        path = out.path
        for index, (codec, part) in enumerate(zip(self._codecs, parts, strict=True)):
            out.path = (*path, index)
            codec.encode(part, out)
        out.path = path

    def decode(self, source: Decoder) -> T:
        path = source.path
        parts = []
        for index, codec in enumerate(self._codecs):
            source.path = (*path, index)
            parts.append(codec.decode(source))
        source.path = path
        return self._make(*parts)


class _Option(Codec[Any]):
    nullable = True

    def __init__(self, content: AnyCodec, wrapped: bool) -> None:
        self._content, self._wrapped = content, wrapped
        self.paths = content.paths

    def encode(self, value: Any, out: Encoder) -> None:
        out.data.append(value is not None)
        if value is None:
            return
        if self._wrapped and not isinstance(value, Some):
            raise EncodeError(f"{value!r} is neither None nor Some(...)")
        self._content.encode(value.value if self._wrapped else value, out)

    def decode(self, source: Decoder) -> Any:
        byte = source.byte()
        if byte > 1:
            raise DecodeError(f"{byte} is neither none nor some")
        if byte == 0:
            return None
        value = self._content.decode(source)
        return Some(value) if self._wrapped else value


class _Result(Codec[Ok[T] | Err[E]]):
    def __init__(self, ok: Codec[T], err: Codec[E]) -> None:
        self._ok, self._err = ok, err
        self.paths = ok.paths | err.paths

    def encode(self, value: Ok[T] | Err[E], out: Encoder) -> None:
        if isinstance(value, Ok):
            out.data.append(0)
            self._ok.encode(value.value, out)
        elif isinstance(value, Err):
            out.data.append(1)
            self._err.encode(value.value, out)
        else:
            raise EncodeError(f"{value!r} is neither Ok(...) nor Err(...)")

    def decode(self, source: Decoder) -> Ok[T] | Err[E]:
        byte = source.byte()
        if byte > 1:
            raise DecodeError(f"{byte} is neither ok nor err")
        return Err(self._err.decode(source)) if byte else Ok(self._ok.decode(source))


class _Variant(Codec[Case]):
    def __init__(self, cases: Mapping[str, AnyCodec | None]) -> None:
        if not cases:
            raise TypeError("a variant has at least one case")
        self._cases = list(cases.items())
        self._index = {name: index for index, name in enumerate(cases)}
        self.paths = frozenset().union(*(codec.paths for codec in cases.values() if codec is not None))

    def encode(self, value: Case, out: Encoder) -> None:
        if not isinstance(value, Case) or value.name not in self._index:
            raise EncodeError(f"{value!r} is none of the cases {', '.join(self._index)}")
        index = self._index[value.name]
        put_unsigned(index, out)
        codec = self._cases[index][1]
        if codec is not None:
            codec.encode(value.value, out)
        elif value.value is not None:
            raise EncodeError(f"case {value.name} carries no value")

    def decode(self, source: Decoder) -> Case:
        index = take_unsigned(source, 32)
        if index >= len(self._cases):
            raise DecodeError(f"there is no case {index} among {len(self._cases)}")
        name, codec = self._cases[index]
        return Case(name) if codec is None else Case(name, codec.decode(source))


class _Enum(Codec[EnumType]):
    def __init__(self, type_: type[EnumType]) -> None:
        self._type = type_
        self._members = list(type_)
        self._index = {member: index for index, member in enumerate(self._members)}

    def encode(self, value: EnumType, out: Encoder) -> None:
        if not isinstance(value, self._type):
            raise EncodeError(f"{value!r} is no {self._type.__name__}")
        put_unsigned(self._index[value], out)

    def decode(self, source: Decoder) -> EnumType:
        index = take_unsigned(source, 32)
        if index >= len(self._members):
            raise DecodeError(f"there is no case {index} among {len(self._members)}")
        return self._members[index]


class _Flags(Codec[FlagType]):
    """ceil(n/8) bytes, flag i is bit i. (Typed peers in Rust write more bytes than they read for some n above 16; those cannot be told apart.)"""

    def __init__(self, type_: type[FlagType]) -> None:
        names = list(type_.__members__.values())
        if [member.value for member in names] != [1 << index for index in range(len(names))] or not names:
            raise TypeError(f"the members of {type_.__name__} are not 1, 2, 4, ... in order")
        self._type = type_
        self._all = (1 << len(names)) - 1
        self.size = -(-len(names) // 8)

    def encode(self, value: FlagType, out: Encoder) -> None:
        if not isinstance(value, self._type) or value.value & ~self._all:
            raise EncodeError(f"{value!r} is no {self._type.__name__}")
        out.data += value.value.to_bytes(self.size, "little")

    def decode(self, source: Decoder) -> FlagType:
        bits = int.from_bytes(source.take(self.size), "little")
        if bits & ~self._all:
            raise DecodeError(f"flags that {self._type.__name__} does not have")
        return self._type(bits)


def list_of(element: Codec[T]) -> Codec[Sequence[T]]:
    """list<T>; decoded to a list. For list<u8> see bytes_."""
    return _List(element)


@overload
def tuple_of(a: Codec[A], /) -> Codec[tuple[A]]: ...
@overload
def tuple_of(a: Codec[A], b: Codec[B], /) -> Codec[tuple[A, B]]: ...
@overload
def tuple_of(a: Codec[A], b: Codec[B], c: Codec[C], /) -> Codec[tuple[A, B, C]]: ...
@overload
def tuple_of(a: Codec[A], b: Codec[B], c: Codec[C], d: Codec[D], /) -> Codec[tuple[A, B, C, D]]: ...
@overload
def tuple_of(*codecs: AnyCodec) -> Codec[tuple[Any, ...]]: ...
def tuple_of(*codecs: AnyCodec) -> Codec[Any]:
    """tuple<A, B, ...>"""

    def split(value: tuple[Any, ...]) -> Sequence[Any]:
        if not isinstance(value, tuple) or len(value) != len(codecs):
            raise EncodeError(f"{value!r} is no tuple of {len(codecs)}")
        return value

    return _Fields(lambda *parts: parts, split, codecs)


def record(type_: Callable[..., T], /, **fields: AnyCodec) -> Codec[T]:
    """A record, as `type_`: a dataclass, a NamedTuple or anything that is made of its fields and has them as attributes. The fields are given in the
    order of the WIT declaration, by the names of the attributes."""
    names = tuple(fields)

    def split(value: T) -> Sequence[Any]:
        try:
            return [getattr(value, name) for name in names]
        except AttributeError as error:
            raise EncodeError(f"{value!r} lacks a field: {error}") from error

    return _Fields(lambda *parts: type_(**dict(zip(names, parts, strict=True))), split, tuple(fields.values()))


def option(content: Codec[T]) -> Codec[T | None]:
    """option<T>: None or the value. TypeError if None is itself a value of T: see nested_option."""
    if content.nullable:
        raise TypeError("an option of what may be None: use nested_option, which says Some(...)")
    return _Option(content, wrapped=False)


def nested_option(content: Codec[T]) -> Codec[Some[T] | None]:
    """option<option<T>> and the like: None or Some(value)."""
    return _Option(content, wrapped=True)


def result(ok: Codec[T], err: Codec[E]) -> Codec[Ok[T] | Err[E]]:
    """result<T, E>; `nothing` where WIT has `_`."""
    return _Result(ok, err)


def variant(cases: Mapping[str, AnyCodec | None]) -> Codec[Case]:
    """A variant: its cases in the order of the WIT declaration, each with the type it carries or None."""
    return _Variant(cases)


def enum_of(type_: type[EnumType]) -> Codec[EnumType]:
    """An enum, as a Python Enum whose members stand in the order of the WIT declaration; their values do not matter."""
    return _Enum(type_)


def flags_of(type_: type[FlagType]) -> Codec[FlagType]:
    """Flags, as a Python Flag whose members stand in the order of the WIT declaration, with the values that auto() gives."""
    return _Flags(type_)
