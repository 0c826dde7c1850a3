// SPDX-License-Identifier: Apache-2.0
//! Values as people write and read them: WAVE text or JSON, to and from encoded bytes, by the types of an export.
//!
//! How JSON says each value stands in json.rs.
//! Does not do: resources in WAVE, which has no form for them.

mod json;
mod show;

use serde_json::Value;
use wasmtime::component::Val;
use wasmtime::component::types::ComponentFunc;

use crate::error::{Code, Error, Result};
use crate::transcode::ExportPlan;
use crate::transcode::vals::{self, type_name};
use crate::transcode::wire::Reader;
use json::{from_json, to_json};
pub use show::{Seen, Signature};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Wave,
    Json,
}

/// Text nested deeper than this is refused before it is parsed.
const MAX_NESTING: usize = 120;

/// The encoded parameters of a call of `plan` with these arguments, one text for each parameter.
pub fn encode_args(plan: &ExportPlan, arguments: &[String], format: Format) -> Result<Vec<u8>> {
    // Said before the call: its streams would wait for a reader.
    if !plan.param_paths().is_empty() || !plan.result_paths().is_empty() {
        return Err(Error::new(
            Code::InvalidArgument,
            format!(
                "`{}` has streams or futures, which have no text form",
                plan.name()
            ),
        )
        .hint("call it from a component"));
    }
    encode_params(plan.name(), plan.ty(), arguments, format)
}

/// The text of encoded results of `plan`; empty if it has none.
pub fn decode_results(plan: &ExportPlan, results: &[u8], format: Format) -> Result<String> {
    decode_values(plan.name(), plan.ty(), results, format)
}

fn encode_params(
    function: &str,
    ty: &ComponentFunc,
    arguments: &[String],
    format: Format,
) -> Result<Vec<u8>> {
    let params: Vec<_> = ty.params().collect();
    if params.len() != arguments.len() {
        let wanted: Vec<_> = params
            .iter()
            .map(|(name, ty)| format!("{name}: {}", type_name(ty)))
            .collect();
        return Err(Error::new(
            Code::InvalidArgument,
            format!(
                "`{function}` takes {} arguments, {} are given",
                params.len(),
                arguments.len()
            ),
        )
        .hint(format!("its parameters are ({})", wanted.join(", "))));
    }
    let mut out = Vec::new();
    for ((name, ty), text) in params.iter().zip(arguments) {
        let wrong = |why: String| {
            Error::new(
                Code::InvalidArgument,
                format!("the argument `{name}` is not a {}: {why}", type_name(ty)),
            )
            .hint(match format {
                Format::Wave => "write it as WAVE, for example \"text\", 12, [1, 2], {field: 1}, some(1), ok(\"x\")",
                Format::Json => "write it as JSON",
            })
        };
        if nesting(text) > MAX_NESTING {
            return Err(wrong("it is nested too deep".to_owned()));
        }
        match format {
            Format::Wave => {
                let value = Val::from_wave(ty, text.trim()).map_err(|e| wrong(format!("{e:#}")))?;
                vals::encode(&mut out, ty, &value).map_err(|e| wrong(format!("{e:#}")))?;
            }
            Format::Json => {
                let value: Value = serde_json::from_str(text).map_err(|e| wrong(e.to_string()))?;
                from_json(&mut out, ty, &value).map_err(wrong)?;
            }
        }
    }
    Ok(out)
}

fn decode_values(
    function: &str,
    ty: &ComponentFunc,
    results: &[u8],
    format: Format,
) -> Result<String> {
    let mut reader = Reader::new(results);
    let mut texts = Vec::new();
    for ty in ty.results() {
        let wrong = |why: String| {
            Error::new(
                Code::Malformed,
                format!(
                    "the result of `{function}` is not a {}: {why}",
                    type_name(&ty)
                ),
            )
        };
        texts.push(match format {
            Format::Wave => {
                let value = vals::decode(&mut reader, &ty).map_err(|e| wrong(format!("{e:#}")))?;
                value.to_wave().map_err(|e| wrong(format!("{e:#}")))?
            }
            Format::Json => to_json(&mut reader, &ty)
                .map_err(|e| wrong(e.to_string()))?
                .to_string(),
        });
    }
    Ok(texts.join("\n"))
}

