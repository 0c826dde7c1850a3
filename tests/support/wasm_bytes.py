# SPDX-License-Identifier: Apache-2.0
"""Small components made byte by byte, for tests that need one with just this property."""

CORE_PREAMBLE = b"\0asm\x01\0\0\0"
COMPONENT_PREAMBLE = b"\0asm\x0d\0\x01\0"

# Bodies of the core function `() -> i32`.
ANSWER_42 = b"\x41\x2a"  # i32.const 42
TRAP = b"\x00"  # unreachable
SPIN = b"\x03\x40\x0c\x00\x0b\x41\x00"  # loop, br 0, end, i32.const 0


def leb(number):
    out = bytearray()
    while True:
        byte = number & 0x7F
        number >>= 7
        out.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(out)


def name(text):
    return leb(len(text)) + text.encode()


def section(number, content):
    return bytes([number]) + leb(len(content)) + content


def component_importing(interface):
    """A component that imports an instance with one function, `f: func()`."""
    function_type = b"\x40\x00\x01\x00"  # func, no parameters, no named results
    instance_type = b"\x42" + leb(2) + b"\x01" + function_type + b"\x04\x00" + name("f") + b"\x01\x00"
    types = section(7, leb(1) + instance_type)
    imports = section(10, leb(1) + b"\x00" + name(interface) + b"\x05\x00")
    return COMPONENT_PREAMBLE + types + imports


def component_exporting(body, interfaces=(), memory_pages=0, function="f"):
    """A component that exports `function: func() -> u32` with this body, itself or in each of these interfaces."""
    code = b"\x00" + body + b"\x0b"  # no locals, the body, end
    module = CORE_PREAMBLE + section(1, b"\x01\x60\x00\x01\x7f") + section(3, b"\x01\x00")
    if memory_pages:
        module += section(5, b"\x01\x00" + leb(memory_pages))
    module += section(7, b"\x01" + name("f") + b"\x00\x00") + section(10, b"\x01" + leb(len(code)) + code)
    parts = [COMPONENT_PREAMBLE,
             section(1, module),
             section(2, b"\x01\x00\x00\x00"),  # core instance 0: the module without arguments
             section(6, b"\x01\x00\x00\x01\x00" + name("f")),  # core function 0: its `f`
             section(7, b"\x01\x40\x00\x00\x79"),  # type 0: func() -> u32
             section(8, b"\x01\x00\x00\x00\x00\x00")]  # function 0: core function 0 lifted to type 0
    for interface in range(len(interfaces)):
        parts.append(section(5, b"\x01\x01\x01\x00" + name(function) + b"\x01\x00"))  # an instance with function 0 as `f`
        parts.append(section(11, b"\x01\x00" + name(interfaces[interface]) + b"\x05" + leb(2 * interface) + b"\x00"))
    if not interfaces:
        parts.append(section(11, b"\x01\x00" + name(function) + b"\x01\x00\x00"))
    return b"".join(parts)


def component_answering(interface, function, text, pointer=32, length=None):
    """A component that exports `function: func(script: string) -> string` in an interface: it answers what lies at `pointer` of its memory of one page,
    `length` bytes (all of `text`, which lies at 32)."""
    length = len(text) if length is None else length
    place = (pointer & 0xFFFFFFFF).to_bytes(4, "little") + (length & 0xFFFFFFFF).to_bytes(4, "little")
    bodies = [b"\x00\x41\x10\x0b",  # run: i32.const 16, where pointer and length lie
              b"\x00\x41\x80\x20\x0b"]  # realloc: i32.const 4096
    module = CORE_PREAMBLE
    module += section(1, b"\x02\x60\x02\x7f\x7f\x01\x7f\x60\x04\x7f\x7f\x7f\x7f\x01\x7f")
    module += section(3, b"\x02\x00\x01") + section(5, b"\x01\x00\x01")
    module += section(7, b"\x03" + name("f") + b"\x00\x00" + name("r") + b"\x00\x01" + name("m") + b"\x02\x00")
    module += section(10, b"\x02" + b"".join(leb(len(body)) + body for body in bodies))
    module += section(11, b"\x02" + b"".join(b"\x00\x41" + signed_leb(at) + b"\x0b" + leb(len(data)) + data for at, data in ((16, place), (32, text))))
    return b"".join([
        COMPONENT_PREAMBLE,
        section(1, module),
        section(2, b"\x01\x00\x00\x00"),  # core instance 0: the module without arguments
        section(6, b"\x03\x00\x00\x01\x00" + name("f") + b"\x00\x00\x01\x00" + name("r") + b"\x00\x02\x01\x00" + name("m")),
        section(7, b"\x01\x40\x01" + name("script") + b"\x73\x00\x73"),  # type 0: func(script: string) -> string
        section(8, b"\x01\x00\x00\x00\x03\x00\x03\x00\x04\x01\x00"),  # function 0: core function 0 with UTF-8, memory 0, realloc 1
        section(5, b"\x01\x01\x01\x00" + name(function) + b"\x01\x00"),  # instance 0
        section(11, b"\x01\x00" + name(interface) + b"\x05\x00\x00"),
    ])


def signed_leb(number):
    """Of a small positive number."""
    return bytes([number]) if number < 64 else leb(number)
