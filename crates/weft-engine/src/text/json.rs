// SPDX-License-Identifier: Apache-2.0
//! JSON to and from encoded bytes.
//!
//! Numbers, strings, booleans as they are; a float that JSON has not as "nan", "inf" or "-inf"; a char as a string; a
//! list or tuple as an array; a record as an object; an enum as its name; a variant as its name, or {"name": payload};
//! an option as null or the value ({"some": value} where the value may itself be null); a result as {"ok": value} or
//! {"err": value}, null where there is no value; flags as an array of names; a handle as {"handle": "hex digits"}.

use serde_json::{Map, Number, Value};
use wasmtime::component::Type;

use crate::transcode::EncodingError;
use crate::transcode::vals::{self, type_name};
use crate::transcode::wire::{self, Reader};

type JsonResult<T> = std::result::Result<T, String>;

fn integer<T: TryFrom<i128>>(value: &Value) -> JsonResult<T> {
    let number = match value {
        Value::Number(n) => n
            .as_i64()
            .map(i128::from)
            .or_else(|| n.as_u64().map(i128::from)),
        // Numbers above 2^53 are often written as strings.
        Value::String(text) => text.parse().ok(),
        _ => None,
    };
    number
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| format!("{value} is not such a number"))
}

fn float(value: &Value) -> JsonResult<f64> {
    match value {
        Value::Number(n) => n.as_f64(),
        Value::String(text) => match text.as_str() {
            "nan" => Some(f64::NAN),
            "inf" => Some(f64::INFINITY),
            "-inf" => Some(f64::NEG_INFINITY),
            _ => None,
        },
        _ => None,
    }
    .ok_or_else(|| format!("{value} is not a number, \"nan\", \"inf\" or \"-inf\""))
}

fn text(value: &Value) -> JsonResult<&str> {
    value
        .as_str()
        .ok_or_else(|| format!("{value} is not a string"))
}

fn array(value: &Value) -> JsonResult<&Vec<Value>> {
    value
        .as_array()
        .ok_or_else(|| format!("{value} is not an array"))
}

/// The name and payload of a value that is "name" or {"name": payload}.
fn case(value: &Value) -> JsonResult<(&str, Option<&Value>)> {
    match value {
        Value::String(name) => Ok((name, None)),
        Value::Object(map) if map.len() == 1 => match map.iter().next() {
            Some((name, payload)) => Ok((name, Some(payload))),
            None => Err("an object is empty".to_owned()),
        },
        _ => Err(format!(
            "{value} is neither a name nor an object of one name"
        )),
    }
}

fn payload(
    out: &mut Vec<u8>,
    name: &str,
    ty: Option<&Type>,
    value: Option<&Value>,
) -> JsonResult<()> {
    match (ty, value) {
        (Some(ty), Some(value)) => {
            from_json(out, ty, value).map_err(|e| format!("in `{name}`: {e}"))
        }
        (Some(ty), None) => Err(format!("`{name}` needs a {}", type_name(ty))),
        (None, None | Some(Value::Null)) => Ok(()),
        (None, Some(_)) => Err(format!("`{name}` has no value")),
    }
}

