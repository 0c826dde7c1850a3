// SPDX-License-Identifier: Apache-2.0
//! From a guest to bytes: walks a type of the component and its flat values or its place in guest memory.
//!
//! Checks what the component model demands of a guest's values: alignment and bounds of lists and strings, UTF-8, char
//! ranges, discriminants; NaNs become canonical. A violation is an error, which traps the guest. What the host writes on
//! behalf of the guest is paid from the store's fuel for host calls, so a small guest cannot order a large copy.

use wasmtime::component::__internal::{
    ComponentTypes, InterfaceType, LiftContext, wasmtime_environ,
};
use wasmtime::component::{Lift, ResourceAny};
use wasmtime::{Result, ValRaw, bail};
use wasmtime_environ::component::{StringEncoding, TypeListIndex, VariantInfo};

use super::channels::Given;
use super::path::Path;
use super::resources::Lifted;
use super::types::foreign_resource;
use super::wire::{
    canonical_f32_bits, canonical_f64_bits, flag_bytes, put_byte_string, put_char, put_signed,
    put_unsigned,
};

/// Where the encoded values go, the handles met on the way with the place where each belongs, and the streams and futures with their paths.
#[derive(Default)]
pub struct Sink {
    pub bytes: Vec<u8>,
    pub handles: Vec<(usize, Lifted)>,
    pub given: Vec<(String, Given)>,
    path: Path,
}

/// Flat values, taken one after the other.
pub struct Slots<'a>(&'a [ValRaw]);

impl<'a> Slots<'a> {
    pub fn new(slots: &'a [ValRaw]) -> Self {
        Slots(slots)
    }

    #[inline]
    fn next(&mut self) -> Result<ValRaw> {
        match self.0 {
            [first, rest @ ..] => {
                self.0 = rest;
                Ok(*first)
            }
            [] => bail!("a flat value is missing"),
        }
    }

    fn skip_to(&mut self, rest: usize) -> Result<()> {
        match self.0.len().checked_sub(rest) {
            Some(n) => self.0 = &self.0[n..],
            None => bail!("a flat value is missing"),
        }
        Ok(())
    }
}

fn flat_count(types: &ComponentTypes, ty: &InterfaceType) -> Result<usize> {
    match types.canonical_abi(ty).flat_count(usize::MAX) {
        Some(n) => Ok(n),
        None => bail!("the type has no flat form"),
    }
}

fn size_of(types: &ComponentTypes, ty: &InterfaceType) -> usize {
    types.canonical_abi(ty).size32 as usize
}

