// SPDX-License-Identifier: Apache-2.0
//! A component linked with its grants: what instances are made from.

use crate::asking::{Family, Numbers};
use crate::blobstore;
use crate::call::SLICE_OVER;
use crate::component::Component;
use crate::engine::{EPOCHS_A_SLICE, Engine, Needs, Ticker};
use crate::error::{Code, Error, Result};
use crate::grants::Grants;
use crate::messaging;
use crate::outgoing;
use crate::state::State;
use crate::text::Signature;
use crate::transcode::{self, ExportPlan};
use std::borrow::Cow;
use std::sync::Arc;
use wasmtime::component::types::{ComponentFunc, ComponentItem};
use wasmtime::component::{InstancePre, Linker, Resource, ResourceType, Type};
use wasmtime::{Store, UpdateDeadline};
use wasmtime_wasi::p2::bindings::CommandPre;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::ProxyPre;
use wasmtime_wasi_http::p2::body::HostOutgoingBody;

/// A function that C answers.
pub struct ImportedFunction {
    /// "interface#function"
    pub name: String,
    /// Its only result is `result<_, own<error>>` of wrpc:rpc/error: a call that fails may be told to the guest as such an error.
    pub gives_rpc_error: bool,
    /// It is async: the guest may call others meanwhile.
    pub is_async: bool,
    /// Where streams and futures are among its parameters, and among its results.
    pub param_paths: Vec<String>,
    pub result_paths: Vec<String>,
    /// Of a function that the component's own types tell of.
    ty: Option<ComponentFunc>,
}

impl ImportedFunction {
    fn new(name: String, gives_rpc_error: bool, ty: Option<ComponentFunc>) -> Self {
        // One that cannot cross is refused where it is linked.
        let shape = ty.as_ref().and_then(|ty| transcode::shape(ty).ok());
        let shape = shape.unwrap_or_default();
        ImportedFunction {
            name,
            gives_rpc_error,
            is_async: shape.is_async,
            param_paths: shape.param_paths,
            result_paths: shape.result_paths,
            ty,
        }
    }
}

pub struct Prepared {
    engine: wasmtime::Engine,
    component: wasmtime::component::Component,
    pub needs: Needs,
    pub ticker: Arc<Ticker>,
    pub grants: Arc<Grants>,
    pub pre: InstancePre<State>,
    /// Set if the component exports wasi:http/incoming-handler.
    pub http: Option<ProxyPre<State>>,
    /// Set if the component exports wasi:cli/run.
    pub command: Option<CommandPre<State>>,
    /// Each import that C answers, by its number.
    pub imports: Vec<ImportedFunction>,
}

impl Prepared {
    pub fn new(engine: &Engine, component: &Component, config: &[u8]) -> Result<Self> {
        let grants = Arc::new(Grants::parse(config)?);
        let concurrent;
        let runtime = match component.needs {
            Needs::Nothing => engine.plain(),
            Needs::Concurrency => {
                concurrent = engine.concurrent()?;
                &*concurrent
            }
        };
        let mut linker = Cow::Borrowed(runtime.provided());
        let imports = link_imports(&mut linker, runtime.wasmtime(), component, &grants)?;
        let wasmtime = runtime.wasmtime().clone();
        refuse_exports(&wasmtime, component)?;
        let pre = linker.instantiate_pre(&component.inner).map_err(|error| {
            Error::from_wasmtime(
                Code::TypeMismatch,
                "the component's imports do not fit what this host provides",
                &error,
            )
            .hint("rebuild the component against WASI 0.2")
        })?;
        Ok(Prepared {
            engine: wasmtime,
            needs: component.needs,
            component: component.inner.clone(),
            ticker: engine.ticker().clone(),
            http: ProxyPre::new(pre.clone()).ok(),
            command: CommandPre::new(pre.clone()).ok(),
            grants,
            pre,
            imports,
        })
    }

    /// A store without limits cannot be had: this is the only place that makes one.
    pub fn store(&self) -> Store<State> {
        let mut store = Store::new(&self.engine, State::new(self.grants.clone()));
        store.limiter(|state| &mut state.limits);
        // Without this a call would yield at its first instruction: a new store's deadline has passed already.
        store.set_epoch_deadline(EPOCHS_A_SLICE);
        store.epoch_deadline_callback(|_| {
            SLICE_OVER.set(true);
            Ok(UpdateDeadline::Yield(EPOCHS_A_SLICE))
        });
        store.call_hook(|mut context, hook| {
            if matches!(hook, wasmtime::CallHook::CallingHost) {
                context.data_mut().host_calls += 1;
            }
            Ok(())
        });
        store
    }

