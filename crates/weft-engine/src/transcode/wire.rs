// SPDX-License-Identifier: Apache-2.0
//! The primitives of the value encoding: a bounds-checked reader and a writer.
//!
//! No types of components, no guest memory: only bytes. Every failure is an [`EncodingError`] that says what was
//! expected and at which byte. Source of the rules: docs/protocol, "value encoding" (sections 2.1 to 2.4).

use std::fmt;

/// Bytes that are not an encoding of the type they were read as. A value of the peer's making, never a fault of the guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncodingError {
    /// What was wrong, one sentence without a final stop.
    pub message: String,
    /// Offset of the byte at which reading stopped.
    pub offset: usize,
}

impl fmt::Display for EncodingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (at byte {})", self.message, self.offset)
    }
}

impl std::error::Error for EncodingError {}

pub type WireResult<T> = Result<T, EncodingError>;

pub const CANONICAL_NAN32: u32 = 0x7fc0_0000;
pub const CANONICAL_NAN64: u64 = 0x7ff8_0000_0000_0000;

/// The one NaN that crosses the border in either direction.
#[inline]
pub fn canonical_f32_bits(bits: u32) -> u32 {
    if bits & 0x7fff_ffff > 0x7f80_0000 {
        CANONICAL_NAN32
    } else {
        bits
    }
}

#[inline]
pub fn canonical_f64_bits(bits: u64) -> u64 {
    if bits & 0x7fff_ffff_ffff_ffff > 0x7ff0_0000_0000_0000 {
        CANONICAL_NAN64
    } else {
        bits
    }
}

/// Number of bytes that a set of `count` flags takes.
pub fn flag_bytes(count: usize) -> usize {
    count.div_ceil(8)
}