/// Writes the value of type `ty` held in `src`.
pub fn from_flat(
    out: &mut Sink,
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    src: &mut Slots<'_>,
) -> Result<()> {
    let types: &ComponentTypes = cx.types;
    match ty {
        InterfaceType::Bool => out.bytes.push((src.next()?.get_u32() != 0).into()),
        InterfaceType::U8 | InterfaceType::S8 => out.bytes.push(src.next()?.get_u32() as u8),
        InterfaceType::U16 => put_unsigned(&mut out.bytes, (src.next()?.get_u32() as u16).into()),
        InterfaceType::S16 => put_signed(&mut out.bytes, (src.next()?.get_u32() as i16).into(), 16),
        InterfaceType::U32 => put_unsigned(&mut out.bytes, src.next()?.get_u32().into()),
        InterfaceType::S32 => put_signed(&mut out.bytes, src.next()?.get_i32().into(), 32),
        InterfaceType::U64 => put_unsigned(&mut out.bytes, src.next()?.get_u64()),
        InterfaceType::S64 => put_signed(&mut out.bytes, src.next()?.get_i64(), 64),
        InterfaceType::Float32 => {
            let bits = canonical_f32_bits(src.next()?.get_f32());
            out.bytes.extend_from_slice(&bits.to_le_bytes());
        }
        InterfaceType::Float64 => {
            let bits = canonical_f64_bits(src.next()?.get_f64());
            out.bytes.extend_from_slice(&bits.to_le_bytes());
        }
        InterfaceType::Char => put_char(&mut out.bytes, char::try_from(src.next()?.get_u32())?),
        InterfaceType::String => {
            let (ptr, len) = (src.next()?.get_u32(), src.next()?.get_u32());
            string(out, cx, ptr, len)?;
        }
        InterfaceType::List(i) => {
            let (ptr, len) = (src.next()?.get_u32(), src.next()?.get_u32());
            list(out, cx, i, ptr, len)?;
        }
        InterfaceType::Record(i) => {
            for (place, field) in types[i].fields.iter().enumerate() {
                out.path.enter(place);
                from_flat(out, cx, field.ty, src)?;
                out.path.leave();
            }
        }
        InterfaceType::Tuple(i) => {
            for (place, ty) in types[i].types.iter().enumerate() {
                out.path.enter(place);
                from_flat(out, cx, *ty, src)?;
                out.path.leave();
            }
        }
        InterfaceType::Variant(i) => {
            let cases = &types[i].cases;
            flat_case(out, cx, &ty, cases.len(), |n| cases[n], src)?;
        }
        InterfaceType::Enum(i) => flat_case(out, cx, &ty, types[i].names.len(), |_| None, src)?,
        InterfaceType::Option(i) => {
            let inner = types[i].ty;
            flat_case(out, cx, &ty, 2, |n| (n == 1).then_some(inner), src)?;
        }
        InterfaceType::Result(i) => {
            let (ok, err) = (types[i].ok, types[i].err);
            flat_case(out, cx, &ty, 2, |n| if n == 0 { ok } else { err }, src)?;
        }
        InterfaceType::Flags(i) => {
            let names = types[i].names.len();
            let words = flat_count(types, &ty)?;
            let mut bytes = Vec::with_capacity(words * 4);
            for _ in 0..words {
                bytes.extend_from_slice(&src.next()?.get_u32().to_le_bytes());
            }
            flags(out, &bytes, names);
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
            handle(out, cx, ty, src.next()?.get_u32())?
        }
        InterfaceType::Future(_) | InterfaceType::Stream(_) => {
            stream(out, cx, ty, src.next()?.get_u32())?;
        }
        InterfaceType::ErrorContext(_)
        | InterfaceType::Map(_)
        | InterfaceType::FixedLengthList(_) => bail!("a value of this type cannot cross as bytes"),
    }
    Ok(())
}

fn flat_case(
    out: &mut Sink,
    cx: &mut LiftContext<'_>,
    ty: &InterfaceType,
    cases: usize,
    payload: impl Fn(usize) -> Option<InterfaceType>,
    src: &mut Slots<'_>,
) -> Result<()> {
    let whole = flat_count(cx.types, ty)?;
    let rest = match src.0.len().checked_sub(whole) {
        Some(n) => n,
        None => bail!("a flat value is missing"),
    };
    let case = src.next()?.get_u32();
    if case as usize >= cases {
        bail!("discriminant {case} out of range [0..{cases})");
    }
    put_unsigned(&mut out.bytes, case.into());
    if let Some(ty) = payload(case as usize) {
        from_flat(out, cx, ty, src)?;
    }
    src.skip_to(rest)
}

