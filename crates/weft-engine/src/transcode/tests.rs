// SPDX-License-Identifier: Apache-2.0
//! The direct path against wasmtime's own `Val` path, for random types: the same bytes both ways, as imports and as
//! exports; then damaged bytes and damaged guest memory, which both paths must judge alike. Seeds are fixed.

mod identity;
mod resources;
mod rng;

use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use wasmtime::component::{Component, Instance, Linker, Type, Val};
use wasmtime::{Config, Engine, Result, Store};

use self::identity::Signature;
use self::rng::Rng;
use super::wire::Reader;
use super::{
    BytesHost, EncodingError, ExportPlan, ImportFuture, ResourceTable, call_export, link_import,
    vals,
};

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

fn engine(concurrent: bool) -> Engine {
    let mut config = Config::new();
    config.concurrency_support(concurrent);
    Engine::new(&config).unwrap()
}

/// Answers every import with the same bytes and remembers what it was asked.
#[derive(Default)]
struct Host {
    answer: Vec<u8>,
    asked: Vec<(u32, Vec<u8>)>,
    dropped: Vec<(u32, Vec<u8>)>,
    table: ResourceTable,
}

impl BytesHost for Host {
    fn call_import(&mut self, id: u32, params: Vec<u8>) -> ImportFuture {
        self.asked.push((id, params));
        let answer = self.answer.clone();
        Box::pin(async move { Ok(answer) })
    }

    fn resources(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    fn drop_resource(&mut self, id: u32, bytes: &[u8]) {
        self.dropped.push((id, bytes.to_vec()));
    }
}

type Seen = Arc<Mutex<Vec<Val>>>;

/// One component whose export `f` calls its import `f` and gives back what that gives, linked in both ways.
struct Pair {
    engine: Engine,
    component: Component,
    plan: ExportPlan,
    bytes: Linker<Host>,
}

impl Pair {
    fn new(engine: &Engine, wat: &str) -> Result<Self> {
        let component = Component::new(engine, wat::parse_str(wat).unwrap())?;
        let plan = ExportPlan::new(engine, &component, None, "f")?;
        let mut bytes = Linker::new(engine);
        link_import(&mut bytes.root(), "f", "f", plan.ty(), 7)?;
        Ok(Pair {
            engine: engine.clone(),
            component,
            plan,
            bytes,
        })
    }

    fn params(&self) -> Vec<Type> {
        self.plan.ty().params().map(|(_, ty)| ty).collect()
    }

    fn results(&self) -> Vec<Type> {
        self.plan.ty().results().collect()
    }

    fn with_bytes(&self, answer: Vec<u8>) -> (Store<Host>, Instance) {
        let host = Host {
            answer,
            ..Host::default()
        };
        let mut store = Store::new(&self.engine, host);
        let instance = block_on(self.bytes.instantiate_async(&mut store, &self.component)).unwrap();
        (store, instance)
    }

    fn with_vals(&self, answer: Vec<Val>) -> (Store<Host>, Instance, Seen) {
        let seen = Seen::default();
        let mut linker = Linker::<Host>::new(&self.engine);
        let inside = seen.clone();
        linker
            .root()
            .func_new_async("f", move |_, _, params, results| {
                inside.lock().unwrap().extend_from_slice(params);
                results.clone_from_slice(&answer);
                Box::new(async { Ok(()) })
            })
            .unwrap();
        let mut store = Store::new(&self.engine, Host::default());
        let instance = block_on(linker.instantiate_async(&mut store, &self.component)).unwrap();
        (store, instance, seen)
    }

