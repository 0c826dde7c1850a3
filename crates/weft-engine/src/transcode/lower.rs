// SPDX-License-Identifier: Apache-2.0
//! From bytes to a guest: the mirror of `lift`. Reads encoded values by the component's types and places them in flat
//! values or in guest memory, which the guest's own `realloc` provides.
//!
//! The bytes come from anywhere: every length is checked against the bytes left before the guest is asked for memory.
//! What `realloc` answers has been checked by wasmtime to be aligned and in bounds. Every slice of guest memory is taken
//! anew after a call of `realloc`, because memory may have grown and moved.

use wasmtime::component::__internal::{
    ComponentTypes, InterfaceType, LowerContext, wasmtime_environ,
};
use wasmtime::component::Lower;
use wasmtime::{Result, ValRaw, bail};
use wasmtime_environ::component::{StringEncoding, TypeListIndex, VariantInfo};

use super::channels::Ends;
use super::lift::{is_plain, min_bytes};
use super::path::Path;
use super::resources::ResourceTable;
use super::types::foreign_resource;
use super::wire::{Reader, WireResult};

/// The longest string that the component model lets a host hand to a guest, in bytes of the guest's encoding.
const MAX_STRING_BYTES: usize = (1 << 31) - 1;

/// Encoded values on their way into a guest, the table that knows the handles among them, and the channels of its streams and futures.
pub struct Source<'a> {
    reader: Reader<'a>,
    table: Option<&'a ResourceTable>,
    ends: Option<&'a Ends>,
    path: Path,
}

impl<'a> Source<'a> {
    pub fn new(bytes: &'a [u8], table: Option<&'a ResourceTable>, ends: Option<&'a Ends>) -> Self {
        Source {
            reader: Reader::new(bytes),
            table,
            ends,
            path: Path::default(),
        }
    }
}

/// Flat values to be written one after the other; they begin as zeros, so what is skipped is zero.
pub struct Slots<'a> {
    slots: &'a mut [ValRaw],
    at: usize,
}

impl<'a> Slots<'a> {
    pub fn new(slots: &'a mut [ValRaw]) -> Self {
        Slots { slots, at: 0 }
    }

    #[inline]
    fn put(&mut self, value: u64) -> Result<()> {
        match self.slots.get_mut(self.at) {
            Some(slot) => *slot = ValRaw::u64(value),
            None => bail!("no room for a flat value"),
        }
        self.at += 1;
        Ok(())
    }

    /// A 32-bit value: the upper half is zero, also where a variant joins it with a wider one.
    #[inline]
    fn put32(&mut self, value: u32) -> Result<()> {
        self.put(value.into())
    }
}

fn flat_count(types: &ComponentTypes, ty: &InterfaceType) -> Result<usize> {
    match types.canonical_abi(ty).flat_count(usize::MAX) {
        Some(n) => Ok(n),
        None => bail!("the type has no flat form"),
    }
}