pub(super) fn from_json(out: &mut Vec<u8>, ty: &Type, value: &Value) -> JsonResult<()> {
    match ty {
        Type::Bool => out.push(
            value
                .as_bool()
                .ok_or_else(|| format!("{value} is not true or false"))?
                .into(),
        ),
        Type::U8 => out.push(integer(value)?),
        Type::S8 => out.push(integer::<i8>(value)? as u8),
        Type::U16 => wire::put_unsigned(out, integer::<u16>(value)?.into()),
        Type::U32 => wire::put_unsigned(out, integer::<u32>(value)?.into()),
        Type::U64 => wire::put_unsigned(out, integer(value)?),
        Type::S16 => wire::put_signed(out, integer::<i16>(value)?.into(), 16),
        Type::S32 => wire::put_signed(out, integer::<i32>(value)?.into(), 32),
        Type::S64 => wire::put_signed(out, integer(value)?, 64),
        Type::Float32 => {
            let bits = (float(value)? as f32).to_bits();
            out.extend_from_slice(&wire::canonical_f32_bits(bits).to_le_bytes());
        }
        Type::Float64 => {
            let bits = float(value)?.to_bits();
            out.extend_from_slice(&wire::canonical_f64_bits(bits).to_le_bytes());
        }
        Type::Char => {
            let mut chars = text(value)?.chars();
            match (chars.next(), chars.next()) {
                (Some(c), None) => wire::put_char(out, c),
                _ => return Err(format!("{value} is not one character")),
            }
        }
        Type::String => wire::put_byte_string(out, text(value)?.as_bytes()),
        Type::List(ty) => {
            let values = array(value)?;
            let ty = ty.ty();
            let len = u32::try_from(values.len()).map_err(|e| e.to_string())?;
            wire::put_unsigned(out, len.into());
            for (n, value) in values.iter().enumerate() {
                from_json(out, &ty, value).map_err(|e| format!("at {n}: {e}"))?;
            }
        }
        Type::Record(ty) => {
            let Some(map) = value.as_object() else {
                return Err(format!("{value} is not an object"));
            };
            if let Some(unknown) = map
                .keys()
                .find(|key| ty.fields().all(|field| field.name != *key))
            {
                return Err(format!("there is no field `{unknown}`"));
            }
            for field in ty.fields() {
                match (map.get(field.name), &field.ty) {
                    (Some(value), ty) => from_json(out, ty, value)
                        .map_err(|e| format!("in `{}`: {e}", field.name))?,
                    // A field that may be absent may be left out.
                    (None, Type::Option(_)) => out.push(0),
                    (None, _) => return Err(format!("the field `{}` is missing", field.name)),
                }
            }
        }
        Type::Tuple(ty) => {
            let values = array(value)?;
            if values.len() != ty.types().len() {
                return Err(format!(
                    "{} values are given, not {}",
                    values.len(),
                    ty.types().len()
                ));
            }
            for (n, (ty, value)) in ty.types().zip(values).enumerate() {
                from_json(out, &ty, value).map_err(|e| format!("at {n}: {e}"))?;
            }
        }
        Type::Variant(ty) => {
            let (name, value) = case(value)?;
            match ty.cases().enumerate().find(|(_, case)| case.name == name) {
                Some((n, case)) => {
                    wire::put_unsigned(out, n as u64);
                    payload(out, name, case.ty.as_ref(), value)?;
                }
                None => return Err(format!("there is no case `{name}`")),
            }
        }
        Type::Enum(ty) => {
            let name = text(value)?;
            match ty.names().position(|n| n == name) {
                Some(n) => wire::put_unsigned(out, n as u64),
                None => return Err(format!("there is no case `{name}`")),
            }
        }
        Type::Option(ty) => {
            let ty = ty.ty();
            let inner = match value {
                Value::Null => None,
                value if is_nullable(&ty) => {
                    match value.as_object().and_then(|map| map.get("some")) {
                        Some(inner) => Some(inner),
                        None => {
                            return Err(format!("{value} is neither null nor {{\"some\": value}}"));
                        }
                    }
                }
                value => Some(value),
            };
            out.push(inner.is_some().into());
            if let Some(inner) = inner {
                from_json(out, &ty, inner)?;
            }
        }
        Type::Result(ty) => {
            let (name, value) = case(value)?;
            let (is_err, ty) = match name {
                "ok" => (false, ty.ok()),
                "err" => (true, ty.err()),
                _ => return Err(format!("`{name}` is neither `ok` nor `err`")),
            };
            out.push(is_err.into());
            payload(out, name, ty.as_ref(), value)?;
        }
        Type::Flags(ty) => {
            let start = out.len();
            out.resize(start + wire::flag_bytes(ty.names().len()), 0);
            for value in array(value)? {
                let name = text(value)?;
                match ty.names().position(|n| n == name) {
                    Some(n) => out[start + n / 8] |= 1 << (n % 8),
                    None => return Err(format!("there is no flag `{name}`")),
                }
            }
        }
        Type::Own(_) | Type::Borrow(_) => {
            let hex = value
                .get("handle")
                .and_then(Value::as_str)
                .and_then(from_hex);
            match hex {
                Some(bytes) => wire::put_byte_string(out, &bytes),
                None => return Err(format!("{value} is not {{\"handle\": \"hex digits\"}}")),
            }
        }
        other => return Err(format!("a {} has no text form", type_name(other))),
    }
    Ok(())
}

