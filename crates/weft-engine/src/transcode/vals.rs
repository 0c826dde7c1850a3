// SPDX-License-Identifier: Apache-2.0
//! Encoded values to and from wasmtime's dynamic `Val`, by the public types. Slow and simple: for text given and shown to
//! people, and as the second opinion that the tests compare the direct path with.

use wasmtime::component::{Type, Val};
use wasmtime::{Result, bail};

use super::wire::{Reader, put_byte_string, put_char, put_signed, put_unsigned};

/// Appends `value`, which must be of type `ty`.
pub fn encode(out: &mut Vec<u8>, ty: &Type, value: &Val) -> Result<()> {
    match (ty, value) {
        (Type::Bool, Val::Bool(v)) => out.push((*v).into()),
        (Type::U8, Val::U8(v)) => out.push(*v),
        (Type::S8, Val::S8(v)) => out.push(*v as u8),
        (Type::U16, Val::U16(v)) => put_unsigned(out, (*v).into()),
        (Type::U32, Val::U32(v)) => put_unsigned(out, (*v).into()),
        (Type::U64, Val::U64(v)) => put_unsigned(out, *v),
        (Type::S16, Val::S16(v)) => put_signed(out, (*v).into(), 16),
        (Type::S32, Val::S32(v)) => put_signed(out, (*v).into(), 32),
        (Type::S64, Val::S64(v)) => put_signed(out, *v, 64),
        (Type::Float32, Val::Float32(v)) => {
            out.extend_from_slice(&super::wire::canonical_f32_bits(v.to_bits()).to_le_bytes());
        }
        (Type::Float64, Val::Float64(v)) => {
            out.extend_from_slice(&super::wire::canonical_f64_bits(v.to_bits()).to_le_bytes());
        }
        (Type::Char, Val::Char(v)) => put_char(out, *v),
        (Type::String, Val::String(v)) => put_byte_string(out, v.as_bytes()),
        (Type::List(ty), Val::List(values)) => {
            put_unsigned(out, u32::try_from(values.len())?.into());
            let ty = ty.ty();
            for value in values {
                encode(out, &ty, value)?;
            }
        }
        (Type::Record(ty), Val::Record(values)) => {
            if ty.fields().len() != values.len() {
                bail!(
                    "expected {} fields, got {}",
                    ty.fields().len(),
                    values.len()
                );
            }
            for field in ty.fields() {
                match values.iter().find(|(name, _)| name == field.name) {
                    Some((_, value)) => encode(out, &field.ty, value)?,
                    None => bail!("the field `{}` is missing", field.name),
                }
            }
        }
        (Type::Tuple(ty), Val::Tuple(values)) => {
            if ty.types().len() != values.len() {
                bail!("expected {} values, got {}", ty.types().len(), values.len());
            }
            for (ty, value) in ty.types().zip(values) {
                encode(out, &ty, value)?;
            }
        }
        (Type::Variant(ty), Val::Variant(name, payload)) => {
            let Some((n, case)) = ty.cases().enumerate().find(|(_, case)| case.name == name) else {
                bail!("there is no case `{name}`");
            };
            put_unsigned(out, n as u64);
            encode_payload(out, case.ty.as_ref(), payload.as_deref())?;
        }
        (Type::Enum(ty), Val::Enum(name)) => match ty.names().position(|n| n == name) {
            Some(n) => put_unsigned(out, n as u64),
            None => bail!("there is no case `{name}`"),
        },
        (Type::Option(ty), Val::Option(value)) => {
            out.push(value.is_some().into());
            if let Some(value) = value {
                encode(out, &ty.ty(), value)?;
            }
        }
        (Type::Result(ty), Val::Result(value)) => {
            out.push(value.is_err().into());
            match value {
                Ok(value) => encode_payload(out, ty.ok().as_ref(), value.as_deref())?,
                Err(value) => encode_payload(out, ty.err().as_ref(), value.as_deref())?,
            }
        }
        (Type::Flags(ty), Val::Flags(set)) => {
            let start = out.len();
            out.resize(start + super::wire::flag_bytes(ty.names().len()), 0);
            for name in set {
                match ty.names().position(|n| n == name) {
                    Some(n) => out[start + n / 8] |= 1 << (n % 8),
                    None => bail!("there is no flag `{name}`"),
                }
            }
        }
        (ty, _) => bail!("the value is not of type {}", type_name(ty)),
    }
    Ok(())
}

fn encode_payload(out: &mut Vec<u8>, ty: Option<&Type>, value: Option<&Val>) -> Result<()> {
    match (ty, value) {
        (Some(ty), Some(value)) => encode(out, ty, value),
        (None, None) => Ok(()),
        (Some(ty), None) => bail!("a payload of type {} is missing", type_name(ty)),
        (None, Some(_)) => bail!("a payload is given where there is none"),
    }
}