    pub fn plan(&self, name: &str) -> Result<ExportPlan> {
        let (interface, function) = match name.rsplit_once('#') {
            Some((interface, function)) => (Some(interface), function),
            None => (None, name),
        };
        let plan = ExportPlan::new(&self.engine, &self.component, interface, function).map_err(|error| {
            Error::from_wasmtime(Code::NotFound, &format!("cannot call {name}"), &error)
                .hint("list the exports with `weft inspect`; a function is named ns:pkg/interface#function")
        })?;
        Ok(match self.needs {
            Needs::Nothing => plan,
            Needs::Concurrency => plan.streamed(),
        })
    }

    /// The types of an export.
    pub fn export_signature(&self, name: &str) -> Result<Signature> {
        let plan = self.plan(name)?;
        if name == messaging::HANDLER {
            return Err(Error::new(
                Code::Unsupported,
                format!("{name} takes what messages of 0.2.0 hold, not its own types"),
            )
            .hint("publish a message on a subject that its provider is subscribed to"));
        }
        Ok(Signature::new(plan.name(), plan.ty().clone(), false))
    }

    /// The types of the import of this number.
    pub fn import_signature(&self, number: u32) -> Result<Signature> {
        let import = self.imports.get(number as usize);
        match import.and_then(|import| Some((import, import.ty.clone()?))) {
            Some((import, ty)) => Ok(Signature::new(&import.name, ty, import.gives_rpc_error)),
            None => Err(Error::new(
                Code::NotFound,
                format!("nothing is known of the types of import {number}"),
            )),
        }
    }
}

/// All that the engine itself provides. Which guest calls is in the store, so one serves all components.
pub fn provided(engine: &wasmtime::Engine) -> Result<Linker<State>> {
    let mut linker = Linker::<State>::new(engine);
    let broken = |error: wasmtime::Error| {
        Error::from_wasmtime(
            Code::Internal,
            "cannot define the host's interfaces",
            &error,
        )
    };
    wasmtime_wasi::p2::add_to_linker_async(&mut linker).map_err(broken)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker).map_err(broken)?;
    linker.allow_shadowing(true);
    abort_dropped_bodies(&mut linker).map_err(broken)?;
    outgoing::link::link(&mut linker).map_err(broken)?;
    linker.allow_shadowing(false);
    Ok(linker)
}

/// A body that the guest drops without `finish` is not whole: the message must not look as if it were, so the response's body fails.
fn abort_dropped_bodies(linker: &mut Linker<State>) -> wasmtime::Result<()> {
    linker.instance("wasi:http/types@0.2.12")?.resource(
        "outgoing-body",
        ResourceType::host::<HostOutgoingBody>(),
        |mut store, rep| {
            let body = Resource::<HostOutgoingBody>::new_own(rep);
            store.data_mut().http().table.delete(body)?.abort();
            Ok(())
        },
    )
}

/// What the engine itself provides, always present; without a grant it is empty (no folders, no network, no arguments).
const PROVIDED: [&str; 8] = [
    "wasi:cli/",
    "wasi:clocks/",
    "wasi:filesystem/",
    "wasi:http/types",
    "wasi:http/outgoing-handler",
    "wasi:io/",
    "wasi:random/",
    "wasi:sockets/",
];

fn is_provided(name: &str) -> bool {
    let (path, version) = name.split_once('@').unwrap_or((name, ""));
    version.starts_with("0.2.")
        && PROVIDED
            .iter()
            .any(|prefix| path == *prefix || (prefix.ends_with('/') && path.starts_with(prefix)))
}

/// The resource whose values stand for calls that failed.
const RPC_ERROR: &str = "wrpc:rpc/error@";

fn rpc_error(engine: &wasmtime::Engine, component: &Component) -> Option<ResourceType> {
    for (name, item) in component.inner.component_type().imports(engine) {
        if name.starts_with(RPC_ERROR)
            && let ComponentItem::ComponentInstance(interface) = item.ty
            && let Some(error) = interface.get_export(engine, "error")
            && let ComponentItem::Resource(ty) = error.ty
        {
            return Some(ty);
        }
    }
    None
}

fn gives(function: &ComponentFunc, error: Option<ResourceType>) -> bool {
    let mut results = function.results();
    let (Some(Type::Result(result)), None) = (results.next(), results.next()) else {
        return false;
    };
    match result.err() {
        Some(Type::Own(resource)) => Some(resource) == error,
        _ => false,
    }
}