/// Whether null can be a value of this type.
fn is_nullable(ty: &Type) -> bool {
    matches!(ty, Type::Option(_))
}

pub(super) fn to_json(
    reader: &mut Reader<'_>,
    ty: &Type,
) -> std::result::Result<Value, EncodingError> {
    Ok(match ty {
        Type::Bool => reader.bool()?.into(),
        Type::U8 => reader.byte()?.into(),
        Type::S8 => (reader.byte()? as i8).into(),
        Type::U16 => reader.u16()?.into(),
        Type::U32 => reader.u32()?.into(),
        Type::U64 => reader.u64()?.into(),
        Type::S16 => reader.s16()?.into(),
        Type::S32 => reader.s32()?.into(),
        Type::S64 => reader.s64()?.into(),
        Type::Float32 => {
            let value = f32::from_bits(reader.f32_bits()?);
            // By its shortest decimal form, not by the digits of the wider float.
            float_to_json(value.to_string().parse().unwrap_or(f64::from(value)))
        }
        Type::Float64 => float_to_json(f64::from_bits(reader.f64_bits()?)),
        Type::Char => reader.char()?.to_string().into(),
        Type::String => reader.string()?.into(),
        Type::List(ty) => {
            let ty = ty.ty();
            let len = reader.list_len(vals::min_bytes(&ty))?;
            let mut values = Vec::new();
            for _ in 0..len {
                values.push(to_json(reader, &ty)?);
            }
            Value::Array(values)
        }
        Type::Record(ty) => {
            let mut map = Map::new();
            for field in ty.fields() {
                map.insert(field.name.to_owned(), to_json(reader, &field.ty)?);
            }
            Value::Object(map)
        }
        Type::Tuple(ty) => {
            let values: std::result::Result<_, _> =
                ty.types().map(|ty| to_json(reader, &ty)).collect();
            Value::Array(values?)
        }
        Type::Variant(ty) => {
            let n = reader.case(ty.cases().len())? as usize;
            match ty.cases().nth(n) {
                Some(case) => match case.ty {
                    Some(ty) => one(case.name, to_json(reader, &ty)?),
                    None => case.name.into(),
                },
                None => reader.error("a case does not exist")?,
            }
        }
        Type::Enum(ty) => {
            let n = reader.case(ty.names().len())? as usize;
            ty.names().nth(n).unwrap_or_default().into()
        }
        Type::Option(ty) => match reader.either()? {
            false => Value::Null,
            true if is_nullable(&ty.ty()) => one("some", to_json(reader, &ty.ty())?),
            true => to_json(reader, &ty.ty())?,
        },
        Type::Result(ty) => {
            let (name, ty) = match reader.either()? {
                false => ("ok", ty.ok()),
                true => ("err", ty.err()),
            };
            match ty {
                Some(ty) => one(name, to_json(reader, &ty)?),
                None => one(name, Value::Null),
            }
        }
        Type::Flags(ty) => {
            let bytes = reader.flags(ty.names().len())?;
            let set = ty
                .names()
                .enumerate()
                .filter(|(n, _)| bytes[n / 8] >> (n % 8) & 1 == 1);
            Value::Array(set.map(|(_, name)| name.into()).collect())
        }
        Type::Own(_) | Type::Borrow(_) => {
            let hex: String = reader
                .byte_string()?
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            one("handle", hex.into())
        }
        other => reader.error(format!("a {} has no text form", type_name(other)))?,
    })
}

fn one(name: &str, value: Value) -> Value {
    Value::Object(Map::from_iter([(name.to_owned(), value)]))
}

fn float_to_json(value: f64) -> Value {
    match Number::from_f64(value) {
        Some(number) => Value::Number(number),
        None if value.is_nan() => "nan".into(),
        None if value > 0.0 => "inf".into(),
        None => "-inf".into(),
    }
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |b: &u8| (*b as char).to_digit(16).map(|d| d as u8);
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs
        .iter()
        .map(|[a, b]| Some(digit(a)? << 4 | digit(b)?))
        .collect();
    if rest.is_empty() { bytes } else { None }
}