fn nesting(text: &str) -> usize {
    let (mut depth, mut most) = (0usize, 0);
    for c in text.bytes() {
        match c {
            b'(' | b'[' | b'{' => {
                depth += 1;
                most = most.max(depth);
            }
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    most
}

#[cfg(test)]
mod tests {
    use super::*;
    use wasmtime::Engine;
    use wasmtime::component::Component;
    use wasmtime::component::types::ComponentItem;

    /// A function of these parameter and result types.
    pub(super) fn function(params: &[&str], result: &str) -> ComponentFunc {
        let params: Vec<_> = params
            .iter()
            .enumerate()
            .map(|(n, ty)| format!("(param \"p{n}\" {ty})"))
            .collect();
        let wat = format!(
            r#"(component
                (type $r' (record (field "name" string) (field "age" (option u8))))
                (import "r" (type $r (eq $r')))
                (type $v' (variant (case "none") (case "num" u32)))
                (import "v" (type $v (eq $v')))
                (type $e' (enum "red" "green"))
                (import "e" (type $e (eq $e')))
                (type $g' (flags "a" "b" "c"))
                (import "g" (type $g (eq $g')))
                (import "f" (func {params} (result {result}))))"#,
            params = params.join(" "),
        );
        let engine = Engine::default();
        let component = Component::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
        let ty = component.component_type();
        match ty.get_import(&engine, "f").unwrap().ty {
            ComponentItem::ComponentFunc(ty) => ty,
            _ => unreachable!(),
        }
    }

    /// The same bytes from either text, and the same text from the bytes, also where calls are watched.
    fn check(ty: &str, wave: &str, json: &str, bytes: &[u8]) {
        let func = function(&[ty], ty);
        for (format, text) in [(Format::Wave, wave), (Format::Json, json)] {
            let got = encode_params("f", &func, &[text.to_owned()], format).unwrap();
            assert_eq!(got, bytes, "{ty} {text}");
            assert_eq!(
                decode_values("f", &func, bytes, format).unwrap(),
                text,
                "{ty}"
            );
        }
        let seen = Seen {
            bytes,
            is_cut: false,
        };
        let signature = Signature::new("f", func, false);
        assert_eq!(signature.show_results(seen, 1000).unwrap(), wave, "{ty}");
        assert_eq!(
            signature.show_params(seen, 1000).unwrap(),
            format!("p0: {wave}"),
            "{ty}"
        );
    }

    #[test]
    fn every_kind_of_value_has_two_texts() {
        check("bool", "true", "true", &[1]);
        check("u32", "300", "300", &[0xac, 2]);
        check("s64", "-1", "-1", &[0x7f]);
        check(
            "u64",
            "18446744073709551615",
            "18446744073709551615",
            &[255, 255, 255, 255, 255, 255, 255, 255, 255, 1],
        );
        check("f64", "-2.25", "-2.25", &[0, 0, 0, 0, 0, 0, 2, 0xc0]);
        check("f32", "nan", "\"nan\"", &[0, 0, 0xc0, 0x7f]);
        check("f32", "-inf", "\"-inf\"", &[0, 0, 0x80, 0xff]);
        check("char", "'é'", "\"é\"", &[0xc3, 0xa9]);
        check("string", "\"hello\"", "\"hello\"", b"\x05hello");
        check(
            "(list u32)",
            "[1, 300, 0]",
            "[1,300,0]",
            &[3, 1, 0xac, 2, 0],
        );
        check(
            "(tuple u8 string)",
            "(1, \"x\")",
            "[1,\"x\"]",
            &[1, 1, b'x'],
        );
        check("(option u32)", "some(300)", "300", &[1, 0xac, 2]);
        check("(option u32)", "none", "null", &[0]);
        check(
            "(option (option u8))",
            "some(none)",
            "{\"some\":null}",
            &[1, 0],
        );
        check(
            "(result u8 (error string))",
            "err(\"no\")",
            "{\"err\":\"no\"}",
            &[1, 2, b'n', b'o'],
        );
        check("(result)", "ok", "{\"ok\":null}", &[0]);
        check("$v", "num(7)", "{\"num\":7}", &[1, 7]);
        check("$v", "%none", "\"none\"", &[0]);
        check("$e", "green", "\"green\"", &[1]);
        check("$g", "{a, c}", "[\"a\",\"c\"]", &[5]);
        check(
            "$r",
            "{name: \"x\", age: some(3)}",
            "{\"age\":3,\"name\":\"x\"}",
            &[1, b'x', 1, 3],
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let func = function(&["u8", "$r"], "u8");
        let encode = |a: &str, b: &str, format| {
            encode_params("f", &func, &[a.to_owned(), b.to_owned()], format)
                .unwrap_err()
                .message
        };
        assert!(encode("300", "{name: \"x\"}", Format::Wave).contains("`p0` is not a u8"));
        assert!(encode("1", "{\"nam\": 1}", Format::Json).contains("there is no field `nam`"));
        assert!(encode("1", "{\"age\": 1}", Format::Json).contains("the field `name` is missing"));
        assert!(
            encode("1", "{\"name\": 1}", Format::Json).contains("in `name`: 1 is not a string")
        );
        assert!(encode(&"(".repeat(100_000), "", Format::Wave).contains("nested"));
        let error = encode_params("f", &func, &[], Format::Wave).unwrap_err();
        assert!(error.message.contains("takes 2 arguments") && error.hint.contains("p0: u8"));
        assert_eq!(
            decode_values("f", &func, &[], Format::Wave)
                .unwrap_err()
                .code,
            Code::Malformed
        );
    }
}