/// Reads a value of type `ty` into flat values.
pub fn to_flat<T>(
    src: &mut Source<'_>,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    dst: &mut Slots<'_>,
) -> Result<()> {
    let types: &ComponentTypes = cx.types;
    let reader = &mut src.reader;
    match ty {
        InterfaceType::Bool => dst.put32(reader.bool()?.into()),
        InterfaceType::U8 => dst.put32(reader.byte()?.into()),
        InterfaceType::S8 => dst.put32(i32::from(reader.byte()? as i8) as u32),
        InterfaceType::U16 => dst.put32(reader.u16()?.into()),
        InterfaceType::S16 => dst.put32(i32::from(reader.s16()?) as u32),
        InterfaceType::U32 => dst.put32(reader.u32()?),
        InterfaceType::S32 => dst.put32(reader.s32()? as u32),
        InterfaceType::U64 => dst.put(reader.u64()?),
        InterfaceType::S64 => dst.put(reader.s64()? as u64),
        InterfaceType::Float32 => dst.put32(reader.f32_bits()?),
        InterfaceType::Float64 => dst.put(reader.f64_bits()?),
        InterfaceType::Char => dst.put32(reader.char()?.into()),
        InterfaceType::String => {
            let (ptr, len) = string(src, cx)?;
            dst.put32(ptr)?;
            dst.put32(len)
        }
        InterfaceType::List(i) => {
            let (ptr, len) = list(src, cx, i)?;
            dst.put32(ptr)?;
            dst.put32(len)
        }
        InterfaceType::Record(i) => {
            for (place, field) in types[i].fields.iter().enumerate() {
                src.path.enter(place);
                to_flat(src, cx, field.ty, dst)?;
                src.path.leave();
            }
            Ok(())
        }
        InterfaceType::Tuple(i) => {
            for (place, ty) in types[i].types.iter().enumerate() {
                src.path.enter(place);
                to_flat(src, cx, *ty, dst)?;
                src.path.leave();
            }
            Ok(())
        }
        InterfaceType::Variant(i) => {
            let cases = &types[i].cases;
            let case = reader.case(cases.len())?;
            flat_case(src, cx, &ty, case, cases[case as usize], dst)
        }
        InterfaceType::Enum(i) => {
            let case = reader.case(types[i].names.len())?;
            flat_case(src, cx, &ty, case, None, dst)
        }
        InterfaceType::Option(i) => {
            let some = reader.either()?;
            flat_case(src, cx, &ty, some.into(), some.then_some(types[i].ty), dst)
        }
        InterfaceType::Result(i) => {
            let is_err = reader.either()?;
            let payload = if is_err { types[i].err } else { types[i].ok };
            flat_case(src, cx, &ty, is_err.into(), payload, dst)
        }
        InterfaceType::Flags(i) => {
            let words = flat_count(types, &ty)?;
            let bytes = reader.flags(types[i].names.len())?;
            for word in 0..words {
                let mut le = [0; 4];
                let part = bytes.get(word * 4..).unwrap_or_default();
                let part = &part[..part.len().min(4)];
                le[..part.len()].copy_from_slice(part);
                dst.put32(u32::from_le_bytes(le))?;
            }
            Ok(())
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
            let index = handle(src, cx, ty)?;
            dst.put32(index)
        }
        InterfaceType::Future(_) | InterfaceType::Stream(_) => {
            let index = stream(src, cx, ty)?;
            dst.put32(index)
        }
        InterfaceType::ErrorContext(_)
        | InterfaceType::Map(_)
        | InterfaceType::FixedLengthList(_) => bail!("a value of this type cannot cross as bytes"),
    }
}

fn flat_case<T>(
    src: &mut Source<'_>,
    cx: &mut LowerContext<'_, T>,
    ty: &InterfaceType,
    case: u32,
    payload: Option<InterfaceType>,
    dst: &mut Slots<'_>,
) -> Result<()> {
    let end = dst.at + flat_count(cx.types, ty)?;
    dst.put32(case)?;
    if let Some(ty) = payload {
        to_flat(src, cx, ty, dst)?;
    }
    if end < dst.at || end > dst.slots.len() {
        bail!("no room for a flat value");
    }
    dst.at = end;
    Ok(())
}