/// Reads one value of type `ty`.
pub fn decode(reader: &mut Reader<'_>, ty: &Type) -> Result<Val> {
    Ok(match ty {
        Type::Bool => Val::Bool(reader.bool()?),
        Type::U8 => Val::U8(reader.byte()?),
        Type::S8 => Val::S8(reader.byte()? as i8),
        Type::U16 => Val::U16(reader.u16()?),
        Type::U32 => Val::U32(reader.u32()?),
        Type::U64 => Val::U64(reader.u64()?),
        Type::S16 => Val::S16(reader.s16()?),
        Type::S32 => Val::S32(reader.s32()?),
        Type::S64 => Val::S64(reader.s64()?),
        Type::Float32 => Val::Float32(f32::from_bits(reader.f32_bits()?)),
        Type::Float64 => Val::Float64(f64::from_bits(reader.f64_bits()?)),
        Type::Char => Val::Char(reader.char()?),
        Type::String => Val::String(reader.string()?.to_owned()),
        Type::List(ty) => {
            let ty = ty.ty();
            let len = reader.list_len(min_bytes(&ty))?;
            // Grown as elements really come: a `Val` is much larger than its bytes.
            let mut values = Vec::new();
            for _ in 0..len {
                values.push(decode(reader, &ty)?);
            }
            Val::List(values)
        }
        Type::Record(ty) => Val::Record(
            ty.fields()
                .map(|field| Ok((field.name.to_owned(), decode(reader, &field.ty)?)))
                .collect::<Result<_>>()?,
        ),
        Type::Tuple(ty) => Val::Tuple(
            ty.types()
                .map(|ty| decode(reader, &ty))
                .collect::<Result<_>>()?,
        ),
        Type::Variant(ty) => {
            let case = reader.case(ty.cases().len())? as usize;
            match ty.cases().nth(case) {
                Some(case) => Val::Variant(
                    case.name.to_owned(),
                    decode_payload(reader, case.ty.as_ref())?,
                ),
                None => bail!("case {case} does not exist"),
            }
        }
        Type::Enum(ty) => {
            let case = reader.case(ty.names().len())? as usize;
            Val::Enum(ty.names().nth(case).unwrap_or_default().to_owned())
        }
        Type::Option(ty) => Val::Option(match reader.either()? {
            true => Some(Box::new(decode(reader, &ty.ty())?)),
            false => None,
        }),
        Type::Result(ty) => Val::Result(match reader.either()? {
            false => Ok(decode_payload(reader, ty.ok().as_ref())?),
            true => Err(decode_payload(reader, ty.err().as_ref())?),
        }),
        Type::Flags(ty) => {
            let bytes = reader.flags(ty.names().len())?;
            let set = ty
                .names()
                .enumerate()
                .filter(|(n, _)| bytes[n / 8] >> (n % 8) & 1 == 1);
            Val::Flags(set.map(|(_, name)| name.to_owned()).collect())
        }
        other => bail!("a {} has no text form", type_name(other)),
    })
}

fn decode_payload(reader: &mut Reader<'_>, ty: Option<&Type>) -> Result<Option<Box<Val>>> {
    ty.map(|ty| Ok(Box::new(decode(reader, ty)?))).transpose()
}

/// A lower bound of the bytes that a value of this type takes.
pub fn min_bytes(ty: &Type) -> usize {
    match ty {
        Type::Float32 => 4,
        Type::Float64 => 8,
        Type::Record(ty) => usize::from(ty.fields().len() > 0),
        Type::Tuple(ty) => usize::from(ty.types().len() > 0),
        Type::Flags(ty) => super::wire::flag_bytes(ty.names().len()),
        _ => 1,
    }
}

/// The type as WIT would write it, named types by their shape; long ones are shortened.
pub fn type_name(ty: &Type) -> String {
    let mut out = String::new();
    write_type(&mut out, ty);
    out
}

fn write_type(out: &mut String, ty: &Type) {
    if out.len() > 200 {
        out.push_str("...");
        return;
    }
    let simple = match ty {
        Type::Bool => "bool",
        Type::S8 => "s8",
        Type::U8 => "u8",
        Type::S16 => "s16",
        Type::U16 => "u16",
        Type::S32 => "s32",
        Type::U32 => "u32",
        Type::S64 => "s64",
        Type::U64 => "u64",
        Type::Float32 => "f32",
        Type::Float64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::Own(_) => "own handle",
        Type::Borrow(_) => "borrowed handle",
        Type::Future(_) => "future",
        Type::Stream(_) => "stream",
        Type::ErrorContext => "error-context",
        Type::Map(_) => "map",
        Type::FixedLengthList(_) => "list of fixed length",
        Type::List(ty) => return angle(out, "list", [Some(ty.ty())]),
        Type::Option(ty) => return angle(out, "option", [Some(ty.ty())]),
        Type::Tuple(ty) => return angle(out, "tuple", ty.types().map(Some)),
        Type::Result(ty) => return angle(out, "result", [ty.ok(), ty.err()]),
        Type::Record(ty) => {
            return braces(
                out,
                "record",
                ty.fields()
                    .map(|field| (field.name.to_owned(), Some(field.ty))),
            );
        }
        Type::Variant(ty) => {
            return braces(
                out,
                "variant",
                ty.cases().map(|case| (case.name.to_owned(), case.ty)),
            );
        }
        Type::Enum(ty) => {
            return braces(out, "enum", ty.names().map(|name| (name.to_owned(), None)));
        }
        Type::Flags(ty) => {
            return braces(out, "flags", ty.names().map(|name| (name.to_owned(), None)));
        }
    };
    out.push_str(simple);
}

fn angle(out: &mut String, name: &str, types: impl IntoIterator<Item = Option<Type>>) {
    out.push_str(name);
    for (n, ty) in types.into_iter().enumerate() {
        out.push_str(if n == 0 { "<" } else { ", " });
        match ty {
            Some(ty) => write_type(out, &ty),
            None => out.push('_'),
        }
    }
    out.push('>');
}

fn braces(out: &mut String, name: &str, parts: impl Iterator<Item = (String, Option<Type>)>) {
    out.push_str(name);
    out.push_str(" {");
    for (n, (part, ty)) in parts.enumerate() {
        if out.len() > 200 {
            out.push_str(", ...");
            break;
        }
        out.push_str(if n == 0 { " " } else { ", " });
        out.push_str(&part);
        if let Some(ty) = ty {
            out.push_str(": ");
            write_type(out, &ty);
        }
    }
    out.push_str(" }");
}
