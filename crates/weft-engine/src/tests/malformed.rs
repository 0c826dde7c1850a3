// SPDX-License-Identifier: Apache-2.0
//! Bytes that are no encoding of their types are somebody's mistake, and never a trap of the guest.

use super::*;
use crate::error::Code;

#[test]
fn parameters_that_do_not_decode_are_malformed() {
    let engine = engine();
    let callee = prepare(&engine, &app("values-callee"), "{}");
    for (function, params) in [
        ("echo-u8", &b""[..]),
        ("echo-bool", &[2]),
        ("echo-string", &[5, b'a']),
        ("echo-string", &[1, 0xff]),
        ("echo-color", &[4]),
        ("echo-list-u64", &[0xff, 0xff, 0xff, 0xff, 0x0f]),
        ("sum17", &[0; 16]),
    ] {
        let mut call = start(&callee, &format!("weft:values/echo#{function}"), params);
        let error = failure(run(&mut call, &callee));
        assert_eq!(error.code, Code::Malformed, "{function}: {error}");
        assert!(error.message.contains("parameters"), "{error}");
        assert!(!error.hint.is_empty(), "{error}");
    }
}

#[test]
fn an_answer_that_does_not_decode_is_malformed_and_told_from_parameters() {
    let engine = engine();
    let caller = prepare(&engine, &app("values-caller"), linked::IMPORTS);
    let mut call = start(&caller, "weft:values/drive#pump", &[1, 4]);
    let outcome = run_with(&mut call, &caller, |_, _| Ok(vec![9, 1, 2]));
    let error = failure(outcome);
    assert_eq!(error.code, Code::Malformed, "{error}");
    assert!(error.message.contains("import"), "{error}");
}

#[test]
fn an_answer_without_results_says_that_whoever_gave_it_failed() {
    let engine = engine();
    let caller = prepare(&engine, &app("values-caller"), linked::IMPORTS);
    let mut call = start(&caller, "weft:values/drive#pump", &[1, 4]);
    let error = failure(run_with(&mut call, &caller, |_, _| Ok(Vec::new())));
    assert_eq!(error.code, Code::Trap, "{error}");
    assert!(
        error.message.contains("echo-list-u8` failed and did not"),
        "{error}"
    );
}

#[test]
fn a_trap_and_an_import_that_fails_are_the_guests_end() {
    let engine = engine();
    let caller = prepare(&engine, &app("values-caller"), linked::IMPORTS);
    let mut call = start(&caller, "weft:values/drive#pump", &[1, 4]);
    let error = failure(run(&mut call, &caller));
    assert_eq!(error.code, Code::Trap, "{error}");
    assert!(
        error
            .message
            .contains("nobody answers weft:values/echo#echo-list-u8"),
        "{error}"
    );
}
