// SPDX-License-Identifier: Apache-2.0
//! Functions that are async, or have streams and futures among their values: calls that go on when the values have been given.
//!
//! Needs a store of an engine with concurrency, see engine.rs.

use std::borrow::Cow;
use std::future::poll_fn;
use std::sync::Arc;

use wasmtime::component::{Accessor, Func, Instance, LinkerInstance};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut, Result, Store, StoreContextMut, bail};

use super::channels::{self, Ends};
use super::lift::Sink;
use super::types::Shape;
use super::{BytesHost, ExportPlan, ImportFuture, raw};
use crate::streams::OWN_CALL;

/// What an imported function needs to be answered.
struct Import {
    id: u32,
    name: Arc<str>,
    has_handles: bool,
    param_paths: Vec<String>,
    result_paths: Arc<[String]>,
}

/// The call of an import that has begun.
struct Begun {
    answer: ImportFuture,
    ends: Ends,
}

impl Import {
    /// Takes the streams among the parameters, and begins.
    fn begin<T: BytesHost>(&self, mut store: StoreContextMut<'_, T>, sink: Sink) -> Result<Begun> {
        let bytes = match sink.handles.is_empty() {
            true => sink.bytes,
            false => {
                let resources = store.data_mut().resources();
                resources.insert(sink.bytes, sink.handles)?
            }
        };
        let pipes = channels::pour_all(store.as_context_mut(), sink.given, &self.param_paths)?;
        let (token, answer) = store.data_mut().open_import(self.id, bytes);
        let queue = store.data_mut().streams();
        queue.open_call(token, pipes, self.result_paths.len());
        let ends = Ends::new(queue, token, self.result_paths.clone(), true);
        Ok(Begun { answer, ends })
    }

    fn results<T: BytesHost, const R: usize>(
        &self,
        mut store: StoreContextMut<'_, T>,
        answer: Result<Vec<u8>>,
        ends: Ends,
    ) -> Result<raw::ImportResults<R>> {
        let bytes = answer.with_context(|| format!("the import `{}` failed", self.name))?;
        let resources = store.data_mut().resources();
        Ok(raw::ImportResults {
            bytes,
            table: self.has_handles.then(|| resources.share()),
            name: self.name.clone(),
            ends: Some(ends),
        })
    }
}

/// As `link_import`.
pub fn link_streamed<T: BytesHost>(
    linker: &mut LinkerInstance<'_, T>,
    func_name: &str,
    full_name: &str,
    shape: Shape,
    id: u32,
) -> Result<()> {
    let (params, results) = (shape.params.unwrap_or(0), shape.results.unwrap_or(0));
    let is_async = shape.is_async;
    let import = Arc::new(Import {
        id,
        name: full_name.into(),
        has_handles: shape.has_handles,
        param_paths: shape.param_paths,
        result_paths: shape.result_paths.into(),
    });
    macro_rules! dispatch {
        ($($n:literal)*) => {
            match (params, results, is_async) {
                $(($n, 0, false) => wrap::<T, $n, 0>(linker, func_name, import),
                  ($n, _, false) => wrap::<T, $n, 1>(linker, func_name, import),
                  ($n, 0, true) => wrap_concurrent::<T, $n, 0>(linker, func_name, import),
                  ($n, _, true) => wrap_concurrent::<T, $n, 1>(linker, func_name, import),)*
                (n, _, _) => bail!("{n} flat parameters are more than there can be"),
            }
        };
    }
    dispatch!(0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16)
}

/// The guest waits for the results, and does nothing else meanwhile.
fn wrap<T: BytesHost, const P: usize, const R: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    import: Arc<Import>,
) -> Result<()> {
    linker.func_wrap_async(name, move |mut store, raw::ImportParams::<P>(sink)| {
        let import = import.clone();
        Box::new(async move {
            let Begun { answer, ends } = import.begin(store.as_context_mut(), sink)?;
            let answer = answer.await;
            import.results::<T, R>(store.as_context_mut(), answer, ends)
        })
    })
}

/// Other tasks of the guest, and its streams, go on meanwhile.
fn wrap_concurrent<T: BytesHost, const P: usize, const R: usize>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    import: Arc<Import>,
) -> Result<()> {
    linker.func_wrap_concurrent(name, move |accessor, raw::ImportParams::<P>(sink)| {
        let import = import.clone();
        Box::pin(async move {
            let begun = accessor.with(|mut access| import.begin(access.as_context_mut(), sink));
            let Begun { answer, ends } = begun?;
            let answer = answer.await;
            accessor
                .with(|mut access| import.results::<T, R>(access.as_context_mut(), answer, ends))
        })
    })
}

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
