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


def component_exporting(body, interfaces=(), memory_pages=0):
    """A component that exports `f: func() -> u32` with this body, itself or in each of these interfaces."""
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
        parts.append(section(5, b"\x01\x01\x01\x00" + name("f") + b"\x01\x00"))  # an instance with function 0 as `f`
        parts.append(section(11, b"\x01\x00" + name(interfaces[interface]) + b"\x05" + leb(2 * interface) + b"\x00"))
    if not interfaces:
        parts.append(section(11, b"\x01\x00" + name("f") + b"\x01\x00\x00"))
    return b"".join(parts)
