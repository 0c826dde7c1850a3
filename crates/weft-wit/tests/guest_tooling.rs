// SPDX-License-Identifier: Apache-2.0
//! Bindings and components, through the Rust functions and through the C ABI.

use std::ffi::{CStr, CString, c_char};
use std::path::{Path, PathBuf};
use std::ptr;

use weft_wit::capi::*;
use weft_wit::{Adapter, Options, bindgen_c, componentize, write_bindings};

const PREVIEW1_WRITER: &str = r#"(module
    (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))
    (memory (export "memory") 1)
    START)"#;

fn wasi() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../wit/wasi")
}

/// A folder of its own under cargo's folder for tests, empty.
fn scratch(name: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&path);
    std::fs::create_dir_all(&path).unwrap();
    path
}

fn wit(name: &str, text: &str) -> PathBuf {
    let path = scratch(name).join("world.wit");
    std::fs::write(&path, text).unwrap();
    path
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

fn with(wit: &Path, world: &str, adapter: Adapter) -> Options {
    Options {
        adapter,
        world: Some((wit.to_owned(), world.to_owned())),
    }
}

#[test]
fn makes_header_source_and_object() {
    let files = bindgen_c(&wasi(), "http-service").unwrap();
    let names: Vec<_> = files.iter().map(|file| file.name.as_str()).collect();
    assert_eq!(
        names,
        [
            "http_service.c",
            "http_service.h",
            "http_service_component_type.o"
        ]
    );
    assert!(contains(
        &files[1].bytes,
        "exports_wasi_http_incoming_handler_handle"
    ));
    assert_eq!(&files[2].bytes[..4], b"\0asm");
}

#[test]
fn finds_a_world_of_a_dependency_by_its_full_name() {
    assert!(bindgen_c(&wasi(), "wasi:cli/command@0.2.12").is_ok());
}

#[test]
fn leaves_unchanged_files_alone() {
    let out = scratch("unchanged");
    let paths = write_bindings(&wasi(), "http-service", &out).unwrap();
    let before: Vec<_> = paths
        .iter()
        .map(|path| path.metadata().unwrap().modified().unwrap())
        .collect();
    write_bindings(&wasi(), "http-service", &out).unwrap();
    let after: Vec<_> = paths
        .iter()
        .map(|path| path.metadata().unwrap().modified().unwrap())
        .collect();
    assert_eq!(before, after);
}

#[test]
fn names_what_is_wrong_with_wit() {
    let missing = format!(
        "{:#}",
        bindgen_c(Path::new("no/such/folder"), "x").unwrap_err()
    );
    assert!(missing.contains("no/such/folder"), "{missing}");
    let world = format!("{:#}", bindgen_c(&wasi(), "no-such-world").unwrap_err());
    assert!(world.contains("no-such-world"), "{world}");
    let broken = wit("broken", "package a:b;\nworld w { import ; }\n");
    let broken = format!("{:#}", bindgen_c(&broken, "w").unwrap_err());
    assert!(broken.contains("world.wit:2"), "{broken}");
}

#[test]
fn makes_a_component_with_an_embedded_world() {
    let wit = wit(
        "plain",
        "package a:b;\nworld w { export add: func(a: u32, b: u32) -> u32; }\n",
    );
    let module = wat::parse_str(
        r#"(module (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1))))"#,
    )
    .unwrap();
    let component = componentize(&module, &with(&wit, "w", Adapter::Auto)).unwrap();
    assert!(wasmparser::Parser::is_component(&component));
    assert!(!contains(&component, "wasi:"));
}

#[test]
fn chooses_the_adapter_by_what_the_module_is() {
    let empty = wit("empty", "package a:b;\nworld w { }\n");
    let command = PREVIEW1_WRITER.replace("START", r#"(func (export "_start"))"#);
    let command = componentize(
        &wat::parse_str(command).unwrap(),
        &with(&empty, "w", Adapter::Auto),
    )
    .unwrap();
    assert!(contains(&command, "wasi:cli/run@"));

    let reactor =
        wat::parse_str(PREVIEW1_WRITER.replace("START", r#"(func (export "_initialize"))"#))
            .unwrap();
    let error = componentize(&reactor, &with(&empty, "w", Adapter::None)).unwrap_err();
    assert!(format!("{error:#}").contains("preview 1"), "{error:#}");
    let reactor = componentize(&reactor, &with(&empty, "w", Adapter::Auto)).unwrap();
    assert!(!contains(&reactor, "wasi:cli/run@"));
}

#[test]
fn refuses_what_is_no_core_module() {
    for (bytes, why) in [
        (b"".as_slice(), "not a core"),
        (b"hello", "not a core"),
        (b"\0asm\x0d\0\x01\0", "component already"),
        (b"\0asm\x01\0\0\0\x01\xff", "not a valid core"),
    ] {
        let error = format!(
            "{:#}",
            componentize(bytes, &Options::default()).unwrap_err()
        );
        assert!(error.contains(why), "{error}");
    }
}

#[test]
fn c_abi_makes_bindings_and_tells_errors() {
    let wit = CString::new(wasi().to_str().unwrap()).unwrap();
    let out = scratch("c-abi");
    let out_text = CString::new(out.to_str().unwrap()).unwrap();
    let mut error: *mut c_char = ptr::null_mut();
    unsafe {
        assert_eq!(
            weft_wit_bindgen(
                wit.as_ptr(),
                c"command".as_ptr(),
                out_text.as_ptr(),
                &mut error
            ),
            0
        );
        assert!(error.is_null());
        assert!(out.join("command.h").exists());

        assert_eq!(
            weft_wit_bindgen(
                wit.as_ptr(),
                c"nope".as_ptr(),
                out_text.as_ptr(),
                &mut error
            ),
            1
        );
        assert!(CStr::from_ptr(error).to_str().unwrap().contains("nope"));
        weft_wit_free_string(error);

        assert_eq!(
            weft_wit_bindgen(ptr::null(), ptr::null(), out_text.as_ptr(), &mut error),
            2
        );
        weft_wit_free_string(error);
        assert_eq!(
            weft_wit_bindgen(
                wit.as_ptr(),
                c"\xff".as_ptr(),
                out_text.as_ptr(),
                ptr::null_mut()
            ),
            2
        );
    }
}

#[test]
fn c_abi_makes_components_and_tells_errors() {
    let path = wit("c-abi-new", "package a:b;\nworld w { }\n");
    let path = CString::new(path.to_str().unwrap()).unwrap();
    let module = wat::parse_str("(module)").unwrap();
    let mut out: *mut u8 = ptr::null_mut();
    let mut len = 0;
    let mut error: *mut c_char = ptr::null_mut();
    unsafe {
        let status = weft_wit_new(
            module.as_ptr(),
            module.len(),
            0,
            path.as_ptr(),
            c"w".as_ptr(),
            &mut out,
            &mut len,
            &mut error,
        );
        assert_eq!((status, error.is_null()), (0, true));
        assert!(wasmparser::Parser::is_component(
            std::slice::from_raw_parts(out, len)
        ));
        weft_wit_free_bytes(out, len);

        let status = weft_wit_new(
            module.as_ptr(),
            module.len(),
            9,
            path.as_ptr(),
            ptr::null(),
            &mut out,
            &mut len,
            &mut error,
        );
        assert_eq!((status, out.is_null(), len), (2, true, 0));
        weft_wit_free_string(error);

        let status = weft_wit_new(
            b"x".as_ptr(),
            1,
            0,
            ptr::null(),
            ptr::null(),
            &mut out,
            &mut len,
            &mut error,
        );
        assert_eq!((status, out.is_null(), len), (1, true, 0));
        weft_wit_free_string(error);
        weft_wit_free_bytes(ptr::null_mut(), 0);
        weft_wit_free_string(ptr::null_mut());
    }
}