    fn call_vals(
        &self,
        store: &mut Store<Host>,
        instance: &Instance,
        params: &[Val],
    ) -> Result<Vec<Val>> {
        let func = instance.get_func(&mut *store, "f").unwrap();
        let mut results = vec![Val::Bool(false); self.results().len()];
        block_on(func.call_async(store, params, &mut results))?;
        Ok(results)
    }
}

fn encode(types: &[Type], values: &[Val]) -> Vec<u8> {
    let mut out = Vec::new();
    assert_eq!(types.len(), values.len());
    for (ty, value) in types.iter().zip(values) {
        vals::encode(&mut out, ty, value).unwrap();
    }
    out
}

fn decode(types: &[Type], bytes: &[u8]) -> Result<Vec<Val>> {
    let mut reader = Reader::new(bytes);
    types
        .iter()
        .map(|ty| vals::decode(&mut reader, ty))
        .collect()
}

fn random_vals(rng: &mut Rng, types: &[Type]) -> Vec<Val> {
    types.iter().map(|ty| identity::value(rng, ty, 0)).collect()
}

#[test]
fn random_types_agree_with_the_dynamic_path() {
    let engines = [engine(false), engine(true)];
    for seed in 0..250 {
        let mut rng = Rng::new(seed);
        let signature = Signature::random(&mut rng);
        let pair = Pair::new(&engines[seed as usize % 2], &signature.wat()).unwrap_or_else(|e| {
            panic!("seed {seed}: {e:?}\n{}", signature.wat());
        });
        let (param_types, result_types) = (pair.params(), pair.results());
        for round in 0..4 {
            let params = random_vals(&mut rng, &param_types);
            let results = random_vals(&mut rng, &result_types);
            let (sent, answer) = (
                encode(&param_types, &params),
                encode(&result_types, &results),
            );
            let at = || format!("seed {seed} round {round}\n{}", signature.wat());

            // Bytes on both sides.
            let (mut store, instance) = pair.with_bytes(answer.clone());
            for _ in 0..2 {
                let got = block_on(call_export(&mut store, &instance, &pair.plan, &sent));
                assert_eq!(
                    got.unwrap_or_else(|e| panic!("{e:?} {}", at())),
                    answer,
                    "{}",
                    at()
                );
                let (id, asked) = store.data_mut().asked.pop().unwrap();
                assert_eq!((id, &asked), (7, &sent), "{}", at());
            }
            assert!(store.data().table.is_empty());

            // Called with values, answered with bytes.
            let (mut store, instance) = pair.with_bytes(answer.clone());
            let got = pair.call_vals(&mut store, &instance, &params).unwrap();
            assert_eq!(encode(&result_types, &got), answer, "{}", at());
            assert_eq!(store.data().asked[0].1, sent, "{}", at());

            // Called with bytes, answered with values.
            let (mut store, instance, seen) = pair.with_vals(results.clone());
            let got = block_on(call_export(&mut store, &instance, &pair.plan, &sent)).unwrap();
            assert_eq!(got, answer, "{}", at());
            assert_eq!(
                encode(&param_types, &seen.lock().unwrap()),
                sent,
                "{}",
                at()
            );
        }
    }
}

/// What the direct path takes or refuses must be what reading by the types takes or refuses; it never panics, and what
/// arrives is what was meant.
#[test]
fn damaged_bytes_are_refused_or_mean_the_same() {
    let engine = engine(false);
    let (mut taken, mut refused) = (0, 0);
    for seed in 1000..1080 {
        let mut rng = Rng::new(seed);
        let signature = Signature::random(&mut rng);
        let pair = Pair::new(&engine, &signature.wat()).unwrap();
        let (param_types, result_types) = (pair.params(), pair.results());
        let answer = encode(&result_types, &random_vals(&mut rng, &result_types));
        for round in 0..60 {
            let mut sent = encode(&param_types, &random_vals(&mut rng, &param_types));
            let mut answer = answer.clone();
            rng.damage(if round % 2 == 0 {
                &mut sent
            } else {
                &mut answer
            });
            let good_params = decode(&param_types, &sent);
            let good_results = decode(&result_types, &answer);
            let (mut store, instance) = pair.with_bytes(answer.clone());
            let got = block_on(call_export(&mut store, &instance, &pair.plan, &sent));
            let asked = store.data_mut().asked.pop();
            let at = || {
                format!(
                    "seed {seed} round {round} {sent:x?} {answer:x?}\n{}",
                    signature.wat()
                )
            };
            match &good_params {
                Ok(params) => {
                    if let Some((_, asked)) = &asked {
                        assert_eq!(asked, &encode(&param_types, params), "{}", at());
                    }
                }
                Err(_) => assert!(asked.is_none(), "{}", at()),
            }
            match (good_params.is_ok(), good_results) {
                (true, Ok(results)) => {
                    // A few damaged lengths order more memory than the guest has; then it traps.
                    match got {
                        Ok(got) => assert_eq!(got, encode(&result_types, &results), "{}", at()),
                        Err(e) => assert!(!e.is::<EncodingError>(), "{e:?} {}", at()),
                    }
                    taken += 1;
                }
                _ => {
                    let error = got.expect_err(&at());
                    assert!(
                        !error.is::<wasmtime::Trap>() || asked.is_none(),
                        "{error:?} {}",
                        at()
                    );
                    refused += 1;
                }
            }
        }
    }
    assert!(
        taken > 100 && refused > 1000,
        "taken {taken}, refused {refused}"
    );
}

/// A guest whose results are random memory: both paths refuse it, or both see the same value.
#[test]
fn damaged_guest_memory_is_judged_as_the_dynamic_path_does() {
    let engine = engine(false);
    let (mut taken, mut refused) = (0, 0);
    for seed in 2000..2400 {
        let mut rng = Rng::new(seed);
        let mut signature = Signature::random(&mut rng);
        signature.params.clear();
        let wat = signature.wat_of_random_memory(&mut rng);
        let component = Component::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
        let plan = ExportPlan::new(&engine, &component, None, "f").unwrap();
        let types: Vec<_> = plan.ty().results().collect();
        let linker = Linker::<Host>::new(&engine);
        let run = |by_bytes: bool| -> Result<Vec<u8>> {
            let mut store = Store::new(&engine, Host::default());
            store.set_hostcall_fuel(8 << 20);
            let instance = block_on(linker.instantiate_async(&mut store, &component))?;
            if by_bytes {
                return block_on(call_export(&mut store, &instance, &plan, &[]));
            }
            let func = instance.get_func(&mut store, "f").unwrap();
            let mut results = vec![Val::Bool(false); types.len()];
            block_on(func.call_async(&mut store, &[], &mut results))?;
            Ok(encode(&types, &results))
        };
        match (run(true), run(false)) {
            (Ok(ours), Ok(theirs)) => {
                assert_eq!(ours, theirs, "seed {seed}\n{wat}");
                taken += 1;
            }
            (Err(_), Err(_)) => refused += 1,
            // Values cost the dynamic path far more of its fuel.
            (Ok(_), Err(e)) => assert!(
                format!("{e:?}").contains("fuel"),
                "seed {seed} {e:?}\n{wat}"
            ),
            (Err(e), Ok(_)) => panic!("seed {seed} {e:?}\n{wat}"),
        }
    }
    assert!(
        taken > 20 && refused > 20,
        "taken {taken}, refused {refused}"
    );
}

#[test]
fn more_than_sixteen_flat_parameters_go_through_memory_of_their_exact_size() {
    let engine = engine(false);
    let mut rng = Rng::new(1);
    for count in [15, 16, 17, 40, 300] {
        let signature = Signature::of(
            vec![identity::Ty::Prim("u32"); count],
            Some(identity::Ty::Prim("string")),
        );
        let pair = Pair::new(&engine, &signature.wat()).unwrap();
        let params = random_vals(&mut rng, &pair.params());
        let sent = encode(&pair.params(), &params);
        let (mut store, instance) = pair.with_bytes(vec![2, b'o', b'k']);
        let got = block_on(call_export(&mut store, &instance, &pair.plan, &sent)).unwrap();
        assert_eq!(got, b"\x02ok");
        assert_eq!(store.data().asked[0].1, sent);
    }
}

#[test]
fn lists_of_bytes_and_numbers_cross_whole() {
    let engine = engine(false);
    for (prim, size) in [
        ("u8", 1 << 20),
        ("s8", 100_000),
        ("f32", 50_000),
        ("f64", 50_000),
        ("u64", 50_000),
        ("bool", 1000),
    ] {
        let list = identity::Ty::List(Box::new(identity::Ty::Prim(prim)));
        let pair = Pair::new(
            &engine,
            &Signature::of(vec![list.clone()], Some(list)).wat(),
        )
        .unwrap();
        let mut rng = Rng::new(5);
        let Type::List(ty) = &pair.params()[0] else {
            unreachable!()
        };
        let values = Val::List(
            (0..size)
                .map(|_| identity::value(&mut rng, &ty.ty(), 0))
                .collect(),
        );
        let sent = encode(&pair.params(), &[values]);
        let (mut store, instance) = pair.with_bytes(sent.clone());
        assert_eq!(
            block_on(call_export(&mut store, &instance, &pair.plan, &sent)).unwrap(),
            sent
        );
        assert_eq!(store.data().asked[0].1, sent);
    }
}

#[test]
fn not_a_number_is_canonical_in_both_directions() {
    let engine = engine(false);
    let prim = identity::Ty::Prim;
    let signature = Signature::of(
        vec![prim("f32"), identity::Ty::List(Box::new(prim("f64")))],
        Some(prim("f32")),
    );
    let pair = Pair::new(&engine, &signature.wat()).unwrap();
    let mut sent = 0xffa0_0001u32.to_le_bytes().to_vec();
    sent.push(1);
    sent.extend_from_slice(&0xfff8_0000_0000_0001u64.to_le_bytes());
    let (mut store, instance) = pair.with_bytes(0x7f80_0001u32.to_le_bytes().to_vec());
    let got = block_on(call_export(&mut store, &instance, &pair.plan, &sent)).unwrap();
    assert_eq!(got, 0x7fc0_0000u32.to_le_bytes());
    let mut canonical = 0x7fc0_0000u32.to_le_bytes().to_vec();
    canonical.push(1);
    canonical.extend_from_slice(&0x7ff8_0000_0000_0000u64.to_le_bytes());
    assert_eq!(store.data().asked[0].1, canonical);
}

#[test]
fn a_length_that_lies_allocates_nothing() {
    let engine = engine(false);
    let list = identity::Ty::List(Box::new(identity::Ty::Prim("u64")));
    let pair = Pair::new(&engine, &Signature::of(vec![list], None).wat()).unwrap();
    let (mut store, instance) = pair.with_bytes(Vec::new());
    let error = block_on(call_export(
        &mut store,
        &instance,
        &pair.plan,
        &[0xff, 0xff, 0xff, 0xff, 0x0f, 1],
    ))
    .unwrap_err();
    assert!(error.is::<EncodingError>(), "{error:?}");
    assert!(store.data().asked.is_empty());
}

#[test]
fn bytes_after_the_last_value_are_passed_over() {
    let engine = engine(false);
    let pair = Pair::new(
        &engine,
        &Signature::of(
            vec![identity::Ty::Prim("u8")],
            Some(identity::Ty::Prim("u8")),
        )
        .wat(),
    )
    .unwrap();
    let (mut store, instance) = pair.with_bytes(vec![3, 4, 5]);
    let got = block_on(call_export(&mut store, &instance, &pair.plan, &[1, 2])).unwrap();
    assert_eq!(got, [3]);
    assert_eq!(store.data().asked[0].1, [1]);
}

#[test]
fn streams_and_futures_have_paths_or_are_refused_by_name() {
    let mut config = Config::new();
    config.wasm_component_model_async(true);
    let engine = Engine::new(&config).unwrap();
    let plan = |ty: &str, flat: &str| {
        let wat = format!(
            r#"(component
                (type $s (stream u8))
                (core module $m (memory (export "mem") 1)
                    (func (export "r") (param i32 i32 i32 i32) (result i32) unreachable)
                    (func (export "f") (param {flat})))
                (core instance $i (instantiate $m))
                (func (export "f") (param "body" {ty})
                    (canon lift (core func $i "f") (memory $i "mem") (realloc (func $i "r")))))"#
        );
        let component = Component::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
        ExportPlan::new(&engine, &component, None, "f")
    };
    for (ty, flat, paths) in [
        ("(stream u8)", "i32", &["0"][..]),
        ("(option (future string))", "i32 i32", &["0"]),
        ("(tuple u8 (stream s64))", "i32 i32", &["0.1"]),
        (
            "(result (tuple (stream u8) (future u8)) (error (stream string)))",
            "i32 i32 i32",
            &["0.0", "0.1", "0"],
        ),
    ] {
        let plan = plan(ty, flat).unwrap_or_else(|error| panic!("{ty}: {error:#}"));
        assert_eq!(plan.param_paths(), paths, "{ty}");
        assert!(plan.is_streamed() && plan.result_paths().is_empty());
    }
    for (ty, flat, word) in [
        ("(list (future u8))", "i32 i32", "inside of a list"),
        ("(stream $s)", "i32", "inside of a stream"),
        ("(future $s)", "i32", "inside of a future"),
        ("(stream)", "i32", "without a payload"),
        ("(future)", "i32", "without a payload"),
    ] {
        let error = match plan(ty, flat) {
            Ok(_) => panic!("{ty} was taken"),
            Err(error) => format!("{error:#}"),
        };
        assert!(
            error.contains("`body`") && error.contains(word),
            "{ty}: {error}"
        );
        assert!(error.contains("`f`"), "{error}");
    }
}

#[test]
fn a_plan_says_what_is_not_there() {
    let engine = engine(false);
    let wat = Signature::of(vec![], None).wat();
    let component = Component::new(&engine, wat::parse_str(&wat).unwrap()).unwrap();
    for (interface, func, word) in [
        (None, "g", "`g`"),
        (Some("a:b/c"), "f", "`a:b/c`"),
        (Some("f"), "f", "`f`"),
    ] {
        match ExportPlan::new(&engine, &component, interface, func) {
            Ok(_) => panic!("found {func}"),
            Err(e) => assert!(format!("{e:#}").contains(word), "{e:#}"),
        }
    }
}
