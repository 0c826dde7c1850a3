// SPDX-License-Identifier: Apache-2.0
//! That include/weft_engine.h agrees with ffi.rs and the files in ffi/: what Rust says of the border is written as C behind the header, and the C
//! compiler is asked whether it says the same. Sizes and offsets come from the compiled structs, prototypes from the text of those files.

use super::calls::{
    BODY_DATA, BODY_END, BODY_ERROR, BODY_PENDING, BODY_TRAILERS, IMPORT_ASYNC, IMPORT_RPC_ERROR,
};
use super::outgoing::{HTTP_CANCELLED, HTTP_NONE, HTTP_REQUEST, HTTP_WANTS_BODY};
use super::signatures::{PARAMS, RESULTS};
use super::streams::{STREAM_DROPPED, STREAM_LEFT, STREAM_NONE, STREAM_READABLE, STREAM_WANTED};
use super::*;
use crate::waker::RawWaker;
use crate::{call, logs};
use std::collections::BTreeSet;
use std::io::Write as _;
use std::mem::{align_of, offset_of, size_of};
use std::process::{Command, Stdio};

const HEADER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/include/weft_engine.h");
const RUST: [&str; 5] = [
    include_str!("../ffi.rs"),
    include_str!("calls.rs"),
    include_str!("outgoing.rs"),
    include_str!("signatures.rs"),
    include_str!("streams.rs"),
];

/// The C name of each type that crosses.
const TYPES: [(&str, &str); 21] = [
    ("RawBytes", "weft_bytes"),
    ("RawHeader", "weft_header"),
    ("RawEngineConfig", "weft_engine_config"),
    ("RawHttpRequest", "weft_http_request"),
    ("RawOutgoing", "weft_outgoing_request"),
    ("RawStats", "weft_call_stats"),
    ("RawString", "weft_string"),
    ("RawWaker", "weft_waker"),
    ("FfiPrepared", "weft_prepared"),
    ("FfiFunc", "weft_func"),
    ("FfiCall", "weft_call"),
    ("Engine", "weft_engine"),
    ("Component", "weft_component"),
    ("Lane", "weft_lane"),
    ("Signature", "weft_signature"),
    ("Error", "weft_error"),
    ("u16", "uint16_t"),
    ("u32", "uint32_t"),
    ("i32", "int32_t"),
    ("u64", "uint64_t"),
    ("usize", "size_t"),
];

fn c_type(rust: &str) -> String {
    if let Some(target) = rust.strip_prefix("*const ") {
        let target = c_type(target);
        // `const` stands behind what it belongs to, so that it can be told of pointers too.
        return format!("{target} const*");
    }
    if let Some(target) = rust.strip_prefix("*mut ") {
        return format!("{}*", c_type(target));
    }
    match rust {
        "bool" => "bool".into(),
        "c_char" => "char".into(),
        _ => match TYPES.iter().find(|(name, _)| *name == rust) {
            Some((_, c)) => (*c).into(),
            None => panic!("ffi.rs passes a `{rust}`, for which this test knows no C type"),
        },
    }
}

struct Function {
    name: String,
    prototype: String,
}

/// Every function that the border offers to C.
fn functions() -> Vec<Function> {
    let offered = RUST
        .iter()
        .flat_map(|file| file.split("#[unsafe(no_mangle)]").skip(1));
    offered
        .map(|text| {
            let (_, text) = text
                .split_once("extern \"C\" fn ")
                .expect("a function of C");
            let (name, text) = text.split_once('(').expect("parameters");
            let (params, text) = text.split_once(')').expect("an end of parameters");
            let (result, _) = text.split_once('{').expect("a body");
            let params: Vec<_> = params
                .split(',')
                .map(str::trim)
                .filter(|param| !param.is_empty())
                .map(|param| c_type(param.split_once(':').expect("a type").1.trim()))
                .collect();
            let result = match result.trim().strip_prefix("->") {
                Some(result) => c_type(result.trim()),
                None => "void".into(),
            };
            let params = if params.is_empty() {
                "void".into()
            } else {
                params.join(", ")
            };
            Function {
                name: name.into(),
                prototype: format!("{result} {name}({params});"),
            }
        })
        .collect()
}

