# SPDX-License-Identifier: Apache-2.0
"""The types of the component model as objects that are put together: `result(option(bytes_), string)` is result<option<list<u8>>, string>."""

from .base import AnyCodec, Codec, DecodeError, DecodeLimits, Decoder, EncodeError, Encoder, Incomplete, Path, Send, Sink, Source
from .channels import Future, Stream, byte_stream, future_of, ready, stream_of
from .composites import Case, Err, Ok, Some, enum_of, flags_of, list_of, nested_option, option, record, result, tuple_of, variant
from .primitives import bool_, bytes_, char, f32, f64, handle, nothing, s8, s16, s32, s64, string, u8, u16, u32, u64

__all__ = [
    "AnyCodec", "Case", "Codec", "DecodeError", "DecodeLimits", "Decoder", "EncodeError", "Encoder", "Err", "Future", "Incomplete", "Ok", "Path",
    "Send", "Sink", "Some", "Source", "Stream", "bool_", "byte_stream", "bytes_", "char", "enum_of", "f32", "f64", "flags_of", "future_of", "handle",
    "list_of", "nested_option", "nothing", "option", "ready", "record", "result", "s16", "s32", "s64", "s8", "stream_of", "string", "tuple_of",
    "u16", "u32", "u64", "u8", "variant",
]
