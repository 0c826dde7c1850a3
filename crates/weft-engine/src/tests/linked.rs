// SPDX-License-Identifier: Apache-2.0
//! Two real guests: every import of values-caller is answered by a call into values-callee, the values of every type in wit/values as bytes
//! between them, handles included.

use super::*;
use crate::error::Code;
use crate::state::State;
use crate::transcode::{self, BytesHost, wire};
use std::collections::BTreeSet;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use wasmtime::Store;
use wasmtime::component::Instance;

/// What values-caller must be granted.
pub const IMPORTS: &str = r#"{"imports":["weft:values/echo","weft:values/counters"]}"#;

fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(out) = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
        {
            return out;
        }
    }
}

/// One instance that lives through all calls: its resources are in it.
struct Callee {
    prepared: Arc<Prepared>,
    store: Store<State>,
    instance: Instance,
    asked: BTreeSet<String>,
    calls: usize,
}

impl Callee {
    fn new(engine: &Engine) -> Self {
        let prepared = prepare(engine, &app("values-callee"), "{}");
        let mut store = prepared.store();
        let instance = block_on(prepared.pre.instantiate_async(&mut store)).expect("an instance");
        Callee {
            prepared,
            store,
            instance,
            asked: BTreeSet::new(),
            calls: 0,
        }
    }

    fn answer(&mut self, name: &str, params: &[u8]) -> std::result::Result<Vec<u8>, String> {
        self.asked.insert(name.to_owned());
        self.calls += 1;
        if name.contains("[resource-drop]") {
            self.drop_handle(params);
            return Ok(Vec::new());
        }
        let plan = self.prepared.plan(name).expect("the callee exports it");
        let called = transcode::call_export(&mut self.store, &self.instance, &plan, params);
        block_on(called).map_err(|error| format!("{name}: {error:?}"))
    }

    fn drop_handle(&mut self, params: &[u8]) {
        let handle = wire::Reader::new(params)
            .byte_string()
            .expect("a handle")
            .to_vec();
        let resource = self.store.data_mut().resources().take(&handle);
        let resource = resource.expect("the handle is one of the callee's");
        block_on(resource.resource_drop_async(&mut self.store)).expect("a destructor that works");
    }
}

/// Runs a function of `drive`, which answers with what came back changed.
fn drive(function: &str) -> Callee {
    let engine = engine();
    let caller = prepare(&engine, &app("values-caller"), IMPORTS);
    let mut callee = Callee::new(&engine);
    let mut call = start(&caller, &format!("weft:values/drive#{function}"), &[]);
    let result = run_with(&mut call, &caller, |name, params| {
        callee.answer(name, params)
    });
    let result = result.unwrap_or_else(|error| panic!("{error}\n{}", error.detail));
    assert_eq!(
        result,
        [0],
        "changed on the way: {}",
        String::from_utf8_lossy(&result[1..])
    );
    let imports: BTreeSet<_> = caller.imports.iter().map(|import| import.name.clone()).collect();
    let left: Vec<_> = imports
        .difference(&callee.asked)
        .filter(|name| function == "run" || name.starts_with("weft:values/echo"))
        .collect();
    assert!(left.is_empty(), "never called: {left:?}");
    assert!(imports.len() > 60, "{imports:?}");
    callee
}

#[test]
fn every_type_of_value_crosses_between_two_guests() {
    drive("run-values");
}

#[test]
fn resources_cross_too_and_none_is_left_behind() {
    let mut callee = drive("run");
    assert_eq!(
        callee.store.data_mut().resources().len(),
        0,
        "handles that nobody has any more"
    );
}

#[test]
fn bytes_come_back_in_any_number() {
    let engine = engine();
    let caller = prepare(&engine, &app("values-caller"), IMPORTS);
    let mut callee = Callee::new(&engine);
    for (count, size) in [(0, 0), (3, 0), (100, 1), (10, 100)] {
        let mut call = start(&caller, "weft:values/drive#pump", &[count, size]);
        let result = run_with(&mut call, &caller, |name, params| {
            callee.answer(name, params)
        });
        let mut expected = Vec::new();
        wire::put_unsigned(&mut expected, u64::from(count) * u64::from(size));
        assert_eq!(result.expect("it answers"), expected);
        assert_eq!(callee.calls, usize::from(count));
        callee.calls = 0;
    }
}

#[test]
fn all_imports_may_be_granted_at_once() {
    let engine = engine();
    let one_by_one = prepare(&engine, &app("values-caller"), IMPORTS);
    let all = prepare(&engine, &app("values-caller"), r#"{"imports":["*"]}"#);
    let names = |prepared: &Prepared| -> Vec<_> {
        let imports = prepared.imports.iter();
        imports.map(|import| import.name.clone()).collect()
    };
    assert_eq!(names(&all), names(&one_by_one));
}

/// A constructor's parameter and the handle that it gives.
fn make_counter(lane: &Lane, callee: &Arc<Prepared>) -> Vec<u8> {
    let plan = callee.plan("weft:values/counters#[constructor]counter");
    let mut call = lane
        .function(Arc::new(plan.expect("the export")), vec![7], waker())
        .expect("the call begins");
    run(&mut call, callee).expect("a handle")
}

fn alive(lane: &Lane, callee: &Arc<Prepared>) -> Vec<u8> {
    let plan = callee.plan("weft:values/counters#alive").expect("there");
    let mut call = lane
        .function(Arc::new(plan), Vec::new(), waker())
        .expect("the call begins");
    run(&mut call, callee).expect("a count")
}

#[test]
fn a_kept_instance_drops_its_resource_when_it_is_told() {
    let engine = engine();
    let callee = prepare(&engine, &app("values-callee"), r#"{"reuse":100}"#);
    let lane = Lane::new(callee.clone());
    let result = make_counter(&lane, &callee);
    let handle = wire::Reader::new(&result)
        .byte_string()
        .expect("a handle")
        .to_vec();
    assert_eq!(alive(&lane, &callee), [1]);
    let mut drop = lane.drop_resource(&handle, waker()).expect("it is there");
    assert_eq!(run(&mut drop, &callee).expect("it works"), []);
    assert_eq!(alive(&lane, &callee), [0]);
    let again = lane.drop_resource(&handle, waker());
    assert_eq!(again.err().expect("it is gone").code, Code::NotFound);
}

#[test]
fn a_handle_of_an_instance_that_has_ended_is_refused_by_name() {
    let engine = engine();
    let callee = prepare(&engine, &app("values-callee"), "{}");
    let lane = Lane::new(callee.clone());
    let handle = make_counter(&lane, &callee);
    let plan = callee.plan("weft:values/counters#[method]counter.get");
    let mut call = lane
        .function(Arc::new(plan.expect("there")), handle, waker())
        .expect("the call begins");
    let error = failure(run(&mut call, &callee));
    assert_eq!(error.code, Code::Malformed);
    assert!(error.message.contains("a fresh instance"), "{error}");
}