/// Writes the value of type `ty` that lies at `offset` in guest memory. The caller has checked that its whole size is
/// in bounds; what it points to is checked here.
pub fn from_memory(
    out: &mut Sink,
    cx: &mut LiftContext<'_>,
    ty: InterfaceType,
    offset: usize,
) -> Result<()> {
    let types: &ComponentTypes = cx.types;
    match ty {
        InterfaceType::String => {
            let (ptr, len) = pointer_pair(cx, offset)?;
            string(out, cx, ptr, len)?;
        }
        InterfaceType::List(i) => {
            let (ptr, len) = pointer_pair(cx, offset)?;
            list(out, cx, i, ptr, len)?;
        }
        InterfaceType::Record(i) => {
            let mut at = offset;
            for (number, field) in types[i].fields.iter().enumerate() {
                let place = types.canonical_abi(&field.ty).next_field32_size(&mut at);
                out.path.enter(number);
                from_memory(out, cx, field.ty, place)?;
                out.path.leave();
            }
        }
        InterfaceType::Tuple(i) => {
            let mut at = offset;
            for (number, ty) in types[i].types.iter().enumerate() {
                let place = types.canonical_abi(ty).next_field32_size(&mut at);
                out.path.enter(number);
                from_memory(out, cx, *ty, place)?;
                out.path.leave();
            }
        }
        InterfaceType::Variant(i) => {
            let ty = &types[i];
            memory_case(out, cx, &ty.info, ty.cases.len(), |n| ty.cases[n], offset)?;
        }
        InterfaceType::Option(i) => {
            let ty = &types[i];
            memory_case(out, cx, &ty.info, 2, |n| (n == 1).then_some(ty.ty), offset)?;
        }
        InterfaceType::Result(i) => {
            let ty = &types[i];
            let payload = |n| if n == 0 { ty.ok } else { ty.err };
            memory_case(out, cx, &ty.info, 2, payload, offset)?;
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
            let index = u32::from_le_bytes(*slice(cx, offset, 4)?.first_chunk().unwrap());
            handle(out, cx, ty, index)?;
        }
        InterfaceType::Future(_) | InterfaceType::Stream(_) => {
            let index = u32::from_le_bytes(*slice(cx, offset, 4)?.first_chunk().unwrap());
            stream(out, cx, ty, index)?;
        }
        InterfaceType::ErrorContext(_)
        | InterfaceType::Map(_)
        | InterfaceType::FixedLengthList(_) => bail!("a value of this type cannot cross as bytes"),
        _ => {
            let place = slice(cx, offset, size_of(types, &ty))?;
            plain(&mut out.bytes, types, ty, place)?;
        }
    }
    Ok(())
}

/// Writes a value that holds no pointer and no handle; `place` is exactly its bytes in guest memory.
#[inline]
fn plain(out: &mut Vec<u8>, types: &ComponentTypes, ty: InterfaceType, place: &[u8]) -> Result<()> {
    macro_rules! le {
        ($t:ty) => {
            match place.first_chunk() {
                Some(bytes) => <$t>::from_le_bytes(*bytes),
                None => bail!("a value lies outside of memory"),
            }
        };
    }
    match ty {
        InterfaceType::Bool => out.push((le!(u8) != 0).into()),
        InterfaceType::U8 | InterfaceType::S8 => out.push(le!(u8)),
        InterfaceType::U16 => put_unsigned(out, le!(u16).into()),
        InterfaceType::S16 => put_signed(out, le!(i16).into(), 16),
        InterfaceType::U32 => put_unsigned(out, le!(u32).into()),
        InterfaceType::S32 => put_signed(out, le!(i32).into(), 32),
        InterfaceType::U64 => put_unsigned(out, le!(u64)),
        InterfaceType::S64 => put_signed(out, le!(i64), 64),
        InterfaceType::Float32 => {
            out.extend_from_slice(&canonical_f32_bits(le!(u32)).to_le_bytes())
        }
        InterfaceType::Float64 => {
            out.extend_from_slice(&canonical_f64_bits(le!(u64)).to_le_bytes())
        }
        InterfaceType::Char => put_char(out, char::try_from(le!(u32))?),
        InterfaceType::Flags(i) => {
            let names = types[i].names.len();
            let start = out.len();
            match place.get(..flag_bytes(names)) {
                Some(bytes) => out.extend_from_slice(bytes),
                None => bail!("a value lies outside of memory"),
            }
            clear_unknown_flags(&mut out[start..], names);
        }
        InterfaceType::Enum(i) => {
            let case = discriminant(&types[i].info, place)?;
            let cases = types[i].names.len();
            if case as usize >= cases {
                bail!("discriminant {case} out of range [0..{cases})");
            }
            put_unsigned(out, case.into());
        }
        InterfaceType::Record(i) => {
            let mut at = 0;
            for field in &types[i].fields {
                plain_field(out, types, field.ty, place, &mut at)?;
            }
        }
        InterfaceType::Tuple(i) => {
            let mut at = 0;
            for ty in &types[i].types {
                plain_field(out, types, *ty, place, &mut at)?;
            }
        }
        InterfaceType::Variant(i) => {
            let ty = &types[i];
            plain_case(out, types, &ty.info, ty.cases.len(), |n| ty.cases[n], place)?;
        }
        InterfaceType::Option(i) => {
            let ty = &types[i];
            plain_case(
                out,
                types,
                &ty.info,
                2,
                |n| (n == 1).then_some(ty.ty),
                place,
            )?;
        }
        InterfaceType::Result(i) => {
            let ty = &types[i];
            let payload = |n| if n == 0 { ty.ok } else { ty.err };
            plain_case(out, types, &ty.info, 2, payload, place)?;
        }
        _ => bail!("the type is not plain"),
    }
    Ok(())
}