/// What the header declares as functions: a name of ours that an argument list follows, outside of comments.
fn declared() -> BTreeSet<String> {
    let header = std::fs::read_to_string(HEADER).expect("the header");
    let mut code = String::new();
    let mut rest = header.as_str();
    while let Some((before, comment)) = rest.split_once("/*") {
        code.push_str(before);
        rest = comment.split_once("*/").expect("an end of the comment").1;
    }
    code.push_str(rest);
    code.split('(')
        .filter_map(|before| {
            let start = before.rfind(|c: char| !(c.is_alphanumeric() || c == '_'))? + 1;
            let name = &before[start..];
            name.starts_with("weft_").then(|| name.to_owned())
        })
        .collect()
}

fn field_size<T, F>(_: impl Fn(&T) -> &F) -> usize {
    size_of::<F>()
}

/// Assertions in C of a struct's size and of the place and size of each field.
macro_rules! layout {
    ($out:ident, $inits:ident, $rust:ident as $c:literal { $($field:ident),* }) => {{
        $out.push(format!("sizeof({}) == {}", $c, size_of::<$rust>()));
        $out.push(format!("_Alignof({}) == {}", $c, align_of::<$rust>()));
        $({
            let name = stringify!($field);
            $out.push(format!("offsetof({}, {name}) == {}", $c, offset_of!($rust, $field)));
            $out.push(format!("sizeof((({}*)0)->{name}) == {}", $c, field_size(|it: &$rust| &it.$field)));
        })*
        // A field that only one side has may hide in padding: Rust refuses a pattern, and C an initialiser, that misses one.
        let _ = |it: $rust| { let $rust { $($field: _),* } = &it; };
        let zeros = [$(concat!("{0 /* ", stringify!($field), " */}")),*].join(", ");
        $inits.push(format!("extern {0} {0}_zero; {0} {0}_zero = {{{zeros}}};", $c));
    }};
}

fn layouts() -> (Vec<String>, Vec<String>) {
    let (mut out, mut inits) = (Vec::new(), Vec::new());
    layout!(out, inits, RawBytes as "weft_bytes" { data, len });
    layout!(out, inits, RawHeader as "weft_header" { name, value });
    layout!(out, inits, RawEngineConfig as "weft_engine_config" { max_instances, max_memory_bytes, cache_dir });
    layout!(out, inits, RawWaker as "weft_waker" { context, wake, drop });
    layout!(out, inits, RawHttpRequest as "weft_http_request" {
        method, scheme, authority, path_and_query, headers, header_count, has_body
    });
    layout!(out, inits, RawOutgoing as "weft_outgoing_request" {
        method, scheme, authority, path_and_query, headers, header_count, connect_timeout_nanos, first_byte_timeout_nanos,
        between_bytes_timeout_nanos, has_body
    });
    layout!(out, inits, RawStats as "weft_call_stats" { cpu_nanos, peak_memory_bytes, host_calls });
    (out, inits)
}

fn constants() -> Vec<String> {
    [
        ("WEFT_CALL_DONE", call::DONE),
        ("WEFT_CALL_AGAIN", call::AGAIN),
        ("WEFT_CALL_HEAD", call::HEAD),
        ("WEFT_CALL_WANTS_BODY", call::WANTS_BODY),
        ("WEFT_CALL_LOG", call::LOG),
        ("WEFT_CALL_IMPORT", call::IMPORT),
        ("WEFT_CALL_YIELDED", call::YIELDED),
        ("WEFT_CALL_HTTP", call::HTTP),
        ("WEFT_CALL_STREAM", call::STREAM),
        ("WEFT_CALL_RESULT", call::RESULT),
        ("WEFT_STREAM_NONE", STREAM_NONE),
        ("WEFT_STREAM_READABLE", STREAM_READABLE),
        ("WEFT_STREAM_WANTED", STREAM_WANTED),
        ("WEFT_STREAM_DROPPED", STREAM_DROPPED),
        ("WEFT_STREAM_LEFT", STREAM_LEFT),
        ("WEFT_HTTP_NONE", HTTP_NONE),
        ("WEFT_HTTP_REQUEST", HTTP_REQUEST),
        ("WEFT_HTTP_WANTS_BODY", HTTP_WANTS_BODY),
        ("WEFT_HTTP_CANCELLED", HTTP_CANCELLED),
        ("WEFT_BODY_PENDING", BODY_PENDING),
        ("WEFT_BODY_DATA", BODY_DATA),
        ("WEFT_BODY_TRAILERS", BODY_TRAILERS),
        ("WEFT_BODY_END", BODY_END),
        ("WEFT_BODY_ERROR", BODY_ERROR),
        ("WEFT_IMPORT_RPC_ERROR", IMPORT_RPC_ERROR),
        ("WEFT_IMPORT_ASYNC", IMPORT_ASYNC),
        ("WEFT_PART_PARAMS", PARAMS),
        ("WEFT_PART_RESULTS", RESULTS),
    ]
    .map(|(name, value)| format!("{name} == {value}"))
    .into()
}

