// SPDX-License-Identifier: Apache-2.0
//! What a world wants of its host, read from the names and types it imports and exports: how it is run, and by which WASI.

use std::collections::{BTreeSet, HashMap};

use wit_parser::{
    Function, FunctionKind, InterfaceId, PackageName, Resolve, Type, TypeDefKind, TypeId, World,
    WorldItem, WorldKey,
};

use super::Kind;
use super::types::parts;

fn package_of(resolve: &Resolve, id: InterfaceId) -> Option<&PackageName> {
    resolve.interfaces[id]
        .package
        .map(|package| &resolve.packages[package].name)
}

fn interface_ids<'a>(world: &'a World) -> impl Iterator<Item = (&'a WorldKey, InterfaceId)> {
    world
        .imports
        .iter()
        .chain(&world.exports)
        .filter_map(|(key, item)| match item {
            WorldItem::Interface { id, .. } => Some((key, *id)),
            _ => None,
        })
}

pub(super) fn kind(resolve: &Resolve, world: &World) -> Kind {
    let exports = |wanted: &[&str]| {
        world.exports.keys().any(|key| {
            let name = resolve.name_world_key(key);
            wanted.contains(&name.split('@').next().unwrap_or_default())
        })
    };
    if exports(&["wasi:http/incoming-handler", "wasi:http/handler"]) {
        Kind::Http
    } else if exports(&["wasi:cli/run"]) {
        Kind::Command
    } else {
        Kind::Library
    }
}

pub(super) fn wasi_versions(resolve: &Resolve, world: &World) -> Vec<String> {
    let packages = interface_ids(world).filter_map(|(_, id)| package_of(resolve, id));
    let versions: BTreeSet<_> = packages
        .filter(|package| package.namespace == "wasi")
        .filter_map(|package| package.version.clone())
        .collect();
    versions.iter().map(ToString::to_string).collect()
}

pub(super) fn is_wasi_03(name: &str) -> bool {
    name.starts_with("wasi:")
        && name
            .split_once('@')
            .is_some_and(|(_, version)| version.starts_with("0.3."))
}

/// Imports and exports that need WASI 0.3: by their version, or because a function is async or has async types.
pub(super) fn async_items(resolve: &Resolve, world: &World) -> Vec<String> {
    let mut seen = HashMap::new();
    let mut out = BTreeSet::new();
    for (key, item) in world.imports.iter().chain(&world.exports) {
        let name = resolve.name_world_key(key);
        match item {
            WorldItem::Interface { id, .. } => {
                if is_wasi_03(&name) {
                    out.insert(name);
                    continue;
                }
                for function in resolve.interfaces[*id].functions.values() {
                    if is_async(resolve, function, &mut seen) {
                        out.insert(format!("{name}#{}", function.name));
                    }
                }
            }
            WorldItem::Function(function) => {
                if is_async(resolve, function, &mut seen) {
                    out.insert(name);
                }
            }
            WorldItem::Type { .. } => {}
        }
    }
    out.into_iter().collect()
}

fn is_async(resolve: &Resolve, function: &Function, seen: &mut HashMap<TypeId, bool>) -> bool {
    let by_kind = matches!(
        function.kind,
        FunctionKind::AsyncFreestanding
            | FunctionKind::AsyncMethod(_)
            | FunctionKind::AsyncStatic(_)
    );
    let types = function
        .params
        .iter()
        .map(|param| &param.ty)
        .chain(&function.result);
    by_kind || types.into_iter().any(|ty| holds_async(resolve, ty, seen))
}

fn holds_async(resolve: &Resolve, ty: &Type, seen: &mut HashMap<TypeId, bool>) -> bool {
    let Type::Id(id) = ty else {
        return matches!(ty, Type::ErrorContext);
    };
    if let Some(known) = seen.get(id) {
        return *known;
    }
    seen.insert(*id, false);
    let kind = &resolve.types[*id].kind;
    let found = matches!(kind, TypeDefKind::Future(_) | TypeDefKind::Stream(_))
        || parts(kind)
            .into_iter()
            .any(|ty| holds_async(resolve, ty, seen));
    seen.insert(*id, found);
    found
}
#[cfg(test)]
mod tests {
    use crate::describe::{Kind, check_supported, describe};
    use crate::engine::Needs;
    use crate::error::Code;

    fn wasm(wat: &str) -> Vec<u8> {
        wat::parse_str(wat).unwrap()
    }

    #[test]
    fn tells_what_a_component_is_for() {
        for (export, kind) in [
            ("wasi:http/incoming-handler@0.2.0", Kind::Http),
            ("wasi:cli/run@0.2.6", Kind::Command),
            ("a:b/run@0.2.6", Kind::Library),
        ] {
            let wat = format!(
                r#"(component
                    (core module $m (func (export "run")))
                    (core instance $i (instantiate $m))
                    (func $run (canon lift (core func $i "run")))
                    (instance $out (export "run" (func $run)))
                    (export "{export}" (instance $out)))"#
            );
            assert_eq!(describe(&wasm(&wat)).unwrap().kind, kind, "{export}");
        }
    }

    #[test]
    fn wasi_03_is_refused_by_name() {
        let wat = r#"(component (import "wasi:clocks/system-clock@0.3.0" (instance (export "now" (func (result u64))))))"#;
        let error = check_supported(&wasm(wat)).unwrap_err();
        assert_eq!(error.code, Code::Unsupported);
        assert!(
            error.message.contains("wasi:clocks/system-clock@0.3.0"),
            "{}",
            error.message
        );
    }

    #[test]
    fn streams_of_its_own_need_the_engine_that_has_them() {
        let wat = r#"(component (import "a:b/c" (instance (export "read" (func (result (stream u8)))))))"#;
        assert_eq!(check_supported(&wasm(wat)).unwrap(), Needs::Concurrency);
        let wat = r#"(component (core func (canon waitable-set.new)))"#;
        assert_eq!(check_supported(&wasm(wat)).unwrap(), Needs::Concurrency);
        let wat = r#"(component (import "a:b/c" (instance (export "read" (func (result u8))))))"#;
        assert_eq!(check_supported(&wasm(wat)).unwrap(), Needs::Nothing);
    }
}