fn plain_field(
    out: &mut Vec<u8>,
    types: &ComponentTypes,
    ty: InterfaceType,
    place: &[u8],
    at: &mut usize,
) -> Result<()> {
    let abi = types.canonical_abi(&ty);
    let offset = abi.next_field32_size(at);
    match place.get(offset..offset + abi.size32 as usize) {
        Some(place) => plain(out, types, ty, place),
        None => bail!("a value lies outside of memory"),
    }
}

fn plain_case(
    out: &mut Vec<u8>,
    types: &ComponentTypes,
    info: &VariantInfo,
    cases: usize,
    payload: impl Fn(usize) -> Option<InterfaceType>,
    place: &[u8],
) -> Result<()> {
    let case = discriminant(info, place)?;
    if case as usize >= cases {
        bail!("discriminant {case} out of range [0..{cases})");
    }
    put_unsigned(out, case.into());
    match payload(case as usize) {
        Some(ty) => plain_field(out, types, ty, place, &mut (info.payload_offset32 as usize)),
        None => Ok(()),
    }
}

fn discriminant(info: &VariantInfo, place: &[u8]) -> Result<u32> {
    let size = usize::from(info.size);
    let Some(bytes) = place.get(..size) else {
        bail!("a discriminant lies outside of memory");
    };
    let mut le = [0; 4];
    le[..size].copy_from_slice(bytes);
    Ok(u32::from_le_bytes(le))
}

fn memory_case(
    out: &mut Sink,
    cx: &mut LiftContext<'_>,
    info: &VariantInfo,
    cases: usize,
    payload: impl Fn(usize) -> Option<InterfaceType>,
    offset: usize,
) -> Result<()> {
    let case = discriminant(info, slice(cx, offset, usize::from(info.size))?)?;
    if case as usize >= cases {
        bail!("discriminant {case} out of range [0..{cases})");
    }
    put_unsigned(&mut out.bytes, case.into());
    match payload(case as usize) {
        Some(ty) => from_memory(out, cx, ty, offset + info.payload_offset32 as usize),
        None => Ok(()),
    }
}

/// Guest memory from `offset` on, `len` bytes; the borrow is of the memory, not of the context.
fn slice<'a>(cx: &LiftContext<'a>, offset: usize, len: usize) -> Result<&'a [u8]> {
    match cx.memory().get(offset..).and_then(|m| m.get(..len)) {
        Some(bytes) => Ok(bytes),
        None => bail!("a value lies outside of memory"),
    }
}

fn pointer_pair(cx: &LiftContext<'_>, offset: usize) -> Result<(u32, u32)> {
    let bytes: &[u8; 8] = slice(cx, offset, 8)?.first_chunk().unwrap();
    let [a, b, c, d, e, f, g, h] = *bytes;
    Ok((
        u32::from_le_bytes([a, b, c, d]),
        u32::from_le_bytes([e, f, g, h]),
    ))
}