/// A cursor over encoded bytes. Never reads past the end, never trusts a length. What follows the last value is passed
/// over, as every decoder of 1.x does.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, at: 0 }
    }

    pub fn remaining(&self) -> usize {
        self.bytes.len() - self.at
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        &self.bytes[self.at..]
    }

    #[cold]
    pub fn error<T>(&self, message: impl Into<String>) -> WireResult<T> {
        Err(EncodingError {
            message: message.into(),
            offset: self.at,
        })
    }

    #[inline]
    pub fn byte(&mut self) -> WireResult<u8> {
        match self.bytes.get(self.at) {
            Some(b) => {
                self.at += 1;
                Ok(*b)
            }
            None => self.error("the bytes end inside a value"),
        }
    }

    #[inline]
    pub fn take(&mut self, count: usize) -> WireResult<&'a [u8]> {
        if count > self.remaining() {
            return self.error(format!(
                "{count} bytes are announced but {} are left",
                self.remaining()
            ));
        }
        let out = &self.bytes[self.at..self.at + count];
        self.at += count;
        Ok(out)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> WireResult<[u8; N]> {
        let mut out = [0; N];
        out.copy_from_slice(self.take(N)?);
        Ok(out)
    }

    pub fn bool(&mut self) -> WireResult<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            b => {
                self.at -= 1;
                self.error(format!("a bool is 0 or 1, not {b}"))
            }
        }
    }

    /// Unsigned LEB128 of a `bits` wide integer; padded forms are accepted within the maximum number of bytes.
    #[inline]
    fn unsigned(&mut self, bits: u32) -> WireResult<u64> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(first.into());
        }
        let mut value = u64::from(first & 0x7f);
        let mut shift = 7;
        loop {
            let b = self.byte()?;
            let left = bits - shift;
            if left < 7 && (b & 0x7f) >> left != 0 || left <= 7 && b & 0x80 != 0 {
                self.at -= 1;
                return self.error(format!("an integer does not fit {bits} bits"));
            }
            value |= u64::from(b & 0x7f) << shift;
            if b & 0x80 == 0 {
                return Ok(value);
            }
            shift += 7;
        }
    }

    /// Signed LEB128 of a `bits` wide integer. The last possible byte may carry its sign bits or have them cleared
    /// ("masked"): peers write the first form and can read only the second.
    #[inline]
    fn signed(&mut self, bits: u32) -> WireResult<i64> {
        let mut value = 0u64;
        let mut shift = 0;
        loop {
            let b = self.byte()?;
            let left = bits - shift;
            if left <= 7 {
                if b & 0x80 != 0 {
                    self.at -= 1;
                    return self.error(format!("an integer does not fit {bits} bits"));
                }
                if left < 7 {
                    let above = b >> left;
                    let all = 0x7f >> left;
                    let negative = b >> (left - 1) & 1 == 1;
                    if above != 0 && !(negative && above == all) {
                        self.at -= 1;
                        return self.error(format!("an integer does not fit {bits} bits"));
                    }
                }
            }
            value |= u64::from(b & 0x7f) << shift;
            shift += 7;
            if b & 0x80 == 0 {
                let width = shift.min(bits);
                return Ok((value << (64 - width)) as i64 >> (64 - width));
            }
        }
    }

    #[inline]
    pub fn u16(&mut self) -> WireResult<u16> {
        Ok(self.unsigned(16)? as u16)
    }
    #[inline]
    pub fn u32(&mut self) -> WireResult<u32> {
        Ok(self.unsigned(32)? as u32)
    }
    #[inline]
    pub fn u64(&mut self) -> WireResult<u64> {
        self.unsigned(64)
    }
    #[inline]
    pub fn s16(&mut self) -> WireResult<i16> {
        Ok(self.signed(16)? as i16)
    }
    #[inline]
    pub fn s32(&mut self) -> WireResult<i32> {
        Ok(self.signed(32)? as i32)
    }
    #[inline]
    pub fn s64(&mut self) -> WireResult<i64> {
        self.signed(64)
    }
    #[inline]
    pub fn f32_bits(&mut self) -> WireResult<u32> {
        Ok(canonical_f32_bits(u32::from_le_bytes(self.array()?)))
    }
    #[inline]
    pub fn f64_bits(&mut self) -> WireResult<u64> {
        Ok(canonical_f64_bits(u64::from_le_bytes(self.array()?)))
    }

    pub fn char(&mut self) -> WireResult<char> {
        let start = self.at;
        let first = self.byte()?;
        let len = match first {
            0..=0x7f => return Ok(first as char),
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 0,
        };
        self.at = start;
        let found = match len {
            0 => None,
            n => match self.take(n) {
                Ok(bytes) => std::str::from_utf8(bytes)
                    .ok()
                    .and_then(|s| s.chars().next()),
                Err(e) => return Err(e),
            },
        };
        match found {
            Some(c) => Ok(c),
            None => {
                self.at = start;
                self.error("a char is not a Unicode scalar value in UTF-8")
            }
        }
    }

    /// A length-prefixed byte string.
    #[inline]
    pub fn byte_string(&mut self) -> WireResult<&'a [u8]> {
        let len = self.u32()? as usize;
        self.take(len)
    }

    #[inline]
    pub fn string(&mut self) -> WireResult<&'a str> {
        let start = self.at;
        let bytes = self.byte_string()?;
        match std::str::from_utf8(bytes) {
            Ok(s) => Ok(s),
            Err(_) => {
                self.at = start;
                self.error("a string is not UTF-8")
            }
        }
    }

    /// The number of elements of a list of which each takes at least `min_bytes`. More than the bytes left can hold
    /// is refused here, before anything is allocated; elements that take no bytes are limited by [`MAX_EMPTY_ELEMENTS`].
    #[inline]
    pub fn list_len(&mut self, min_bytes: usize) -> WireResult<usize> {
        let count = self.u32()? as usize;
        let most = match min_bytes {
            0 => MAX_EMPTY_ELEMENTS,
            n => self.remaining() / n,
        };
        if count > most {
            return self.error(format!(
                "a list of {count} elements is announced but {} bytes are left",
                self.remaining()
            ));
        }
        Ok(count)
    }

    /// The case of a variant, enum, option or result with `cases` cases.
    #[inline]
    pub fn case(&mut self, cases: usize) -> WireResult<u32> {
        let start = self.at;
        let case = self.u32()?;
        if case as usize >= cases {
            self.at = start;
            return self.error(format!("case {case} does not exist, there are {cases}"));
        }
        Ok(case)
    }

    /// The discriminant of an option or a result: exactly one byte.
    #[inline]
    pub fn either(&mut self) -> WireResult<bool> {
        match self.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            b => {
                self.at -= 1;
                self.error(format!("an option or result begins with 0 or 1, not {b}"))
            }
        }
    }

    /// The bytes of `count` flags; bits that no flag has are refused.
    pub fn flags(&mut self, count: usize) -> WireResult<&'a [u8]> {
        let bytes = self.take(flag_bytes(count))?;
        if count % 8 != 0 && bytes[bytes.len() - 1] >> (count % 8) != 0 {
            self.at -= 1;
            return self.error(format!("a bit beyond the {count} flags is set"));
        }
        Ok(bytes)
    }
}

