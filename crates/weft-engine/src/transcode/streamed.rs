// SPDX-License-Identifier: Apache-2.0
//! Exports that are async, or have streams and futures among their values: calls that go on when the values have been given.
//!
//! Needs a store of an engine with concurrency, see engine.rs.

use std::borrow::Cow;
use std::future::poll_fn;

use wasmtime::component::{Accessor, Func, Instance};
use wasmtime::{AsContextMut, Result, Store, bail};

use super::channels::{self, Ends};
use super::{BytesHost, ExportPlan, raw};
use crate::streams::OWN_CALL;

/// Calls an export with encoded parameters and gives `give` its encoded results; goes on until no stream or future of any call of the guest is
/// open any more. What else its tasks would do then is not waited for.
pub async fn call_streamed<T: BytesHost>(
    store: &mut Store<T>,
    instance: &Instance,
    plan: &ExportPlan,
    params: Vec<u8>,
    give: impl FnOnce(Vec<u8>) + Send,
) -> Result<()> {
    let func = plan.func(&mut *store, instance)?;
    let count = if plan.is_async { plan.async_results } else { 1 };
    macro_rules! dispatch {
        ($($n:literal)*) => {
            match count {
                $($n => run::<T, $n>(store, func, plan, params, give).await,)*
                n => bail!("{n} flat results are more than there can be"),
            }
        };
    }
    dispatch!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

async fn run<T: BytesHost, const N: usize>(
    store: &mut Store<T>,
    func: Func,
    plan: &ExportPlan,
    params: Vec<u8>,
    give: impl FnOnce(Vec<u8>) + Send,
) -> Result<()> {
    let queue = store.data().streams();
    let table = plan
        .has_handles
        .then(|| store.data_mut().resources().share());
    let params = raw::ExportParams {
        bytes: Cow::Owned(params),
        table,
        ends: Some(Ends::new(
            queue.clone(),
            OWN_CALL,
            plan.param_paths.clone(),
            false,
        )),
    };
    let typed = raw::typed::<N>(func);
    let taken = plan.param_paths.len();
    run_until_idle(store, taken, give, async |accessor| {
        let raw::ExportResults(sink) = typed.call_concurrent(accessor, params).await?;
        accessor.with(|mut access| {
            let mut store = access.as_context_mut();
            let paths = &plan.result_paths;
            let pipes = channels::pour_all(store.as_context_mut(), sink.given, paths)?;
            queue.add_uploads(OWN_CALL, pipes);
            let resources = store.data_mut().resources();
            resources.insert(sink.bytes, sink.handles)
        })
    })
    .await
}

/// Runs `call`, which takes so many streams and futures from C, gives `give` what it comes to, and goes on as `call_streamed` does.
pub async fn run_until_idle<T: BytesHost>(
    store: &mut Store<T>,
    taken: usize,
    give: impl FnOnce(Vec<u8>) + Send,
    call: impl AsyncFnOnce(&Accessor<T>) -> Result<Vec<u8>>,
) -> Result<()> {
    let queue = store.data().streams();
    queue.open_call(OWN_CALL, Vec::new(), taken);
    store
        .run_concurrent(async |accessor| {
            give(call(accessor).await?);
            queue.let_go(OWN_CALL);
            poll_fn(|cx| queue.poll_idle(cx)).await;
            Ok(())
        })
        .await?
}