fn string(out: &mut Sink, cx: &mut LiftContext<'_>, ptr: u32, len: u32) -> Result<()> {
    match cx.options().string_encoding {
        StringEncoding::Utf8 => {
            let bytes = match cx
                .memory()
                .get(ptr as usize..)
                .and_then(|m| m.get(..len as usize))
            {
                Some(bytes) => bytes,
                None => bail!("string pointer/length out of bounds of memory"),
            };
            cx.consume_fuel(bytes.len())?;
            std::str::from_utf8(bytes)?;
            put_byte_string(&mut out.bytes, bytes);
        }
        StringEncoding::Utf16 | StringEncoding::CompactUtf16 => {
            let flat = [ValRaw::u32(ptr), ValRaw::u32(len)];
            let text = String::linear_lift_from_flat(cx, InterfaceType::String, &flat)?;
            put_byte_string(&mut out.bytes, text.as_bytes());
        }
    }
    Ok(())
}

fn list(
    out: &mut Sink,
    cx: &mut LiftContext<'_>,
    ty: TypeListIndex,
    ptr: u32,
    len: u32,
) -> Result<()> {
    let types: &ComponentTypes = cx.types;
    let elem = types[ty].element;
    let abi = types.canonical_abi(&elem);
    let (size, ptr, len) = (abi.size32 as usize, ptr as usize, len as usize);
    let memory = cx.memory();
    let place = match len
        .checked_mul(size)
        .and_then(|n| memory.get(ptr..)?.get(..n))
    {
        Some(place) => place,
        None => bail!("list pointer/length out of bounds of memory"),
    };
    if !ptr.is_multiple_of(abi.align32 as usize) {
        bail!("list pointer is not aligned");
    }
    // At least one per element, or elements of no size would be free and their number unlimited.
    cx.consume_fuel_array(len, size.max(1))?;
    if size == 0 && len > super::wire::MAX_EMPTY_ELEMENTS {
        bail!("a list of {len} elements without size is too long");
    }
    put_unsigned(&mut out.bytes, len as u64);
    match elem {
        InterfaceType::U8 | InterfaceType::S8 => out.bytes.extend_from_slice(place),
        InterfaceType::Bool => out.bytes.extend(place.iter().map(|b| u8::from(*b != 0))),
        InterfaceType::Float32 => out.bytes.extend(
            place
                .as_chunks()
                .0
                .iter()
                .flat_map(|b| canonical_f32_bits(u32::from_le_bytes(*b)).to_le_bytes()),
        ),
        InterfaceType::Float64 => out.bytes.extend(
            place
                .as_chunks()
                .0
                .iter()
                .flat_map(|b| canonical_f64_bits(u64::from_le_bytes(*b)).to_le_bytes()),
        ),
        _ if size > 0 && is_plain(types, &elem) => {
            out.bytes.reserve(len);
            for place in place.chunks_exact(size) {
                plain(&mut out.bytes, types, elem, place)?;
            }
        }
        _ => {
            for n in 0..len {
                from_memory(out, cx, elem, ptr + n * size)?;
            }
        }
    }
    Ok(())
}

fn flags(out: &mut Sink, bytes: &[u8], names: usize) {
    let start = out.bytes.len();
    out.bytes.extend_from_slice(&bytes[..flag_bytes(names)]);
    clear_unknown_flags(&mut out.bytes[start..], names);
}

/// Bits that no flag has are ignored when a guest sets them, as the component model says.
fn clear_unknown_flags(bytes: &mut [u8], names: usize) {
    if let (true, Some(last)) = (names % 8 != 0, bytes.last_mut()) {
        *last &= (1 << (names % 8)) - 1;
    }
}

