# SPDX-License-Identifier: Apache-2.0
"""weft:values/echo (wit/values/world.wit) as Python has it, with values at the edges of every type."""

import enum
import math
from dataclasses import dataclass
from typing import Any

from weft_provider import Case, Err, Function, Interface, Ok, Provider, Some, serves
from weft_provider.codec import (AnyCodec, bool_, bytes_, char, enum_of, f32, f64, flags_of, list_of, nested_option, nothing, option, record, result, s8, s16,
                                 s32, s64, string, tuple_of, u8, u16, u32, u64, variant)


@dataclass(frozen=True)
class EmptyTail:
    a: int
    b: int
    c: int


@dataclass(frozen=True)
class Point:
    x: int
    y: int


@dataclass(frozen=True)
class Everything:
    yes: bool
    small: int
    big: int
    ratio: float
    precise: float
    letter: str
    name: str
    bytes: bytes
    where: Point
    tags: list[str]
    maybe: str | None
    outcome: Any
    shape: Case
    color: "Color"
    rights: "Rights"
    pair: tuple[int, str]


class Color(enum.Enum):
    RED = enum.auto()
    GREEN = enum.auto()
    BLUE = enum.auto()
    ULTRA_VIOLET = enum.auto()


class Rights(enum.Flag):
    READ = enum.auto()
    WRITE = enum.auto()
    EXECUTE = enum.auto()


def flags(count: int) -> Any:
    return enum.Flag(f"Flags{count}", [f"F{number}" for number in range(count)])


Nine, Twenty, ThirtyTwo = flags(9), flags(20), flags(32)
empty_tail = record(EmptyTail, a=u8, b=u64, c=u8)
point = record(Point, x=s32, y=s32)
CASES = ["nothing", "circle", "label", "polygon", "pair", "nested"]
shape = variant(dict(zip(CASES, (None, f64, string, list_of(point), tuple_of(u8, u64), option(result(string, point))))))
color, rights, nine, twenty, thirty_two = enum_of(Color), flags_of(Rights), flags_of(Nine), flags_of(Twenty), flags_of(ThirtyTwo)
everything = record(
    Everything, yes=bool_, small=s8, big=u64, ratio=f32, precise=f64, letter=char, name=string, bytes=bytes_, where=point, tags=list_of(string),
    maybe=option(string), outcome=result(u32, string), shape=shape, color=color, rights=rights, pair=tuple_of(u8, string))

ALL = Everything(True, -128, 2**64 - 1, 0.5, -1e300, "😀", "wéft", b"\0\xff", Point(-2**31, 2**31 - 1), ["", "a"], None, Err("no"),
                 Case("polygon", [Point(1, -1)]), Color.ULTRA_VIOLET, Rights.READ | Rights.EXECUTE, (255, "x"))
SHAPES = [Case("nothing"), Case("circle", -0.5), Case("label", "é" * 200), Case("polygon", []), Case("pair", (1, 2**63)), Case("nested"),
          Case("nested", Ok("x")), Case("nested", Err(Point(-1, -2**31)))]
TEXTS = ["", "weft", "a\0b", "\U0001F389", "wéft 世 " * 5000]


def signed(bits: int) -> list[int]:
    """The edges, and both sides of where a number begins to take all bytes."""
    edges = {sign * 2**power + more for power in (6, 13, 27, 62) for sign in (-1, 1) for more in (-1, 0, 1)}
    return sorted(value for value in edges | {-2**(bits - 1), 2**(bits - 1) - 1, -1, 0} if -2**(bits - 1) <= value < 2**(bits - 1))


