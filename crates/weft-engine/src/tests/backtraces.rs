// SPDX-License-Identifier: Apache-2.0
//! A trap says where: the names of functions always, lines of source where the guest was built with -g.

use super::*;
use crate::error::Code;

const NAMED: &str = r#"(component
    (core module $m
        (func $the_deepest unreachable)
        (func $in_between (call $the_deepest))
        (func $outermost (export "f") (call $in_between)))
    (core instance $i (instantiate $m))
    (func (export "f") (canon lift (core func $i "f"))))"#;

#[test]
fn a_trap_names_the_functions_it_passed_innermost_first() {
    let engine = engine();
    let guest = prepare(&engine, &wat::parse_str(NAMED).expect("valid"), "{}");
    let error = failure(run(&mut start(&guest, "f", &[]), &guest));
    assert_eq!(error.code, Code::Trap);
    assert!(error.message.contains("unreachable"), "{error}");
    let places = ["the_deepest", "in_between", "outermost"].map(|name| {
        let place = error.detail.find(name);
        place.unwrap_or_else(|| panic!("no {name} in:\n{}", error.detail))
    });
    assert!(places.is_sorted(), "{}", error.detail);
}

#[test]
fn a_guest_with_dwarf_names_the_line_of_its_source() {
    let engine = engine();
    let guest = prepare(&engine, &app("misbehave"), "{}");
    let lane = Lane::new(guest.clone());
    let error = failure(run(&mut start_http(&lane, "/trap-before"), &guest));
    assert_eq!(error.code, Code::Trap);
    assert!(error.detail.contains("trap_on_purpose"), "{}", error.detail);
    // The trap itself has no line of its own once the code is optimised; its caller has.
    let source = include_str!("../../../../apps/misbehave/misbehave.cpp");
    let line = source
        .lines()
        .position(|line| line.contains("{ trap_on_purpose(); }"))
        .expect("the line that calls what traps");
    let place = format!("apps/misbehave/misbehave.cpp:{}:", line + 1);
    assert!(
        error.detail.contains(&place),
        "no {place} in:\n{}",
        error.detail
    );
    assert!(
        !error.detail.contains(env!("CARGO_MANIFEST_DIR")),
        "a path of this machine"
    );
}