/// What a component with streams exports is looked at when it is loaded, and not at the first call.
fn refuse_exports(engine: &wasmtime::Engine, component: &Component) -> Result<()> {
    if component.needs == Needs::Nothing {
        return Ok(());
    }
    let check = |name: &str, ty: &ComponentFunc| match transcode::shape(ty) {
        Ok(_) => Ok(()),
        Err(error) => Err(Error::from_wasmtime(
            Code::Unsupported,
            &format!("the export {name} cannot be called"),
            &error,
        )),
    };
    for (name, item) in component.inner.component_type().exports(engine) {
        match item.ty {
            ComponentItem::ComponentFunc(ty) => check(name, &ty)?,
            ComponentItem::ComponentInstance(interface) => {
                for (function, item) in interface.exports(engine) {
                    if let ComponentItem::ComponentFunc(ty) = item.ty {
                        check(&format!("{name}#{function}"), &ty)?;
                    }
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Defines the imports that C answers, and refuses by name those that nobody does. A component without any is linked with what all share.
fn link_imports(
    linker: &mut Cow<'_, Linker<State>>,
    wasmtime: &wasmtime::Engine,
    component: &Component,
    grants: &Grants,
) -> Result<Vec<ImportedFunction>> {
    let rpc_error = rpc_error(wasmtime, component);
    let mut imports = Vec::new();
    let mut missing = Vec::new();
    let mut families = Vec::new();
    for (name, item) in component.inner.component_type().imports(wasmtime) {
        if is_provided(name) {
            continue;
        }
        let ComponentItem::ComponentInstance(interface) = item.ty else {
            if !matches!(item.ty, ComponentItem::Type(_)) {
                missing.push(name.to_owned());
            }
            continue;
        };
        let mut functions = Vec::new();
        let mut resources = Vec::new();
        for (export, item) in interface.exports(wasmtime) {
            match item.ty {
                ComponentItem::ComponentFunc(ty) => functions.push((export, ty)),
                ComponentItem::Resource(_) => resources.push(export),
                _ => {}
            }
        }
        if functions.is_empty() && resources.is_empty() {
            continue;
        }
        if !grants.answers(name) {
            missing.push(name.to_owned());
            continue;
        }
        let refused = |error: wasmtime::Error| {
            Error::from_wasmtime(
                Code::Unsupported,
                &format!("cannot link the import {name}"),
                &error,
            )
        };
        if let Some(family) = family_of(name) {
            if !families.contains(&family) {
                families.push(family);
            }
            continue;
        }
        let mut instance = linker.to_mut().instance(name).map_err(refused)?;
        let mut number = |function: &str, gives_rpc_error: bool, ty: Option<ComponentFunc>| {
            let full_name = format!("{name}#{function}");
            imports.push(ImportedFunction::new(full_name, gives_rpc_error, ty));
            u32::try_from(imports.len() - 1)
                .map_err(|_| Error::new(Code::ResourceExhausted, "too many imports"))
        };
        for resource in resources {
            let id = number(&format!("[resource-drop]{resource}"), false, None)?;
            transcode::link_resource(&mut instance, resource, id).map_err(refused)?;
        }
        for (function, ty) in functions {
            let id = number(function, gives(&ty, rpc_error), Some(ty.clone()))?;
            transcode::link_import(
                &mut instance,
                function,
                &format!("{name}#{function}"),
                &ty,
                id,
            )
            .map_err(refused)?;
        }
    }
    for family in families {
        link_family(linker.to_mut(), &FAMILIES[family], &mut imports)?;
    }
    if missing.is_empty() {
        return Ok(imports);
    }
    Err(Error::new(
        Code::NotGranted,
        format!(
            "the component imports {}, which nothing provides here",
            missing.join(", ")
        ),
    )
    .hint("link each to a component or provider that exports it; WASI 0.2 itself is always there"))
}

/// Interfaces whose resources live in the engine.
const FAMILIES: [Family; 2] = [blobstore::link::FAMILY, messaging::link::FAMILY];

fn family_of(interface: &str) -> Option<usize> {
    FAMILIES
        .iter()
        .position(|family| family.interfaces.contains(&interface))
}

fn link_family(
    linker: &mut Linker<State>,
    family: &Family,
    imports: &mut Vec<ImportedFunction>,
) -> Result<()> {
    let numbers = Numbers {
        first: imports.len() as u32,
        asked: family.asked,
    };
    let asked = family.asked.iter();
    imports.extend(asked.map(|name| ImportedFunction::new((*name).to_owned(), false, None)));
    (family.link)(linker, numbers).map_err(|error| {
        let what = format!("cannot define {}", family.name);
        Error::from_wasmtime(Code::Internal, &what, &error)
    })
}

#[cfg(test)]
mod tests {
    use super::is_provided;

    #[test]
    fn provides_wasi_02_and_nothing_else() {
        assert!(is_provided("wasi:io/poll@0.2.0"));
        assert!(is_provided("wasi:http/types@0.2.6"));
        assert!(!is_provided("wasi:http/types@0.3.0"));
        assert!(!is_provided("wasi:http/typesx@0.2.0"));
        assert!(!is_provided("wasi:keyvalue/store@0.2.0-draft"));
        assert!(!is_provided("wasi:io/poll"));
    }
}