/// What the compiler says of `code` behind the header; empty if all is well.
fn compile(code: &str) -> String {
    let compiler = std::env::var("WEFT_CC").unwrap_or_else(|_| "clang-19".into());
    let mut child = Command::new(&compiler)
        .args([
            "-x",
            "c",
            "-std=c17",
            "-Wall",
            "-Wextra",
            "-Werror",
            "-Wno-braced-scalar-init",
            "-fsyntax-only",
            "-",
        ])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run {compiler} ({error}); WEFT_CC names another"));
    let mut input = child.stdin.take().expect("piped");
    write!(input, "#include \"{HEADER}\"\n{code}\n").expect("the compiler reads");
    drop(input);
    let output = child.wait_with_output().expect("the compiler ends");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.success(), said.is_empty(), "{said}");
    said
}

#[test]
fn structs_and_constants_are_the_same_in_c() {
    let (mut claims, mut code) = layouts();
    claims.extend(constants());
    code.extend(
        claims
            .iter()
            .map(|claim| format!("_Static_assert({claim}, \"\");")),
    );
    assert_eq!(compile(&code.join("\n")), "");
    let header = std::fs::read_to_string(HEADER).expect("the header");
    for name in header.split(|c: char| !(c.is_alphanumeric() || c == '_')) {
        let of_ours = ["WEFT_CALL_", "WEFT_BODY_", "WEFT_IMPORT_", "WEFT_HTTP_"]
            .iter()
            .any(|prefix| name.starts_with(prefix));
        let claimed = claims
            .iter()
            .any(|claim| claim.split(' ').next() == Some(name));
        assert!(!of_ours || claimed, "{name} is in the header only");
    }
}

#[test]
fn functions_are_the_same_in_c() {
    let functions = functions();
    let prototypes: Vec<_> = functions.iter().map(|f| f.prototype.as_str()).collect();
    assert_eq!(compile(&prototypes.join("\n")), "");
    let offered: BTreeSet<_> = functions.into_iter().map(|f| f.name).collect();
    assert!(offered.len() > 30, "{offered:?}");
    assert_eq!(offered, declared());
}

#[test]
fn a_drift_is_told() {
    assert!(compile("_Static_assert(sizeof(weft_bytes) == 1, \"\");").contains("assert"));
    assert!(compile("extern weft_bytes b; weft_bytes b = {{0}};").contains("missing field"));
    assert!(compile("extern weft_bytes b; weft_bytes b = {{0}, {0}, {0}};").contains("excess"));
    assert!(compile("uint64_t weft_call_poll(weft_call* call);").contains("conflicting types"));
}

/// The numbers of weft::Errc, by their names in its own header.
#[test]
fn error_codes_are_those_of_weft() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../include/weft/error.hpp");
    let header = std::fs::read_to_string(path).expect("error.hpp");
    for (name, code) in [
        ("internal", Code::Internal),
        ("invalid_argument", Code::InvalidArgument),
        ("not_found", Code::NotFound),
        ("not_granted", Code::NotGranted),
        ("unsupported", Code::Unsupported),
        ("malformed", Code::Malformed),
        ("resource_exhausted", Code::ResourceExhausted),
        ("trap", Code::Trap),
        ("guest_exit", Code::GuestExit),
        ("io", Code::Io),
        ("type_mismatch", Code::TypeMismatch),
    ] {
        let line = format!("  {name} = {},", code as u16);
        assert!(header.contains(&line), "error.hpp has no `{line}`");
    }
}

/// The header gives these numbers in words.
#[test]
fn numbers_told_in_words_are_the_same() {
    let header = std::fs::read_to_string(HEADER).expect("the header");
    assert_eq!(
        (logs::Stream::Stdout as u32, logs::Stream::Stderr as u32),
        (1, 2)
    );
    assert!(header.contains("stream 1: stdout, 2: stderr"));
    assert!(matches!(
        (format(0), format(1)),
        (Ok(Format::Wave), Ok(Format::Json))
    ));
    assert!(header.contains("format 0: WAVE, 1: JSON"));
}