/// How many elements a list may announce when each takes no bytes at all (nothing else bounds it).
pub const MAX_EMPTY_ELEMENTS: usize = 1 << 16;

/// Unsigned LEB128, minimal.
#[inline]
/// A list's length at the begin of `bytes`, and how many bytes it takes; None: not all of it has come.
pub fn length_prefix(bytes: &[u8]) -> Option<WireResult<(u32, usize)>> {
    let mut reader = Reader::new(bytes);
    match reader.u32() {
        Ok(length) => Some(Ok((length, reader.at))),
        Err(_) if bytes.len() < 5 && bytes.iter().all(|byte| byte & 0x80 != 0) => None,
        Err(why) => Some(Err(why)),
    }
}

pub fn put_unsigned(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Signed LEB128, minimal; a value that needs the last possible byte has the unused bits of it cleared, the only form
/// that every peer reads.
#[inline]
pub fn put_signed(out: &mut Vec<u8>, mut value: i64, bits: u32) {
    let mut shift = 0;
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        let done = value == 0 && low & 0x40 == 0 || value == -1 && low & 0x40 != 0;
        if done {
            let left = bits - shift;
            out.push(if left < 7 {
                low & ((1 << left) - 1)
            } else {
                low
            });
            return;
        }
        out.push(low | 0x80);
        shift += 7;
    }
}

