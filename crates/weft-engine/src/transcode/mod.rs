// SPDX-License-Identifier: Apache-2.0
//! Calls of component functions with encoded values instead of Rust ones, see README.md.
//!
//! Parameters and results are encoded as the data plane has them (a tuple of values, docs/protocol), and are moved
//! directly between these bytes and guest memory by the component's own types. Exports are called with `call_export`;
//! imports are answered by the store's data, which implements `BytesHost`.
//!
//! Errors: bytes that are no encoding of the type carry an [`EncodingError`] in their chain, everything else is a trap of
//! the guest or a misuse. After an error of `call_export` the instance must not be used again.

mod channels;
mod element;
mod import;
mod lift;
mod lower;
mod measure;
mod path;
mod raw;
mod resources;
mod streamed;
mod types;
pub mod vals;
pub mod wire;

use std::borrow::Cow;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use crate::streams::StreamQueue;

use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{Component, ComponentExportIndex, Func, Instance};
use wasmtime::error::Context as _;
use wasmtime::{AsContextMut, Engine, Result, bail};

pub use import::{link_import, link_resource};
pub use resources::ResourceTable;
pub use streamed::{call_streamed, run_until_idle};
pub use types::{MAX_DEPTH, shape};
pub use wire::EncodingError;

/// The encoded results of an import, when they are there.
pub type ImportFuture = Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send>>;

/// What a store's data offers so that imports can be answered with bytes.
pub trait BytesHost: Send + 'static {
    /// Begins import `id` with its encoded parameters; the future ends with the encoded results. An error traps the guest.
    fn call_import(&mut self, id: u32, params: Vec<u8>) -> ImportFuture;

    /// The resources of this store that cross as bytes.
    fn resources(&mut self) -> &mut ResourceTable;

    /// Begins import `id` likewise, with channels for the streams and futures among its values: its token, which names them in `streams`.
    fn open_import(&mut self, id: u32, params: Vec<u8>) -> (u64, ImportFuture) {
        (u64::from(id), self.call_import(id, params))
    }

    /// The channels beside the values.
    fn streams(&self) -> StreamQueue {
        StreamQueue::default()
    }

    /// The guest has dropped its own handle `bytes` of the foreign resource that was linked as `id`. Most hosts need not care.
    fn drop_resource(&mut self, id: u32, bytes: &[u8]) {
        let _ = (id, bytes);
    }
}

/// An export that has been found and checked once, and can then be called on every instance of its component.
#[derive(Clone)]
pub struct ExportPlan {
    index: ComponentExportIndex,
    ty: ComponentFunc,
    has_handles: bool,
    is_async: bool,
    is_streamed: bool,
    /// Of the results of a function lifted as async.
    async_results: usize,
    param_paths: Arc<[String]>,
    result_paths: Arc<[String]>,
    name: String,
}

impl ExportPlan {
    /// Finds `func` in the exported `interface`, or among the component's own exports, and checks that all its values
    /// can cross as bytes.
    pub fn new(
        engine: &Engine,
        component: &Component,
        interface: Option<&str>,
        func: &str,
    ) -> Result<Self> {
        let _ = engine;
        let name = match interface {
            Some(interface) => format!("{interface}#{func}"),
            None => func.to_owned(),
        };
        let parent = match interface {
            None => None,
            Some(interface) => match component.get_export(None, interface) {
                Some((ComponentItem::ComponentInstance(_), index)) => Some(index),
                Some(_) => bail!("the export `{interface}` is not an interface"),
                None => bail!("the component does not export the interface `{interface}`"),
            },
        };
        let (ty, index) = match component.get_export(parent.as_ref(), func) {
            Some((ComponentItem::ComponentFunc(ty), index)) => (ty, index),
            Some(_) => bail!("the export `{name}` is not a function"),
            None => bail!("the component does not export the function `{name}`"),
        };
        let shape =
            types::shape(&ty).with_context(|| format!("the function `{name}` cannot be called"))?;
        Ok(ExportPlan {
            index,
            ty,
            has_handles: shape.has_handles,
            is_async: shape.is_async,
            is_streamed: shape.is_async || shape.has_streams(),
            async_results: shape.async_results.unwrap_or(1),
            param_paths: shape.param_paths.into(),
            result_paths: shape.result_paths.into(),
            name,
        })
    }

    /// Its guest may go on when it has returned, see `call_streamed`: it is async, has streams or futures among its values, or was made so.
    pub fn is_streamed(&self) -> bool {
        self.is_streamed
    }

    /// For a guest that may give streams to what it imports.
    pub fn streamed(mut self) -> Self {
        self.is_streamed = true;
        self
    }

    /// Where streams and futures are among its parameters: "1", "0.1".
    pub fn param_paths(&self) -> &[String] {
        &self.param_paths
    }

    /// The same of its results.
    pub fn result_paths(&self) -> &[String] {
        &self.result_paths
    }

    /// `interface#function`, or the function's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Names and types of parameters and results. Resource types in it are those of the component, not of an instance.
    pub fn ty(&self) -> &ComponentFunc {
        &self.ty
    }

    /// The function of an instance. Errors: the instance is of another component.
    pub fn func(&self, store: impl AsContextMut, instance: &Instance) -> Result<Func> {
        let Some(func) = instance.get_func(store, self.index) else {
            bail!(
                "the instance is not one of the component that exports `{}`",
                self.name
            );
        };
        Ok(func)
    }

    /// Whether any value is or holds a handle of a resource.
    pub fn has_handles(&self) -> bool {
        self.has_handles
    }
}

/// Calls an export with encoded parameters and gives its encoded results.
pub async fn call_export<T: BytesHost>(
    mut store: impl AsContextMut<Data = T>,
    instance: &Instance,
    plan: &ExportPlan,
    params: &[u8],
) -> Result<Vec<u8>> {
    let mut store = store.as_context_mut();
    let func = plan.func(&mut store, instance)?;
    let table = plan
        .has_handles
        .then(|| store.data_mut().resources().share());
    let params = raw::ExportParams {
        bytes: Cow::Borrowed(params),
        table: table.clone(),
        ends: None,
    };
    let called = raw::typed::<1>(func).call_async(&mut store, params).await;
    if let Some(table) = table {
        table.end_of_call();
    }
    let raw::ExportResults(sink) = called?;
    match sink.handles.is_empty() {
        true => Ok(sink.bytes),
        false => store
            .data_mut()
            .resources()
            .insert(sink.bytes, sink.handles),
    }
}

#[cfg(test)]
mod tests;
