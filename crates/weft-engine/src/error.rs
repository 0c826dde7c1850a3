// SPDX-License-Identifier: Apache-2.0
//! What crosses the C border when something fails: a code of `weft::Errc`, one sentence, the way out, and text for the log.

use crate::transcode::EncodingError;
use std::fmt;

/// The numbers of `weft::Errc` (include/weft/error.hpp).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Code {
    Internal = 1,
    InvalidArgument = 2,
    NotFound = 3,
    NotGranted = 6,
    Unsupported = 7,
    Malformed = 8,
    ResourceExhausted = 9,
    Trap = 12,
    GuestExit = 13,
    Io = 15,
    TypeMismatch = 16,
}

#[derive(Debug)]
pub struct Error {
    pub code: Code,
    pub message: String,
    pub hint: String,
    pub detail: String,
}

pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Error {
            code,
            message: message.into(),
            hint: String::new(),
            detail: String::new(),
        }
    }

    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// The outermost message of a wasmtime error, with everything below it as detail.
    pub fn from_wasmtime(code: Code, what: &str, error: &wasmtime::Error) -> Self {
        Error::new(code, format!("{what}: {}", one_line(&format!("{error:#}"))))
            .detail(format!("{error:?}"))
    }

    /// What a call that ended with `error` means: a limit, bytes that do not decode, or a trap.
    pub fn from_call(error: &wasmtime::Error) -> Self {
        if error.is::<wasmtime::PoolConcurrencyLimitError>() {
            return Error::new(Code::ResourceExhausted, "no instance slot is free")
                .hint("send fewer requests at once, or raise the number of instances");
        }
        if let Some(bad) = error.downcast_ref::<EncodingError>() {
            return Error::from_encoding(bad, error);
        }
        if let Some(trap) = error.downcast_ref::<wasmtime::Trap>() {
            return Error::new(Code::Trap, format!("the guest trapped: {trap}"))
                .detail(format!("{error:?}"));
        }
        Error::from_wasmtime(Code::Trap, "the guest failed", error)
    }

    /// Bytes that are no encoding of their types: whoever sent them is at fault, not the guest.
    fn from_encoding(bad: &EncodingError, error: &wasmtime::Error) -> Self {
        // Only what is lowered while the guest runs, the answer of an import, has the guest's frames around it.
        let (what, hint) = if error.is::<wasmtime::WasmBacktrace>() {
            (
                "the answer of an import does not decode",
                "make the one who answers it encode the results by the import's own types",
            )
        } else {
            (
                "the parameters do not decode",
                "encode them by the types of the function, which `weft inspect` shows",
            )
        };
        Error::new(Code::Malformed, format!("{what}: {bad}"))
            .hint(hint)
            .detail(format!("{error:?}"))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(" ")
}