#[inline]
pub fn put_byte_string(out: &mut Vec<u8>, bytes: &[u8]) {
    put_unsigned(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

pub fn put_char(out: &mut Vec<u8>, c: char) {
    out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(value: i64, bits: u32) -> Vec<u8> {
        let mut out = Vec::new();
        put_signed(&mut out, value, bits);
        out
    }

    fn unsigned(value: u64) -> Vec<u8> {
        let mut out = Vec::new();
        put_unsigned(&mut out, value);
        out
    }

    #[test]
    fn writes_the_examples_of_the_specification() {
        assert_eq!(unsigned(65535), [0xff, 0xff, 0x03]);
        assert_eq!(unsigned(624485), [0xe5, 0x8e, 0x26]);
        assert_eq!(unsigned(u64::MAX).len(), 10);
        assert_eq!(signed(-1, 16), [0x7f]);
        assert_eq!(signed(63, 16), [0x3f]);
        assert_eq!(signed(64, 16), [0xc0, 0x00]);
        assert_eq!(signed(-64, 16), [0x40]);
        assert_eq!(signed(-65, 16), [0xbf, 0x7f]);
        assert_eq!(signed(-123456, 32), [0xc0, 0xbb, 0x78]);
        assert_eq!(signed(i32::MAX.into(), 32), [0xff, 0xff, 0xff, 0xff, 0x07]);
        assert_eq!(signed(-8193, 16), [0xff, 0xbf, 0x03]);
        assert_eq!(signed(-32768, 16), [0x80, 0x80, 0x02]);
        assert_eq!(signed(-134217729, 32), [0xff, 0xff, 0xff, 0xbf, 0x0f]);
        assert_eq!(signed(i32::MIN.into(), 32), [0x80, 0x80, 0x80, 0x80, 0x08]);
        assert_eq!(
            signed(i64::MIN, 64),
            [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01]
        );
        assert_eq!(
            signed(i64::MAX, 64),
            [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]
        );
    }

    #[test]
    fn reads_standard_and_masked_forms() {
        for (bytes, want) in [
            (&[0xff, 0xbf, 0x7f][..], -8193),
            (&[0xff, 0xbf, 0x03][..], -8193),
            (&[0x80, 0x80, 0x7e][..], -32768),
            (&[0x80, 0x80, 0x02][..], -32768),
        ] {
            assert_eq!(Reader::new(bytes).s16(), Ok(want));
        }
        assert_eq!(
            Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x78]).s32(),
            Ok(i32::MIN)
        );
        assert_eq!(
            Reader::new(&[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x7f]).s64(),
            Ok(i64::MIN)
        );
    }

    #[test]
    fn refuses_integers_that_do_not_fit() {
        assert!(Reader::new(&[0xff, 0xff, 0x04]).u16().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0x83, 0x00]).u16().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x10]).u32().is_err());
        assert!(Reader::new(&[0xff, 0xff, 0x04]).s16().is_err());
        assert!(Reader::new(&[0xff; 11]).u64().is_err());
        assert!(Reader::new(&[0xff; 11]).s64().is_err());
        assert!(Reader::new(&[]).u32().is_err());
    }

    #[test]
    fn every_width_comes_back() {
        for shift in 0..64 {
            for delta in [-2i64, -1, 0, 1] {
                let v = (1i64 << shift).wrapping_add(delta);
                for v in [v, v.wrapping_neg()] {
                    assert_eq!(Reader::new(&signed(v, 64)).s64(), Ok(v));
                    assert_eq!(Reader::new(&unsigned(v as u64)).u64(), Ok(v as u64));
                    if let Ok(v) = i32::try_from(v) {
                        assert_eq!(Reader::new(&signed(v.into(), 32)).s32(), Ok(v));
                    }
                    if let Ok(v) = i16::try_from(v) {
                        assert_eq!(Reader::new(&signed(v.into(), 16)).s16(), Ok(v));
                    }
                }
            }
        }
    }

    #[test]
    fn chars_are_scalar_values() {
        for c in [
            'a',
            'é',
            '€',
            '\u{1F600}',
            '\u{10FFFF}',
            '\u{D7FF}',
            '\u{E000}',
        ] {
            let mut out = Vec::new();
            put_char(&mut out, c);
            assert_eq!(Reader::new(&out).char(), Ok(c));
        }
        for bad in [
            &[0xed, 0xa0, 0x80][..], // a surrogate
            &[0xc0, 0x80],           // overlong
            &[0xf4, 0x90, 0x80, 0x80],
            &[0x80],
            &[0xff],
            &[0xe2, 0x82],
        ] {
            assert!(Reader::new(bad).char().is_err(), "{bad:x?}");
        }
    }

    #[test]
    fn lists_are_bounded_by_the_bytes_left() {
        assert!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2])
                .list_len(1)
                .is_err()
        );
        assert_eq!(Reader::new(&[2, 1, 2]).list_len(1), Ok(2));
        assert!(Reader::new(&[2, 1, 2, 3]).list_len(2).is_err());
        assert!(Reader::new(&[0xff, 0xff, 0x7f]).list_len(0).is_err());
    }
}