fn handle(out: &mut Sink, cx: &mut LiftContext<'_>, ty: InterfaceType, index: u32) -> Result<()> {
    let lifted = match ty {
        InterfaceType::Own(t) if cx.resource_type(t) == foreign_resource() => {
            Lifted::ForeignOwn(cx.guest_resource_lift_own(t, index)?.0)
        }
        InterfaceType::Own(_) => Lifted::Own(ResourceAny::linear_lift_from_flat(
            cx,
            ty,
            &ValRaw::u32(index),
        )?),
        InterfaceType::Borrow(t) => {
            let resource = cx.resource_type(t);
            let rep = cx.guest_resource_lift_borrow(t, index)?;
            if resource == foreign_resource() {
                Lifted::ForeignBorrow(rep)
            } else {
                Lifted::Borrow
            }
        }
        _ => bail!("not a handle"),
    };
    cx.consume_fuel(super::resources::TOKEN_BYTES)?;
    out.handles.push((out.bytes.len(), lifted));
    Ok(())
}

/// Pending: what there is of it goes beside the values.
fn stream(out: &mut Sink, cx: &mut LiftContext<'_>, ty: InterfaceType, index: u32) -> Result<()> {
    let Some(path) = out.path.name() else {
        bail!("a stream or future is nested too deep");
    };
    out.bytes.push(0);
    out.given.push((path, Given::lift(cx, ty, index)?));
    Ok(())
}

/// Nodes of a type that are looked at to choose the fast path of a list; a type may be a million nodes large.
const WALK_BUDGET: u32 = 64;

/// Whether a value of this type is all in its own place: no pointer, no handle. Large types are not followed to the
/// end and count as not plain, which costs speed and nothing else.
pub fn is_plain(types: &ComponentTypes, ty: &InterfaceType) -> bool {
    is_plain_within(types, ty, &mut { WALK_BUDGET })
}

fn is_plain_within(types: &ComponentTypes, ty: &InterfaceType, budget: &mut u32) -> bool {
    match budget.checked_sub(1) {
        Some(left) => *budget = left,
        None => return false,
    }
    let mut all = |inner: &InterfaceType| is_plain_within(types, inner, budget);
    match *ty {
        InterfaceType::String
        | InterfaceType::List(_)
        | InterfaceType::Map(_)
        | InterfaceType::Own(_)
        | InterfaceType::Borrow(_)
        | InterfaceType::Future(_)
        | InterfaceType::Stream(_)
        | InterfaceType::ErrorContext(_)
        | InterfaceType::FixedLengthList(_) => false,
        InterfaceType::Record(i) => types[i].fields.iter().all(|f| all(&f.ty)),
        InterfaceType::Tuple(i) => types[i].types.iter().all(all),
        InterfaceType::Variant(i) => types[i].cases.values().flatten().all(all),
        InterfaceType::Option(i) => all(&types[i].ty),
        InterfaceType::Result(i) => [types[i].ok, types[i].err].iter().flatten().all(all),
        _ => true,
    }
}

/// A lower bound of the bytes that a value of this type takes when encoded; large types are not followed to the end.
pub fn min_bytes(types: &ComponentTypes, ty: &InterfaceType) -> usize {
    min_bytes_within(types, ty, &mut { WALK_BUDGET })
}

fn min_bytes_within(types: &ComponentTypes, ty: &InterfaceType, budget: &mut u32) -> usize {
    match budget.checked_sub(1) {
        Some(left) => *budget = left,
        None => return 0,
    }
    match *ty {
        InterfaceType::Float32 => 4,
        InterfaceType::Float64 => 8,
        InterfaceType::Flags(i) => flag_bytes(types[i].names.len()),
        InterfaceType::Record(i) => {
            let fields = types[i].fields.iter();
            fields.map(|f| min_bytes_within(types, &f.ty, budget)).sum()
        }
        InterfaceType::Tuple(i) => {
            let fields = types[i].types.iter();
            fields.map(|ty| min_bytes_within(types, ty, budget)).sum()
        }
        _ => 1,
    }
}
