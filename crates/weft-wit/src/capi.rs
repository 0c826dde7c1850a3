// SPDX-License-Identifier: Apache-2.0
//! The C ABI. Its contract is `include/weft_wit.h`, written by hand; `tests/header.rs` checks that both agree.

use std::ffi::{CStr, CString, c_char};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::ptr;

use crate::{Adapter, Options, componentize, write_bindings};

const OK: i32 = 0;
const FAILED: i32 = 1;
const BAD_ARGUMENT: i32 = 2;
const INTERNAL: i32 = 3;

struct Failure {
    status: i32,
    message: String,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure {
            status: FAILED,
            message: format!("{error:#}"),
        }
    }
}

fn bad_argument(message: impl Into<String>) -> Failure {
    Failure {
        status: BAD_ARGUMENT,
        message: message.into(),
    }
}

/// # Safety
/// `error` is null or writable.
unsafe fn guard(error: *mut *mut c_char, work: impl FnOnce() -> Result<(), Failure>) -> i32 {
    let failure = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => None,
        Ok(Err(failure)) => Some(failure),
        Err(panic) => {
            let why = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned());
            let message = format!(
                "guest tooling failed unexpectedly: {}",
                why.as_deref().unwrap_or("no message")
            );
            Some(Failure {
                status: INTERNAL,
                message,
            })
        }
    };
    let (status, text) = match failure {
        None => (OK, ptr::null_mut()),
        Some(failure) => (
            failure.status,
            CString::new(failure.message.replace('\0', "?"))
                .unwrap_or_default()
                .into_raw(),
        ),
    };
    if error.is_null() {
        unsafe { weft_wit_free_string(text) };
    } else {
        unsafe { *error = text };
    }
    status
}

/// # Safety
/// `text` is null or ended by a zero byte, and outlives the result.
unsafe fn optional_text<'a>(text: *const c_char, name: &str) -> Result<Option<&'a str>, Failure> {
    if text.is_null() {
        return Ok(None);
    }
    match unsafe { CStr::from_ptr(text) }.to_str() {
        Ok(text) => Ok(Some(text)),
        Err(_) => Err(bad_argument(format!("'{name}' is not UTF-8"))),
    }
}

/// # Safety
/// As for [`optional_text`].
unsafe fn text<'a>(text: *const c_char, name: &str) -> Result<&'a str, Failure> {
    unsafe { optional_text(text, name) }?.ok_or_else(|| bad_argument(format!("'{name}' is null")))
}

/// # Safety
/// See the header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_wit_bindgen(
    wit: *const c_char,
    world: *const c_char,
    out_dir: *const c_char,
    error: *mut *mut c_char,
) -> i32 {
    unsafe {
        guard(error, || {
            let wit = text(wit, "wit")?;
            let world = optional_text(world, "world")?.unwrap_or("");
            let out_dir = text(out_dir, "out_dir")?;
            write_bindings(Path::new(wit), world, Path::new(out_dir))?;
            Ok(())
        })
    }
}

/// # Safety
/// See the header.
#[unsafe(no_mangle)]
#[allow(clippy::too_many_arguments)]
pub unsafe extern "C" fn weft_wit_new(
    module: *const u8,
    module_len: usize,
    adapter: i32,
    wit: *const c_char,
    world: *const c_char,
    out: *mut *mut u8,
    out_len: *mut usize,
    error: *mut *mut c_char,
) -> i32 {
    unsafe {
        guard(error, || {
            if out.is_null() || out_len.is_null() {
                return Err(bad_argument("'out' or 'out_len' is null"));
            }
            *out = ptr::null_mut();
            *out_len = 0;
            if module.is_null() {
                return Err(bad_argument("'module' is null"));
            }
            let adapter = Adapter::from_number(adapter)
                .ok_or_else(|| bad_argument(format!("unknown adapter {adapter}")))?;
            let world_name = optional_text(world, "world")?.unwrap_or("");
            let world =
                optional_text(wit, "wit")?.map(|wit| (PathBuf::from(wit), world_name.to_owned()));
            let component = componentize(
                std::slice::from_raw_parts(module, module_len),
                &Options { adapter, world },
            )?;
            let bytes = component.into_boxed_slice();
            *out_len = bytes.len();
            *out = Box::into_raw(bytes).cast();
            Ok(())
        })
    }
}

/// # Safety
/// See the header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_wit_free_bytes(bytes: *mut u8, len: usize) {
    if !bytes.is_null() {
        drop(unsafe { Box::from_raw(ptr::slice_from_raw_parts_mut(bytes, len)) });
    }
}

/// # Safety
/// See the header.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_wit_free_string(text: *mut c_char) {
    if !text.is_null() {
        drop(unsafe { CString::from_raw(text) });
    }
}

#[unsafe(no_mangle)]
pub extern "C" fn weft_wit_bindgen_version() -> *const c_char {
    c"0.60.0".as_ptr()
}