/// Reads a value of type `ty` into guest memory at `offset`. The caller owns the whole size of the value there.
pub fn to_memory<T>(
    src: &mut Source<'_>,
    cx: &mut LowerContext<'_, T>,
    ty: InterfaceType,
    offset: usize,
) -> Result<()> {
    let types: &ComponentTypes = cx.types;
    match ty {
        InterfaceType::String => {
            let (ptr, len) = string(src, cx)?;
            put_pair(cx, offset, ptr, len)
        }
        InterfaceType::List(i) => {
            let (ptr, len) = list(src, cx, i)?;
            put_pair(cx, offset, ptr, len)
        }
        InterfaceType::Record(i) => {
            let mut at = offset;
            for (number, field) in types[i].fields.iter().enumerate() {
                let place = types.canonical_abi(&field.ty).next_field32_size(&mut at);
                src.path.enter(number);
                to_memory(src, cx, field.ty, place)?;
                src.path.leave();
            }
            Ok(())
        }
        InterfaceType::Tuple(i) => {
            let mut at = offset;
            for (number, ty) in types[i].types.iter().enumerate() {
                let place = types.canonical_abi(ty).next_field32_size(&mut at);
                src.path.enter(number);
                to_memory(src, cx, *ty, place)?;
                src.path.leave();
            }
            Ok(())
        }
        InterfaceType::Variant(i) => {
            let ty = &types[i];
            let case = src.reader.case(ty.cases.len())?;
            memory_case(src, cx, &ty.info, case, ty.cases[case as usize], offset)
        }
        InterfaceType::Option(i) => {
            let ty = &types[i];
            let some = src.reader.either()?;
            memory_case(
                src,
                cx,
                &ty.info,
                some.into(),
                some.then_some(ty.ty),
                offset,
            )
        }
        InterfaceType::Result(i) => {
            let ty = &types[i];
            let is_err = src.reader.either()?;
            let payload = if is_err { ty.err } else { ty.ok };
            memory_case(src, cx, &ty.info, is_err.into(), payload, offset)
        }
        InterfaceType::Own(_) | InterfaceType::Borrow(_) => {
            let index = handle(src, cx, ty)?;
            place(cx, offset, 4)?.copy_from_slice(&index.to_le_bytes());
            Ok(())
        }
        InterfaceType::Future(_) | InterfaceType::Stream(_) => {
            let index = stream(src, cx, ty)?;
            place(cx, offset, 4)?.copy_from_slice(&index.to_le_bytes());
            Ok(())
        }
        InterfaceType::ErrorContext(_)
        | InterfaceType::Map(_)
        | InterfaceType::FixedLengthList(_) => bail!("a value of this type cannot cross as bytes"),
        _ => {
            let size = types.canonical_abi(&ty).size32 as usize;
            plain(&mut src.reader, types, ty, place(cx, offset, size)?)?;
            Ok(())
        }
    }
}

fn memory_case<T>(
    src: &mut Source<'_>,
    cx: &mut LowerContext<'_, T>,
    info: &VariantInfo,
    case: u32,
    payload: Option<InterfaceType>,
    offset: usize,
) -> Result<()> {
    put_discriminant(info, case, place(cx, offset, usize::from(info.size))?);
    match payload {
        Some(ty) => to_memory(src, cx, ty, offset + info.payload_offset32 as usize),
        None => Ok(()),
    }
}

/// Guest memory at `offset`, `len` bytes.
fn place<'c, T>(
    cx: &'c mut LowerContext<'_, T>,
    offset: usize,
    len: usize,
) -> Result<&'c mut [u8]> {
    match cx
        .as_slice_mut()
        .get_mut(offset..)
        .and_then(|m| m.get_mut(..len))
    {
        Some(place) => Ok(place),
        None => bail!("a value lies outside of memory"),
    }
}

fn put_pair<T>(cx: &mut LowerContext<'_, T>, offset: usize, ptr: u32, len: u32) -> Result<()> {
    let place = place(cx, offset, 8)?;
    place[..4].copy_from_slice(&ptr.to_le_bytes());
    place[4..].copy_from_slice(&len.to_le_bytes());
    Ok(())
}

/// `place` is at least as long as the discriminant.
fn put_discriminant(info: &VariantInfo, case: u32, place: &mut [u8]) {
    let size = usize::from(info.size);
    place[..size].copy_from_slice(&case.to_le_bytes()[..size]);
}

