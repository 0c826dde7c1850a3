// SPDX-License-Identifier: Apache-2.0
//! Messages of 0.3.0 and what they are on the wire.

use super::*;
use crate::error::Code;
use crate::messaging::HANDLER;

const IMPORTS: &str = r#"{"imports": ["*"]}"#;

/// A `broker-message`; every text in it is short.
fn message(topic: &str, data: &str, reply_to: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |text: &str| {
        out.push(u8::try_from(text.len()).expect("a short text"));
        out.extend_from_slice(text.as_bytes());
    };
    put(topic);
    put(data);
    match reply_to {
        None => out.push(0),
        Some(topic) => {
            out.push(1);
            out.push(topic.len() as u8);
            out.extend_from_slice(topic.as_bytes());
        }
    }
    out
}

#[test]
fn a_message_is_handled_and_its_reply_is_published() {
    let engine = engine();
    let guest = prepare(&engine, &app("topics"), IMPORTS);
    let mut call = start(&guest, HANDLER, &message("in", "say hello", Some("back")));
    let mut asked = Vec::new();
    let outcome = run_with(&mut call, &guest, |name, params| {
        asked.push((name.to_owned(), params.to_vec()));
        Ok(vec![0])
    });
    assert_eq!(outcome.expect("it is handled"), [0]);
    let publish = "wasmcloud:messaging/request-reply@0.3.0#publish".to_owned();
    assert_eq!(asked, [(publish, message("back", "hello", None))]);
}

#[test]
fn what_goes_wrong_with_the_answer_is_the_guests_to_tell() {
    let engine = engine();
    let guest = prepare(&engine, &app("topics"), IMPORTS);
    for (answer, reply_to, expected) in [
        (
            Err("nobody is there".to_owned()),
            Some("back"),
            "nobody is there",
        ),
        (Ok(b"\x01\x03why".to_vec()), Some("back"), "why"),
        (Ok(b"\x07".to_vec()), Some("back"), "does not decode"),
        (Ok(vec![0]), None, "expects no reply"),
    ] {
        let mut call = start(&guest, HANDLER, &message("in", "say hello", reply_to));
        let outcome = run_with(&mut call, &guest, |_, _| answer.clone());
        let told = outcome.expect("an error is a result");
        assert_eq!(told.first(), Some(&1));
        let text = String::from_utf8_lossy(&told[2..]).into_owned();
        assert!(text.contains(expected), "{text}");
    }
}

#[test]
fn bytes_that_are_no_message_are_malformed() {
    let engine = engine();
    let guest = prepare(&engine, &app("topics"), IMPORTS);
    for params in [&b""[..], &[5, b'a'], &[1, 0xff, 0, 0]] {
        let mut call = start(&guest, HANDLER, params);
        let error = failure(run(&mut call, &guest));
        assert_eq!(error.code, Code::Malformed, "{params:?}: {error}");
        assert!(error.message.contains("parameters"), "{error}");
    }
}

#[test]
fn the_handlers_own_types_are_not_those_of_a_call() {
    let engine = engine();
    let guest = prepare(&engine, &app("topics"), IMPORTS);
    let refused = guest.export_signature(HANDLER).err().expect("refused");
    assert_eq!(refused.code, Code::Unsupported);
}

#[test]
fn a_guest_that_knows_streams_takes_messages_too() {
    let wat = r#"(component
        (import "a:b/c" (instance (type $s (stream u8)) (export "give" (func (param "it" $s)))))
        (import "wasmcloud:messaging/types@0.3.0" (instance $types
            (export "message" (type (sub resource)))
            (type $why (variant (case "timeout") (case "connection" string) (case "permission-denied" string) (case "other" string)))
            (export "error" (type (eq $why)))))
        (alias export $types "message" (type $message))
        (alias export $types "error" (type $error))
        (core module $code
            (memory (export "memory") 1)
            (data (i32.const 64) "\01\00\00\00\03\00\00\00\20\00\00\00\03\00\00\00")
            (data (i32.const 32) "why")
            (func (export "handle") (param i32) (result i32) i32.const 64))
        (core instance $made (instantiate $code))
        (func $handle (param "message" (own $message)) (result (result (error $error)))
            (canon lift (core func $made "handle") (memory $made "memory")))
        (instance $handler (export "handle" (func $handle)))
        (export "wasmcloud:messaging/incoming-handler@0.3.0" (instance $handler)))"#;
    let engine = engine();
    let guest = prepare(&engine, &wat::parse_str(wat).expect("a component"), IMPORTS);
    let mut call = start(&guest, HANDLER, &message("in", "hello", None));
    let told = run(&mut call, &guest).expect("an error is a result");
    assert_eq!(told, b"\x01\x03why");
    let mut call = start(&guest, HANDLER, b"\x05a");
    let error = failure(run(&mut call, &guest));
    assert_eq!(error.code, Code::Malformed, "{error}");
}
