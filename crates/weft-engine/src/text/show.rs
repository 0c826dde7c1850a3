// SPDX-License-Identifier: Apache-2.0
//! What a call said, for whoever watches calls: parameters or results as text by their types, also of bytes of which only
//! the first are there, and no longer than is asked for. The text is WAVE, but where that has no form or a bad one: a list
//! of bytes is b"text\x00", a handle <handle b"its bytes">, <stream> and <future> where those are, and what was left out `...`.

use std::fmt::Write as _;

use wasmtime::component::Type;
use wasmtime::component::types::ComponentFunc;

use crate::error::{Code, Error, Result};
use crate::transcode::EncodingError;
use crate::transcode::wire::Reader;

/// The types of a function, without the function.
pub struct Signature {
    name: String,
    ty: ComponentFunc,
    /// Results are encoded without the `result` around them, as those of calls that may fail for want of a callee.
    is_unwrapped: bool,
}

/// Encoded values, perhaps only the first bytes of them.
#[derive(Clone, Copy)]
pub struct Seen<'a> {
    pub bytes: &'a [u8],
    pub is_cut: bool,
}

const LEFT_OUT: &str = "...";
/// Words that WAVE has itself; a label of that name is written with a % before it.
const KEYWORDS: [&str; 8] = ["true", "false", "inf", "nan", "some", "none", "ok", "err"];

impl Signature {
    pub fn new(name: &str, ty: ComponentFunc, is_unwrapped: bool) -> Self {
        Signature {
            name: name.to_owned(),
            ty,
            is_unwrapped,
        }
    }

    /// `name: value, name: value`, at most about `max` bytes of it.
    pub fn show_params(&self, seen: Seen<'_>, max: usize) -> Result<String> {
        let mut printer = Printer::new(seen, max);
        let printed = printer.params(&self.ty);
        self.finish(printer, printed, "parameters")
    }

    /// The value; empty if there is none.
    pub fn show_results(&self, seen: Seen<'_>, max: usize) -> Result<String> {
        let mut printer = Printer::new(seen, max);
        let printed = self.ty.results().try_for_each(|ty| match ty {
            Type::Result(result) if self.is_unwrapped => match result.ok() {
                Some(ok) => printer.value(&ok),
                None => Ok(()),
            },
            ty => printer.value(&ty),
        });
        self.finish(printer, printed, "results")
    }

    fn finish(&self, mut printer: Printer<'_>, printed: Step, what: &str) -> Result<String> {
        match printed {
            Ok(()) => {}
            Err(Stop::Wrong(why)) if !printer.seen_is_cut => {
                return Err(Error::new(
                    Code::Malformed,
                    format!("the {what} of `{}` are not of its types: {why}", self.name),
                ));
            }
            Err(_) => printer.out.push_str(LEFT_OUT),
        }
        Ok(printer.out)
    }
}

/// Why printing ends before the last value.
enum Stop {
    Full,
    Wrong(EncodingError),
}

impl From<EncodingError> for Stop {
    fn from(error: EncodingError) -> Self {
        Stop::Wrong(error)
    }
}

type Step = std::result::Result<(), Stop>;

struct Printer<'a> {
    reader: Reader<'a>,
    seen_is_cut: bool,
    out: String,
    max: usize,
}

impl<'a> Printer<'a> {
    fn new(seen: Seen<'a>, max: usize) -> Self {
        Printer {
            reader: Reader::new(seen.bytes),
            seen_is_cut: seen.is_cut,
            out: String::new(),
            max,
        }
    }

    fn params(&mut self, ty: &ComponentFunc) -> Step {
        for (n, (name, ty)) in ty.params().enumerate() {
            self.separate(n)?;
            self.put(format_args!("{name}: "))?;
            self.value(&ty)?;
        }
        Ok(())
    }

    /// Appends, unless it is long enough already.
    fn put(&mut self, text: impl std::fmt::Display) -> Step {
        if self.out.len() >= self.max {
            return Err(Stop::Full);
        }
        // A String takes everything.
        let _ = write!(self.out, "{text}");
        Ok(())
    }

    fn separate(&mut self, n: usize) -> Step {
        if n == 0 { Ok(()) } else { self.put(", ") }
    }