/// Reads a value that holds no pointer and no handle; `place` is exactly its bytes in guest memory.
#[inline]
fn plain(
    reader: &mut Reader<'_>,
    types: &ComponentTypes,
    ty: InterfaceType,
    place: &mut [u8],
) -> WireResult<()> {
    match ty {
        InterfaceType::Bool => place[0] = reader.bool()?.into(),
        InterfaceType::U8 | InterfaceType::S8 => place[0] = reader.byte()?,
        InterfaceType::U16 => place.copy_from_slice(&reader.u16()?.to_le_bytes()),
        InterfaceType::S16 => place.copy_from_slice(&reader.s16()?.to_le_bytes()),
        InterfaceType::U32 => place.copy_from_slice(&reader.u32()?.to_le_bytes()),
        InterfaceType::S32 => place.copy_from_slice(&reader.s32()?.to_le_bytes()),
        InterfaceType::U64 => place.copy_from_slice(&reader.u64()?.to_le_bytes()),
        InterfaceType::S64 => place.copy_from_slice(&reader.s64()?.to_le_bytes()),
        InterfaceType::Float32 => place.copy_from_slice(&reader.f32_bits()?.to_le_bytes()),
        InterfaceType::Float64 => place.copy_from_slice(&reader.f64_bits()?.to_le_bytes()),
        InterfaceType::Char => place.copy_from_slice(&u32::from(reader.char()?).to_le_bytes()),
        InterfaceType::Flags(i) => {
            let bytes = reader.flags(types[i].names.len())?;
            place[..bytes.len()].copy_from_slice(bytes);
            place[bytes.len()..].fill(0);
        }
        InterfaceType::Enum(i) => {
            let case = reader.case(types[i].names.len())?;
            put_discriminant(&types[i].info, case, place);
        }
        InterfaceType::Record(i) => {
            let mut at = 0;
            for field in &types[i].fields {
                plain_field(reader, types, field.ty, place, &mut at)?;
            }
        }
        InterfaceType::Tuple(i) => {
            let mut at = 0;
            for ty in &types[i].types {
                plain_field(reader, types, *ty, place, &mut at)?;
            }
        }
        InterfaceType::Variant(i) => {
            let ty = &types[i];
            let case = reader.case(ty.cases.len())?;
            plain_case(
                reader,
                types,
                &ty.info,
                case,
                ty.cases[case as usize],
                place,
            )?;
        }
        InterfaceType::Option(i) => {
            let ty = &types[i];
            let some = reader.either()?;
            plain_case(
                reader,
                types,
                &ty.info,
                some.into(),
                some.then_some(ty.ty),
                place,
            )?;
        }
        InterfaceType::Result(i) => {
            let ty = &types[i];
            let is_err = reader.either()?;
            let payload = if is_err { ty.err } else { ty.ok };
            plain_case(reader, types, &ty.info, is_err.into(), payload, place)?;
        }
        _ => return reader.error("the type is not plain"),
    }
    Ok(())
}

#[inline]
fn plain_field(
    reader: &mut Reader<'_>,
    types: &ComponentTypes,
    ty: InterfaceType,
    place: &mut [u8],
    at: &mut usize,
) -> WireResult<()> {
    let abi = types.canonical_abi(&ty);
    let offset = abi.next_field32_size(at);
    plain(
        reader,
        types,
        ty,
        &mut place[offset..offset + abi.size32 as usize],
    )
}

fn plain_case(
    reader: &mut Reader<'_>,
    types: &ComponentTypes,
    info: &VariantInfo,
    case: u32,
    payload: Option<InterfaceType>,
    place: &mut [u8],
) -> WireResult<()> {
    put_discriminant(info, case, place);
    match payload {
        Some(ty) => plain_field(
            reader,
            types,
            ty,
            place,
            &mut (info.payload_offset32 as usize),
        ),
        None => Ok(()),
    }
}

fn address(ptr: usize) -> Result<u32> {
    Ok(u32::try_from(ptr)?)
}

fn string<T>(src: &mut Source<'_>, cx: &mut LowerContext<'_, T>) -> Result<(u32, u32)> {
    let text = src.reader.string()?;
    match cx.options().string_encoding {
        StringEncoding::Utf8 => {
            if text.len() > MAX_STRING_BYTES {
                bail!(
                    "string length of {} too large to copy into wasm",
                    text.len()
                );
            }
            let ptr = cx.realloc(0, 0, 1, text.len())?;
            place(cx, ptr, text.len())?.copy_from_slice(text.as_bytes());
            Ok((address(ptr)?, text.len() as u32))
        }
        StringEncoding::Utf16 | StringEncoding::CompactUtf16 => {
            let [ptr, len] = super::raw::with_slots(|pair| {
                text.linear_lower_to_flat(cx, InterfaceType::String, pair)
            })?;
            Ok((ptr.get_u32(), len.get_u32()))
        }
    }
}

