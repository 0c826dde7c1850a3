// SPDX-License-Identifier: Apache-2.0
//! The C border of what calls said, see weft_engine.h.

use super::{FfiPrepared, RawBytes, RawString, free, guarded};
use crate::error::{Code, Error};
use crate::text::{Seen, Signature};

/// What weft_signature_show shows.
pub(super) const PARAMS: u32 = 0;
pub(super) const RESULTS: u32 = 1;

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_signature_of_export(
    prepared: *const FfiPrepared,
    name: RawBytes,
    out: *mut *mut Signature,
) -> *mut Error {
    guarded(out, || {
        unsafe { &*prepared }
            .0
            .export_signature(unsafe { name.text("the function's name") }?)
    })
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_signature_of_import(
    prepared: *const FfiPrepared,
    import: u32,
    out: *mut *mut Signature,
) -> *mut Error {
    guarded(out, || unsafe { &*prepared }.0.import_signature(import))
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_signature_free(signature: *mut Signature) {
    unsafe { free(signature) }
}

#[unsafe(no_mangle)]
pub unsafe extern "C" fn weft_signature_show(
    signature: *const Signature,
    part: u32,
    values: RawBytes,
    is_cut: bool,
    max_bytes: usize,
    out: *mut *mut RawString,
) -> *mut Error {
    guarded(out, || {
        let signature = unsafe { &*signature };
        let seen = Seen {
            bytes: unsafe { values.get() },
            is_cut,
        };
        let text = match part {
            PARAMS => signature.show_params(seen, max_bytes),
            RESULTS => signature.show_results(seen, max_bytes),
            _ => Err(Error::new(Code::InvalidArgument, "a call has no such part")),
        }?;
        Ok(RawString(text.into_bytes()))
    })
}
