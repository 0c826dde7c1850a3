// SPDX-License-Identifier: Apache-2.0
//! The items of a world as data, and their WIT types as text.

use serde_json::{Map, Value, json};
use wit_parser::{
    Function, FunctionKind, Handle, Resolve, Type, TypeDefKind, TypeId, WorldItem, WorldKey,
};

use super::Item;

pub(super) fn items<'a>(
    resolve: &Resolve,
    items: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Vec<Item> {
    let items = items.into_iter().map(|(key, item)| {
        let name = resolve.name_world_key(key);
        let data = match item {
            WorldItem::Interface { id, .. } => {
                let interface = &resolve.interfaces[*id];
                let functions: Vec<_> = interface
                    .functions
                    .values()
                    .map(|f| function(resolve, f))
                    .collect();
                let types = interface
                    .types
                    .iter()
                    .map(|(name, id)| type_definition(resolve, name, *id));
                json!({
                    "name": name,
                    "kind": "interface",
                    "functions": functions,
                    "types": types.collect::<Vec<_>>(),
                })
            }
            WorldItem::Function(f) => {
                let mut data = function(resolve, f);
                data["kind"] = "function".into();
                data
            }
            WorldItem::Type { id, .. } => {
                let mut data = Map::from_iter([("kind".to_owned(), "type".into())]);
                data.insert("name".to_owned(), name.clone().into());
                data.insert("type".to_owned(), type_definition(resolve, &name, *id));
                Value::Object(data)
            }
        };
        Item { name, data }
    });
    items.collect()
}

fn function(resolve: &Resolve, function: &Function) -> Value {
    let params = function.params.iter();
    let params =
        params.map(|param| json!({"name": param.name, "type": type_text(resolve, &param.ty)}));
    let (form, is_async) = match function.kind {
        FunctionKind::Freestanding => ("function", false),
        FunctionKind::AsyncFreestanding => ("function", true),
        FunctionKind::Method(_) => ("method", false),
        FunctionKind::AsyncMethod(_) => ("method", true),
        FunctionKind::Static(_) => ("static", false),
        FunctionKind::AsyncStatic(_) => ("static", true),
        FunctionKind::Constructor(_) => ("constructor", false),
    };
    json!({
        "name": function.name,
        "form": form,
        "async": is_async,
        "params": params.collect::<Vec<_>>(),
        "result": function.result.as_ref().map(|ty| type_text(resolve, ty)),
    })
}

fn type_definition(resolve: &Resolve, name: &str, id: TypeId) -> Value {
    let text = |ty: &Option<Type>| ty.as_ref().map(|ty| type_text(resolve, ty));
    let kind = &resolve.types[id].kind;
    let mut data = json!({"name": name, "kind": kind.as_str()});
    match kind {
        TypeDefKind::Record(record) => {
            let fields = record.fields.iter();
            let fields = fields.map(|f| json!({"name": f.name, "type": type_text(resolve, &f.ty)}));
            data["fields"] = fields.collect();
        }
        TypeDefKind::Variant(variant) => {
            let cases = variant.cases.iter();
            data["cases"] = cases
                .map(|c| json!({"name": c.name, "type": text(&c.ty)}))
                .collect();
        }
        TypeDefKind::Enum(e) => data["cases"] = e.cases.iter().map(|c| c.name.as_str()).collect(),
        TypeDefKind::Flags(flags) => {
            data["flags"] = flags.flags.iter().map(|f| f.name.as_str()).collect()
        }
        TypeDefKind::Resource | TypeDefKind::Unknown => {}
        TypeDefKind::Type(ty) => data["type"] = type_text(resolve, ty).into(),
        other => data["type"] = kind_text(resolve, other).into(),
    }
    data
}

/// A type as WIT writes it where it is used: named types by their name.
fn type_text(resolve: &Resolve, ty: &Type) -> String {
    let text = match ty {
        Type::Bool => "bool",
        Type::U8 => "u8",
        Type::U16 => "u16",
        Type::U32 => "u32",
        Type::U64 => "u64",
        Type::S8 => "s8",
        Type::S16 => "s16",
        Type::S32 => "s32",
        Type::S64 => "s64",
        Type::F32 => "f32",
        Type::F64 => "f64",
        Type::Char => "char",
        Type::String => "string",
        Type::ErrorContext => "error-context",
        Type::Id(id) => {
            let definition = &resolve.types[*id];
            return match &definition.name {
                Some(name) => name.clone(),
                None => kind_text(resolve, &definition.kind),
            };
        }
    };
    text.to_owned()
}

fn kind_text(resolve: &Resolve, kind: &TypeDefKind) -> String {
    let of = |ty: &Type| type_text(resolve, ty);
    let name = |id: &TypeId| resolve.types[*id].name.clone().unwrap_or_default();
    match kind {
        TypeDefKind::Handle(Handle::Own(id)) => format!("own<{}>", name(id)),
        TypeDefKind::Handle(Handle::Borrow(id)) => format!("borrow<{}>", name(id)),
        TypeDefKind::Tuple(tuple) => {
            let types: Vec<_> = tuple.types.iter().map(of).collect();
            format!("tuple<{}>", types.join(", "))
        }
        TypeDefKind::Option(ty) => format!("option<{}>", of(ty)),
        TypeDefKind::List(ty) => format!("list<{}>", of(ty)),
        TypeDefKind::FixedLengthList(ty, len) => format!("list<{}, {len}>", of(ty)),
        TypeDefKind::Map(key, value) => format!("map<{}, {}>", of(key), of(value)),
        TypeDefKind::Result(result) => match (&result.ok, &result.err) {
            (None, None) => "result".to_owned(),
            (Some(ok), None) => format!("result<{}>", of(ok)),
            (ok, Some(err)) => format!(
                "result<{}, {}>",
                ok.as_ref().map_or("_".to_owned(), of),
                of(err)
            ),
        },
        TypeDefKind::Future(ty) => ty
            .as_ref()
            .map_or("future".to_owned(), |ty| format!("future<{}>", of(ty))),
        TypeDefKind::Stream(ty) => ty
            .as_ref()
            .map_or("stream".to_owned(), |ty| format!("stream<{}>", of(ty))),
        TypeDefKind::Type(ty) => of(ty),
        other => other.as_str().to_owned(),
    }
}
/// The types that a definition holds; a handle does not hold its resource.
pub(super) fn parts(kind: &TypeDefKind) -> Vec<&Type> {
    match kind {
        TypeDefKind::Record(record) => record.fields.iter().map(|field| &field.ty).collect(),
        TypeDefKind::Tuple(tuple) => tuple.types.iter().collect(),
        TypeDefKind::Variant(variant) => variant
            .cases
            .iter()
            .filter_map(|case| case.ty.as_ref())
            .collect(),
        TypeDefKind::Result(result) => result.ok.iter().chain(&result.err).collect(),
        TypeDefKind::Map(key, value) => vec![key, value],
        TypeDefKind::Option(ty)
        | TypeDefKind::List(ty)
        | TypeDefKind::FixedLengthList(ty, _)
        | TypeDefKind::Type(ty) => vec![ty],
        TypeDefKind::Future(ty) | TypeDefKind::Stream(ty) => ty.iter().collect(),
        TypeDefKind::Resource
        | TypeDefKind::Handle(_)
        | TypeDefKind::Flags(_)
        | TypeDefKind::Enum(_)
        | TypeDefKind::Unknown => Vec::new(),
    }
}