fn list<T>(
    src: &mut Source<'_>,
    cx: &mut LowerContext<'_, T>,
    ty: TypeListIndex,
) -> Result<(u32, u32)> {
    let types: &ComponentTypes = cx.types;
    let elem = types[ty].element;
    let abi = types.canonical_abi(&elem);
    let (size, align) = (abi.size32 as usize, abi.align32);
    let len = src.reader.list_len(min_bytes(types, &elem))?;
    let total = match len.checked_mul(size) {
        Some(n) if u32::try_from(n).is_ok() => n,
        _ => bail!("size overflow copying a list"),
    };
    let ptr = cx.realloc(0, 0, align, total)?;
    match elem {
        InterfaceType::U8 | InterfaceType::S8 => {
            let bytes = src.reader.take(len)?;
            place(cx, ptr, total)?.copy_from_slice(bytes);
        }
        _ if size > 0 && is_plain(types, &elem) => {
            let reader = &mut src.reader;
            let place = place(cx, ptr, total)?;
            match elem {
                // One match for the whole list, not one for each element.
                InterfaceType::U32 => fill(reader, place, |r| Ok(r.u32()?.to_le_bytes()))?,
                InterfaceType::S32 => fill(reader, place, |r| Ok(r.s32()?.to_le_bytes()))?,
                InterfaceType::U64 => fill(reader, place, |r| Ok(r.u64()?.to_le_bytes()))?,
                InterfaceType::S64 => fill(reader, place, |r| Ok(r.s64()?.to_le_bytes()))?,
                InterfaceType::Float32 => fill(reader, place, |r| Ok(r.f32_bits()?.to_le_bytes()))?,
                InterfaceType::Float64 => fill(reader, place, |r| Ok(r.f64_bits()?.to_le_bytes()))?,
                _ => {
                    for place in place.chunks_exact_mut(size) {
                        plain(reader, types, elem, place)?;
                    }
                }
            }
        }
        _ => {
            for n in 0..len {
                to_memory(src, cx, elem, ptr + n * size)?;
            }
        }
    }
    Ok((address(ptr)?, len as u32))
}

#[inline]
fn fill<const N: usize>(
    reader: &mut Reader<'_>,
    place: &mut [u8],
    mut next: impl FnMut(&mut Reader<'_>) -> WireResult<[u8; N]>,
) -> WireResult<()> {
    for slot in place.as_chunks_mut::<N>().0 {
        *slot = next(reader)?;
    }
    Ok(())
}

fn stream<T>(src: &mut Source<'_>, cx: &mut LowerContext<'_, T>, ty: InterfaceType) -> Result<u32> {
    match src.ends {
        Some(ends) => ends.lower(cx, ty, &mut src.reader, src.path.name()),
        None => bail!("a stream or future has no channel"),
    }
}

fn handle<T>(src: &mut Source<'_>, cx: &mut LowerContext<'_, T>, ty: InterfaceType) -> Result<u32> {
    let bytes = src.reader.byte_string()?;
    let (InterfaceType::Own(t) | InterfaceType::Borrow(t)) = ty else {
        bail!("not a handle");
    };
    let owned = matches!(ty, InterfaceType::Own(_));
    let resource = cx.resource_type(t);
    if let Some(table) = src.table {
        if resource == foreign_resource() {
            return match owned {
                true => cx.guest_resource_lower_own(t, table.adopt_foreign(bytes)?),
                false => cx.guest_resource_lower_borrow(t, table.lend_foreign(bytes)?),
            };
        }
        if let Some(any) = table.find(bytes).filter(|any| any.ty() == resource) {
            let index = super::raw::with_slots(|slot| any.linear_lower_to_flat(cx, ty, slot))?;
            if owned {
                table.forget(bytes);
            }
            return Ok(index.get_u32());
        }
    }
    src.reader
        .error("a handle is not known to this instance, or is of another resource; a fresh instance, as every call has by default, knows none that an earlier call gave out")?;
    Ok(0)
}