    fn value(&mut self, ty: &Type) -> Step {
        match ty {
            Type::Bool => {
                let value = self.reader.bool()?;
                self.put(value)
            }
            Type::U8 => {
                let value = self.reader.byte()?;
                self.put(value)
            }
            Type::S8 => {
                let value = self.reader.byte()? as i8;
                self.put(value)
            }
            Type::U16 => {
                let value = self.reader.u16()?;
                self.put(value)
            }
            Type::U32 => {
                let value = self.reader.u32()?;
                self.put(value)
            }
            Type::U64 => {
                let value = self.reader.u64()?;
                self.put(value)
            }
            Type::S16 => {
                let value = self.reader.s16()?;
                self.put(value)
            }
            Type::S32 => {
                let value = self.reader.s32()?;
                self.put(value)
            }
            Type::S64 => {
                let value = self.reader.s64()?;
                self.put(value)
            }
            Type::Float32 => {
                let value = f32::from_bits(self.reader.f32_bits()?);
                self.float(value.is_nan(), value)
            }
            Type::Float64 => {
                let value = f64::from_bits(self.reader.f64_bits()?);
                self.float(value.is_nan(), value)
            }
            Type::Char => {
                let value = self.reader.char()?;
                self.put('\'')?;
                self.character(value, '\'')?;
                self.put('\'')
            }
            Type::String => self.string(),
            Type::List(ty) => self.list(&ty.ty()),
            Type::Record(ty) => {
                self.put('{')?;
                for (n, field) in ty.fields().enumerate() {
                    self.separate(n)?;
                    self.put(format_args!("{}: ", field.name))?;
                    self.value(&field.ty)?;
                }
                self.put('}')
            }
            Type::Tuple(ty) => {
                self.put('(')?;
                for (n, ty) in ty.types().enumerate() {
                    self.separate(n)?;
                    self.value(&ty)?;
                }
                self.put(')')
            }
            Type::Variant(ty) => {
                let n = self.reader.case(ty.cases().len())? as usize;
                let case = ty.cases().nth(n);
                let name = case.as_ref().map(|case| case.name).unwrap_or_default();
                self.label(name)?;
                self.payload(case.as_ref().and_then(|case| case.ty.as_ref()))
            }
            Type::Enum(ty) => {
                let n = self.reader.case(ty.names().len())? as usize;
                self.label(ty.names().nth(n).unwrap_or_default())
            }
            Type::Option(ty) => match self.reader.either()? {
                false => self.put("none"),
                true => {
                    self.put("some")?;
                    self.payload(Some(&ty.ty()))
                }
            },
            Type::Result(ty) => {
                let (name, ty) = match self.reader.either()? {
                    false => ("ok", ty.ok()),
                    true => ("err", ty.err()),
                };
                self.put(name)?;
                self.payload(ty.as_ref())
            }
            Type::Flags(ty) => self.flags(ty.names()),
            Type::Own(_) | Type::Borrow(_) => {
                self.put("<handle ")?;
                self.bytes()?;
                self.put('>')
            }
            // What is in them goes beside the values.
            Type::Stream(_) if self.reader.rest().first() == Some(&0) => {
                self.reader.byte()?;
                self.put("<stream>")
            }
            Type::Future(_) if self.reader.rest().first() == Some(&0) => {
                self.reader.byte()?;
                self.put("<future>")
            }
            other => Ok(self.reader.error(format!(
                "a {} has no text form",
                crate::transcode::vals::type_name(other)
            ))?),
        }
    }

    fn float(&mut self, is_nan: bool, value: impl std::fmt::Display) -> Step {
        // A NaN has no sign in WAVE.
        if is_nan {
            self.put("nan")
        } else {
            self.put(value)
        }
    }

    fn label(&mut self, name: &str) -> Step {
        self.put(format_args!(
            "{}{name}",
            if KEYWORDS.contains(&name) { "%" } else { "" }
        ))
    }

    fn payload(&mut self, ty: Option<&Type>) -> Step {
        match ty {
            None => Ok(()),
            Some(ty) => {
                self.put('(')?;
                self.value(ty)?;
                self.put(')')
            }
        }
    }

