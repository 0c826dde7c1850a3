// SPDX-License-Identifier: Apache-2.0
//! Handles: foreign ones of an imported interface, and those of a resource that the guest exports.

use wasmtime::component::{Component, Linker, types::ComponentItem};
use wasmtime::{Engine, Store};

use super::{Host, block_on, engine};
use crate::transcode::{EncodingError, ExportPlan, call_export, link_import, link_resource};

/// Imports a resource; its exports make one, lend it, take one and pass one on.
const IMPORTER: &str = r#"(component
    (import "a:b/c" (instance $c
        (export "r" (type $r (sub resource)))
        (export "make" (func (result (own $r))))
        (export "look" (func (param "r" (borrow $r)) (result u32)))
        (export "eat" (func (param "r" (own $r))))))
    (alias export $c "r" (type $r))
    (alias export $c "make" (func $make))
    (alias export $c "look" (func $look))
    (alias export $c "eat" (func $eat))
    (core func $make' (canon lower (func $make)))
    (core func $look' (canon lower (func $look)))
    (core func $eat' (canon lower (func $eat)))
    (core func $drop' (canon resource.drop $r))
    (core module $m
        (import "h" "make" (func $make (result i32)))
        (import "h" "look" (func $look (param i32) (result i32)))
        (import "h" "eat" (func $eat (param i32)))
        (import "h" "drop" (func $drop (param i32)))
        (func (export "round") (result i32) (local i32)
            (local.set 0 (call $make))
            (drop (call $look (local.get 0)))
            (drop (call $look (local.get 0)))
            (local.get 0))
        (func (export "swallow") (param i32) (call $eat (local.get 0)))
        (func (export "discard") (param i32) (call $drop (local.get 0)))
        (func (export "peek") (param i32) (result i32)
            (call $look (local.get 0))
            (call $drop (local.get 0)))
        (func (export "keep-borrow") (param i32)))
    (core instance $i (instantiate $m (with "h" (instance
        (export "make" (func $make')) (export "look" (func $look')) (export "eat" (func $eat')) (export "drop" (func $drop'))))))
    (func (export "round") (result (own $r)) (canon lift (core func $i "round")))
    (func (export "swallow") (param "r" (own $r)) (canon lift (core func $i "swallow")))
    (func (export "discard") (param "r" (own $r)) (canon lift (core func $i "discard")))
    (func (export "peek") (param "r" (borrow $r)) (result u32) (canon lift (core func $i "peek")))
    (func (export "keep-borrow") (param "r" (borrow $r)) (canon lift (core func $i "keep-borrow"))))"#;

struct Importer {
    engine: Engine,
    component: Component,
    linker: Linker<Host>,
}

impl Importer {
    fn new() -> Self {
        let engine = engine(false);
        let component = Component::new(&engine, wat::parse_str(IMPORTER).unwrap()).unwrap();
        let mut linker = Linker::new(&engine);
        let ty = component.component_type();
        let ComponentItem::ComponentInstance(interface) =
            ty.get_import(&engine, "a:b/c").unwrap().ty
        else {
            unreachable!()
        };
        let mut instance = linker.instance("a:b/c").unwrap();
        link_resource(&mut instance, "r", 3).unwrap();
        for (id, name) in ["make", "look", "eat"].into_iter().enumerate() {
            let ComponentItem::ComponentFunc(ty) = interface.get_export(&engine, name).unwrap().ty
            else {
                unreachable!()
            };
            link_import(&mut instance, name, name, &ty, id as u32).unwrap();
        }
        drop(instance);
        Importer {
            engine,
            component,
            linker,
        }
    }

    fn call(&self, func: &str, params: &[u8], answer: &[u8]) -> (wasmtime::Result<Vec<u8>>, Host) {
        let plan = ExportPlan::new(&self.engine, &self.component, None, func).unwrap();
        assert!(plan.has_handles());
        let host = Host {
            answer: answer.to_vec(),
            ..Host::default()
        };
        let mut store = Store::new(&self.engine, host);
        let instance =
            block_on(self.linker.instantiate_async(&mut store, &self.component)).unwrap();
        let got = block_on(call_export(&mut store, &instance, &plan, params));
        (got, store.into_data())
    }
}

#[test]
fn foreign_handles_go_back_as_they_came() {
    let importer = Importer::new();
    // The answer is a handle for `make`, and for `look` a number: 0x01 0x41 is the handle "A", and no u32.
    let (got, host) = importer.call("swallow", b"\x04\xde\xad\xbe\xef", b"");
    assert_eq!(got.unwrap(), b"");
    assert_eq!(host.asked, [(2, b"\x04\xde\xad\xbe\xef".to_vec())]);
    assert_eq!(host.dropped, []);

    let (got, host) = importer.call("discard", b"\x03abc", b"");
    assert_eq!(got.unwrap(), b"");
    assert_eq!(host.dropped, [(3, b"abc".to_vec())]);

    let (got, host) = importer.call("peek", b"\x03abc", &[42]);
    assert_eq!(got.unwrap(), [42]);
    assert_eq!(host.asked, [(1, b"\x03abc".to_vec())]);
    assert_eq!(host.dropped, []);
}

#[test]
fn a_made_handle_can_be_lent_and_given_away() {
    let importer = Importer::new();
    // One answer serves `make` (a handle of no bytes) and `look` (the number 0) alike.
    let (got, host) = importer.call("round", b"", &[0]);
    assert_eq!(got.unwrap(), [0]);
    let asked: Vec<_> = host
        .asked
        .iter()
        .map(|(id, params)| (*id, params.as_slice()))
        .collect();
    assert_eq!(asked, [(0, &b""[..]), (1, &[0][..]), (1, &[0][..])]);
}

#[test]
fn a_borrow_that_is_kept_traps() {
    let (got, _) = Importer::new().call("keep-borrow", b"\x01x", b"");
    assert!(format!("{:?}", got.unwrap_err()).contains("borrow"));
}

#[test]
fn a_handle_longer_than_its_bytes_is_refused() {
    let (got, host) = Importer::new().call("swallow", b"\x05abc", b"");
    assert!(got.unwrap_err().is::<EncodingError>());
    assert!(host.asked.is_empty());
}

/// Exports a resource whose representation is the number it was made with.
const EXPORTER: &str = r#"(component
    (core module $d
        (global (export "dropped") (mut i32) (i32.const 0))
        (func (export "dtor") (param i32) (global.set 0 (local.get 0))))
    (core instance $d (instantiate $d))
    (type $r' (resource (rep i32) (dtor (func $d "dtor"))))
    (export $r "r" (type $r'))
    (core func $new (canon resource.new $r'))
    (core func $rep (canon resource.rep $r'))
    (core func $drop (canon resource.drop $r'))
    (core module $m
        (import "h" "new" (func $new (param i32) (result i32)))
        (import "h" "rep" (func $rep (param i32) (result i32)))
        (import "h" "drop" (func $drop (param i32)))
        (import "d" "dropped" (global $dropped (mut i32)))
        (func (export "make") (param i32) (result i32) (call $new (local.get 0)))
        (func (export "value") (param i32) (result i32) (local.get 0))
        (func (export "end") (param i32) (call $drop (local.get 0)))
        (func (export "last") (result i32) (global.get $dropped)))
    (core instance $i (instantiate $m
        (with "h" (instance (export "new" (func $new)) (export "rep" (func $rep)) (export "drop" (func $drop))))
        (with "d" (instance (export "dropped" (global $d "dropped"))))))
    (func (export "make") (param "n" u32) (result (own $r)) (canon lift (core func $i "make")))
    (func (export "value") (param "r" (borrow $r)) (result u32) (canon lift (core func $i "value")))
    (func (export "end") (param "r" (own $r)) (canon lift (core func $i "end")))
    (func (export "last") (result u32) (canon lift (core func $i "last"))))"#;

#[test]
fn resources_of_a_guest_cross_as_tokens() {
    let engine = engine(false);
    let component = Component::new(&engine, wat::parse_str(EXPORTER).unwrap()).unwrap();
    let plan = |name| ExportPlan::new(&engine, &component, None, name).unwrap();
    let (make, value, end, last) = (plan("make"), plan("value"), plan("end"), plan("last"));
    let mut store = Store::new(&engine, Host::default());
    let instance =
        block_on(Linker::new(&engine).instantiate_async(&mut store, &component)).unwrap();
    let mut call = |plan: &ExportPlan, params: &[u8]| {
        block_on(call_export(&mut store, &instance, plan, params))
    };

    let first = call(&make, &[11]).unwrap();
    let second = call(&make, &[22]).unwrap();
    assert_eq!((first.len(), second.len()), (17, 17));
    assert_ne!(first, second);
    assert_eq!(call(&value, &first).unwrap(), [11]);
    assert_eq!(call(&value, &second).unwrap(), [22]);
    assert_eq!(call(&value, &first).unwrap(), [11]);
    assert!(call(&end, &first).unwrap().is_empty());
    assert_eq!(call(&last, &[]).unwrap(), [11]);
    assert_eq!(store.data().table.len(), 1);

    // Given away: the token means nothing any more. Nor does one that was made up.
    let gone = block_on(call_export(&mut store, &instance, &end, &first)).unwrap_err();
    assert!(gone.is::<EncodingError>(), "{gone:?}");

    // The host drops what is left by itself.
    let any = store.data_mut().table.take(&second[1..]).unwrap();
    assert!(store.data().table.is_empty());
    let _ = any;
}

#[test]
fn made_up_tokens_are_refused() {
    let engine = engine(false);
    let component = Component::new(&engine, wat::parse_str(EXPORTER).unwrap()).unwrap();
    let value = ExportPlan::new(&engine, &component, None, "value").unwrap();
    for handle in [
        &[0][..],
        &[3, 1, 2, 3],
        &[16, 1, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8],
    ] {
        let mut store = Store::new(&engine, Host::default());
        let instance =
            block_on(Linker::new(&engine).instantiate_async(&mut store, &component)).unwrap();
        let error = block_on(call_export(&mut store, &instance, &value, handle)).unwrap_err();
        assert!(error.is::<EncodingError>(), "{error:?}");
    }
}
