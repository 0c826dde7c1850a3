# SPDX-License-Identifier: Apache-2.0
"""Interfaces, declared once and used from both sides.

    count = Interface("acme:counter/count@1.0.0")
    increment = count.function("increment", string, u64, returns=result(u64, string))

    @serves(increment)                                          # in a Provider: its parameters and answer are checked by mypy
    async def increment(self, call: Call, name: str, by: int) -> Ok[int] | Err[str]: ...

    answer = await increment(lattice.target("c"), "visits", 1)  # as a caller"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar, overload

from .client import Target
from .codec import AnyCodec, Codec, Path
from .codec.composites import _Fields

P = ParamSpec("P")
R = TypeVar("R")
A = TypeVar("A")
B = TypeVar("B")
C = TypeVar("C")
D = TypeVar("D")
E = TypeVar("E")
H = TypeVar("H", bound=Callable[..., Any])

PROTOCOL = "wrpc.0.0.1"


class Function(Generic[P, R]):
    """One function of an interface. Call it with a target to invoke it there."""

    def __init__(self, interface: str, name: str, parameters: Sequence[AnyCodec], returns: AnyCodec) -> None:
        self.interface = interface
        self.name = name
        self.parameters: Codec[tuple[Any, ...]] = _Fields(lambda *parts: parts, lambda value: value, parameters)
        self.arity = len(parameters)
        self.returns: Codec[tuple[Any]] = _Fields(lambda answer: (answer,), lambda value: value, (returns,))

    def subject(self, prefix: str) -> str:
        """Where it is called: `prefix` is `{lattice}.{id of the callee}`."""
        # A function of a resource goes by its name without what says so.
        return ".".join(part for part in (prefix, PROTOCOL, self.interface, self.name.rpartition("]")[2]) if part)

    @property
    def answer_paths(self) -> frozenset[Path]:
        return self.returns.paths

    async def __call__(self, target: Target, *arguments: P.args, **no: P.kwargs) -> R:
        """What the callee answers. Raises EncodeError, DecodeError, CallError."""
        if no or len(arguments) != self.arity:
            raise TypeError(f"{self} takes {self.arity} parameters, by place")
        answer: R = await target.invoke(self, arguments)
        return answer

    def __str__(self) -> str:
        return f"{self.interface}#{self.name}"


class Interface:
    """The functions of a WIT interface, `namespace:package/name@version` exactly as callers import it: peers compare it byte by byte.
    Remember that hosts call some interfaces of their guests by another name: wasi:keyvalue is wrpc:keyvalue on the wire."""

    def __init__(self, name: str) -> None:
        self.name = name

    @overload
    def function(self, name: str, /, *, returns: Codec[R]) -> Function[[], R]: ...
    @overload
    def function(self, name: str, a: Codec[A], /, *, returns: Codec[R]) -> Function[[A], R]: ...
    @overload
    def function(self, name: str, a: Codec[A], b: Codec[B], /, *, returns: Codec[R]) -> Function[[A, B], R]: ...
    @overload
    def function(self, name: str, a: Codec[A], b: Codec[B], c: Codec[C], /, *, returns: Codec[R]) -> Function[[A, B, C], R]: ...
    @overload
    def function(self, name: str, a: Codec[A], b: Codec[B], c: Codec[C], d: Codec[D], /, *, returns: Codec[R]) -> Function[[A, B, C, D], R]: ...
    @overload
    def function(self, name: str, /, *parameters: AnyCodec, returns: Codec[R]) -> Function[..., R]: ...
    def function(self, name: str, /, *parameters: AnyCodec, returns: AnyCodec) -> Function[..., Any]:
        """A function of this interface: its name as WIT has it, the types of its parameters, the type it returns (`nothing` if none)."""
        return Function(self.name, name, parameters, returns)


def served_by(method: Any) -> tuple[Function[..., Any], ...]:
    """What serves() noted at a method."""
    functions: tuple[Function[..., Any], ...] = getattr(method, "_weft_serves", ())
    return functions


S = TypeVar("S")
CallType = TypeVar("CallType")


def serves(function: Function[P, R]) -> Callable[[Callable[Concatenate[S, CallType, P], Awaitable[R]]],
                                                 Callable[Concatenate[S, CallType, P], Awaitable[R]]]:
    """Marks the method of a Provider that answers this function. It gets the Call, then the parameters. If it raises, the caller learns no more
    than that the call failed: what a caller should know is an Err(...)."""

    def mark(method: Callable[Concatenate[S, CallType, P], Awaitable[R]]) -> Callable[Concatenate[S, CallType, P], Awaitable[R]]:
        setattr(method, "_weft_serves", (*served_by(method), function))
        return method

    return mark