# Function, type, values.
KINDS: list[tuple[str, AnyCodec, list[Any]]] = [
    ("bool", bool_, [False, True]), ("u8", u8, [0, 255]), ("s8", s8, [-128, -1, 127]), ("u16", u16, [0, 256, 65535]), ("s16", s16, signed(16)),
    ("u32", u32, [0, 2**31, 2**32 - 1]), ("s32", s32, signed(32)), ("u64", u64, [0, 2**63, 2**64 - 1]), ("s64", s64, signed(64)),
    ("f32", f32, [0.0, -1.5, math.inf, -math.inf]), ("f64", f64, [0.1, -math.inf, 5e-324]), ("char", char, ["\0", "w", "\ud7ff", "\ue000", "\U0010ffff"]),
    ("string", string, TEXTS),
    ("list-bool", list_of(bool_), [[], [True, False]]), ("list-u8", bytes_, [b"", b"\0\xff", b"x" * 100_000]), ("list-s8", list_of(s8), [[-1, 0]]),
    ("list-u16", list_of(u16), [[1, 65535]]), ("list-s16", list_of(s16), [signed(16)]), ("list-u32", list_of(u32), [list(range(1000))]),
    ("list-s32", list_of(s32), [signed(32)]), ("list-u64", list_of(u64), [[2**64 - 1]]), ("list-s64", list_of(s64), [signed(64)]),
    ("list-f32", list_of(f32), [[1.5]]), ("list-f64", list_of(f64), [[0.1]]), ("list-char", list_of(char), [["a", "é", "😀"]]),
    ("list-string", list_of(string), [[], TEXTS]), ("list-list-string", list_of(list_of(string)), [[[], ["a", ""], TEXTS]]),
    ("list-point", list_of(point), [[Point(-1, 1)]]), ("list-empty-tail", list_of(empty_tail), [[EmptyTail(1, 2**64 - 1, 3)] * 3]),
    ("list-shape", list_of(shape), [SHAPES]), ("list-color", list_of(color), [list(Color)]), ("list-nine", list_of(nine), [[Nine(0), Nine(511)]]),
    ("list-option-u64", list_of(option(u64)), [[None, 0, 2**64 - 1]]), ("list-result", list_of(result(u8, string)), [[Ok(1), Err("e")]]),
    ("list-tuple", list_of(tuple_of(string, u8)), [[("a", 1), ("", 0)]]), ("list-everything", list_of(everything), [[ALL, ALL]]),
    ("point", point, [Point(-2**31, 2**31 - 1)]), ("empty-tail", empty_tail, [EmptyTail(255, 0, 255)]), ("everything", everything, [ALL]),
    ("shape", shape, SHAPES), ("color", color, list(Color)), ("rights", rights, [Rights(0), Rights(5), Rights(7)]), ("nine", nine, [Nine(256)]),
    ("twenty", twenty, [Twenty(0x80001)]), ("thirty-two", thirty_two, [ThirtyTwo(0x80000001), ThirtyTwo(2**32 - 1)]),
    ("tuple1", tuple_of(u8), [(1,)]), ("tuple3", tuple_of(u8, string, f64), [(1, "a", 0.5)]),
    ("nested-tuple", tuple_of(tuple_of(u8, u16), tuple_of(string)), [((1, 2), ("x",))]),
    ("option-u8", option(u8), [None, 0]), ("option-string", option(string), [None, ""]),
    ("option-option-u8", nested_option(option(u8)), [None, Some(None), Some(5)]), ("option-point", option(point), [None, Point(0, -1)]),
    ("result-both", result(u32, string), [Ok(300), Err("")]), ("result-ok", result(string, nothing), [Ok("x"), Err()]),
    ("result-err", result(nothing, string), [Ok(), Err("x")]), ("result-none", result(nothing, nothing), [Ok(), Err()]),
    ("result-float", result(f32, u64), [Ok(1.5), Err(2**64 - 1)]),
]

echo = Interface("weft:values/echo")
NOTHING = echo.function("nothing", returns=nothing)
ECHOES: dict[str, Function[..., Any]] = {name: echo.function(f"echo-{name}", codec, returns=codec) for name, codec, _ in KINDS}
SUM16, SUM17 = (echo.function(f"sum{count}", *[u32] * count, returns=u32) for count in (16, 17))
JOIN_MANY = echo.function("join-many", string, string, string, bytes_, point, option(string), shape, string, string, returns=string)
DIVIDE = echo.function("divide", u32, u32, returns=result(tuple_of(u32, u32), string))
RUN_VALUES = Interface("weft:values/drive").function("run-values", returns=result(nothing, string))


class Values(Provider):
    """The interface as a provider."""

    name = "values"

    @serves(NOTHING)
    async def nothing(self, _: Any) -> None:
        pass

    async def _echo(self, _: Any, value: Any) -> Any:
        return value

    # One method for all of them.
    for _function in ECHOES.values():
        serves(_function)(_echo)

    @serves(SUM17)
    @serves(SUM16)
    async def sum(self, _: Any, *values: int) -> int:
        return sum(place * value for place, value in enumerate(values, 1)) % 2**32

    @serves(JOIN_MANY)
    async def join_many(self, _: Any, a: str, b: str, c: str, d: bytes, e: Point, f: str | None, g: Case, h: str, i: str) -> str:
        return ",".join((a, b, c, d.decode(), str(e.x), str(e.y), f or "", str(CASES.index(g.name)), h, i))

    @serves(DIVIDE)
    async def divide(self, _: Any, dividend: int, divisor: int) -> Ok[tuple[int, int]] | Err[str]:
        return Ok((dividend // divisor, dividend % divisor)) if divisor else Err("division by zero")
