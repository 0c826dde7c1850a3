// SPDX-License-Identifier: Apache-2.0
//! Functions and resources that a guest imports, answered by the store's data.
//!
//! wasmtime compiles some six kilobytes for each number of flat values, so there is one function for all imports that the guest waits for, with
//! streams or without, and one for async ones, which need an engine with concurrency, see engine.rs.

use std::sync::Arc;

use wasmtime::component::LinkerInstance;
use wasmtime::component::types::ComponentFunc;
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut, Result, StoreContextMut, bail};

use super::channels::{self, Ends};
use super::lift::Sink;
use super::{BytesHost, ImportFuture, raw, types};

/// What an imported function needs to be answered.
struct Import {
    id: u32,
    name: Arc<str>,
    has_handles: bool,
    has_results: bool,
    /// Where streams and futures are; none if there are none, and the call is over with its results.
    paths: Option<Paths>,
}

struct Paths {
    params: Vec<String>,
    results: Arc<[String]>,
}

/// The call of an import that has begun.
struct Begun {
    answer: ImportFuture,
    ends: Option<Ends>,
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
        let Some(paths) = &self.paths else {
            let answer = store.data_mut().call_import(self.id, bytes);
            return Ok(Begun { answer, ends: None });
        };
        let pipes = channels::pour_all(store.as_context_mut(), sink.given, &paths.params)?;
        let (token, answer) = store.data_mut().open_import(self.id, bytes);
        let queue = store.data_mut().streams();
        queue.open_call(token, pipes, paths.results.len());
        let ends = Some(Ends::new(queue, token, paths.results.clone(), true));
        Ok(Begun { answer, ends })
    }

    fn results<T: BytesHost, const R: usize>(
        &self,
        mut store: StoreContextMut<'_, T>,
        answer: Result<Vec<u8>>,
        ends: Option<Ends>,
    ) -> Result<raw::ImportResults<R>> {
        let bytes = answer.with_context(|| format!("the import `{}` failed", self.name))?;
        // No value that crosses is empty; wasmCloud's providers answer so when they fail.
        if bytes.is_empty() && self.has_results {
            bail!(
                "whoever answers the import `{}` failed and did not say why; its log knows",
                self.name
            );
        }
        let resources = store.data_mut().resources();
        Ok(raw::ImportResults {
            bytes,
            table: self.has_handles.then(|| resources.share()),
            name: self.name.clone(),
            ends,
        })
    }
}

/// Answers the imported function `func_name` by `BytesHost::call_import(id, ..)`, or `open_import` if it has streams. Errors name it as
/// `full_name`.
pub fn link_import<T: BytesHost>(
    linker: &mut LinkerInstance<'_, T>,
    func_name: &str,
    full_name: &str,
    ty: &ComponentFunc,
    id: u32,
) -> Result<()> {
    let shape = types::shape(ty)
        .with_context(|| format!("the imported function `{func_name}` cannot be linked"))?;
    let (params, results) = (shape.params.unwrap_or(0), shape.results.unwrap_or(0));
    let is_async = shape.is_async;
    let import = Arc::new(Import {
        id,
        name: full_name.into(),
        has_handles: shape.has_handles,
        has_results: ty.results().len() > 0,
        paths: (is_async || shape.has_streams()).then(|| Paths {
            params: shape.param_paths,
            results: shape.result_paths.into(),
        }),
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

/// Defines a resource of an imported interface as a foreign one: its handles are bytes that somebody else gave, kept for the
/// guest and sent back unchanged. To be called before the interface's functions are linked.
pub fn link_resource<T: BytesHost>(
    linker: &mut LinkerInstance<'_, T>,
    name: &str,
    id: u32,
) -> Result<()> {
    linker.resource(name, types::foreign_resource(), move |mut store, rep| {
        if let Some(bytes) = store.data_mut().resources().drop_foreign(rep) {
            store.data_mut().drop_resource(id, &bytes);
        }
        Ok(())
    })
}