    fn flags<'t>(&mut self, names: impl ExactSizeIterator<Item = &'t str>) -> Step {
        let bytes = self.reader.flags(names.len())?;
        self.put('{')?;
        let set = names
            .enumerate()
            .filter(|(n, _)| bytes[n / 8] >> (n % 8) & 1 == 1);
        for (n, (_, name)) in set.enumerate() {
            self.separate(n)?;
            self.label(name)?;
        }
        self.put('}')
    }

    fn list(&mut self, ty: &Type) -> Step {
        if matches!(ty, Type::U8) {
            return self.bytes();
        }
        // Nothing is allocated by what is announced, and elements without bytes end where the text is long enough.
        let len = self.reader.u32()?;
        self.put('[')?;
        for n in 0..len as usize {
            self.separate(n)?;
            self.value(ty)?;
        }
        self.put(']')
    }

    /// Of a byte string those bytes that are there and that there is room for; whether these are all.
    fn announced(&mut self) -> std::result::Result<(&'a [u8], bool), Stop> {
        let len = self.reader.u32()? as usize;
        let there = match self.seen_is_cut {
            true => len.min(self.reader.remaining()),
            false => len,
        };
        let bytes = self.reader.take(there)?;
        // One more than there is room for, so that what follows is found to have none.
        let room = self.max.saturating_sub(self.out.len()) + 1;
        Ok((&bytes[..there.min(room)], there == len && there <= room))
    }

    fn bytes(&mut self) -> Step {
        let (bytes, is_all) = self.announced()?;
        self.put("b\"")?;
        for byte in bytes {
            match byte {
                b'"' | b'\\' => self.put(format_args!("\\{}", *byte as char))?,
                b'\n' => self.put("\\n")?,
                b'\r' => self.put("\\r")?,
                b'\t' => self.put("\\t")?,
                b' '..=b'~' => self.put(*byte as char)?,
                _ => self.put(format_args!("\\x{byte:02x}"))?,
            }
        }
        if is_all {
            self.put('"')
        } else {
            Err(Stop::Full)
        }
    }

    fn string(&mut self) -> Step {
        let (bytes, is_all) = self.announced()?;
        self.put('"')?;
        let (text, is_text) = match std::str::from_utf8(bytes) {
            Ok(text) => (text, true),
            Err(wrong) => {
                let (valid, rest) = bytes.split_at(wrong.valid_up_to());
                // A character that the cut has split is none that is wrong.
                let is_split = !is_all && wrong.error_len().is_none() && rest.len() < 4;
                (std::str::from_utf8(valid).unwrap_or_default(), is_split)
            }
        };
        for c in text.chars() {
            self.character(c, '"')?;
        }
        if !is_text {
            self.reader.error("a string is not UTF-8")?;
        }
        if is_all {
            self.put('"')
        } else {
            Err(Stop::Full)
        }
    }

    fn character(&mut self, c: char, quote: char) -> Step {
        match c {
            '\n' => self.put("\\n"),
            '\r' => self.put("\\r"),
            '\t' => self.put("\\t"),
            '\\' => self.put("\\\\"),
            c if c == quote => self.put(format_args!("\\{c}")),
            c if c.is_control() => self.put(format_args!("\\u{{{:x}}}", c as u32)),
            c => self.put(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::tests::function;

    fn signature(params: &[&str], result: &str) -> Signature {
        Signature::new("f", function(params, result), false)
    }

    fn whole(bytes: &[u8]) -> Seen<'_> {
        Seen {
            bytes,
            is_cut: false,
        }
    }

    fn cut(bytes: &[u8]) -> Seen<'_> {
        Seen {
            bytes,
            is_cut: true,
        }
    }

    #[test]
    fn parameters_have_their_names() {
        let text = signature(&["u32", "string"], "u8").show_params(whole(b"\xac\x02\x02hi"), 100);
        assert_eq!(text.unwrap(), "p0: 300, p1: \"hi\"");
    }

    #[test]
    fn bytes_and_handles_have_a_form_of_their_own() {
        let bytes = signature(&[], "(list u8)");
        let shown = bytes.show_results(whole(b"\x05a\"\n\x00\xff"), 100);
        assert_eq!(shown.unwrap(), "b\"a\\\"\\n\\x00\\xff\"");
    }

    #[test]
    fn what_was_cut_is_shown_as_far_as_it_goes() {
        let list = signature(&["(list string)"], "string");
        let shown = list.show_params(cut(b"\x03\x02hi\x20abcdef"), 100);
        assert_eq!(shown.unwrap(), "p0: [\"hi\", \"abcdef...");
        let shown = list.show_params(cut(b""), 100);
        assert_eq!(shown.unwrap(), "p0: ...");
        // In the middle of a character.
        let shown = list.show_results(cut("\x20ab\u{e4}".as_bytes().split_last().unwrap().1), 100);
        assert_eq!(shown.unwrap(), "\"ab...");
    }

    #[test]
    fn no_text_is_much_longer_than_was_asked_for() {
        let mut bytes = vec![0x80, 0x80, 4];
        bytes.resize(3 + (1 << 16), b'x');
        let text = signature(&[], "string").show_results(whole(&bytes), 10);
        assert_eq!(text.unwrap(), "\"xxxxxxxxx...");
        let many = signature(&[], "(list u8)").show_results(cut(&[0xff; 300]), 40);
        assert!(many.is_ok_and(|text| text.ends_with("...")));
        let mut small = vec![0x80, 8];
        small.resize(1026, 1);
        let text = signature(&[], "(list u32)").show_results(whole(&small), 40);
        let text = text.unwrap();
        assert!(text.len() < 46 && text.ends_with("..."), "{text}");
    }

    #[test]
    fn bytes_of_other_types_are_refused() {
        let text = signature(&["bool"], "string");
        assert_eq!(
            text.show_params(whole(&[7]), 100).unwrap_err().code,
            Code::Malformed
        );
        assert!(text.show_results(whole(b"\x05hi"), 100).is_err());
        assert!(text.show_results(whole(b"\x02\xff\xff"), 100).is_err());
    }

    #[test]
    fn results_that_lost_their_result_are_shown_without() {
        let ty = || function(&[], "(result u8 (error string))");
        let plain = Signature::new("f", ty(), false);
        assert_eq!(plain.show_results(whole(&[0, 7]), 100).unwrap(), "ok(7)");
        let unwrapped = Signature::new("f", ty(), true);
        assert_eq!(unwrapped.show_results(whole(&[7]), 100).unwrap(), "7");
    }
}
