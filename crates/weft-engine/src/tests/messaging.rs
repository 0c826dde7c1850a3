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
