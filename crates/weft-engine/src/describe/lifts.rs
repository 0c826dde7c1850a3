// SPDX-License-Identifier: Apache-2.0
//! How a component that uses concurrency makes its functions of core ones: whether this engine can call what comes out.

use wasmparser::component_types::ComponentAnyTypeId;
use wasmparser::{CanonicalFunction, CanonicalOption, Parser, Payload, Validator, WasmFeatures};

use crate::error::{Code, Error, Result};

/// Refuses an async function that is lifted as if it were none: its results come in another form than its type tells. Whatever does not validate is
/// left to the compiler, which says why.
pub(super) fn refuse_sync_lifts(wasm: &[u8]) -> Result<()> {
    let features = WasmFeatures::WASM3 | WasmFeatures::COMPONENT_MODEL | WasmFeatures::CM_ASYNC;
    let mut validator = Validator::new_with_features(features);
    for payload in Parser::new(0).parse_all(wasm) {
        let Ok(payload) = payload else {
            return Ok(());
        };
        if let Payload::ComponentCanonicalSection(section) = &payload {
            for function in section.clone() {
                let Ok(CanonicalFunction::Lift {
                    type_index,
                    options,
                    ..
                }) = function
                else {
                    continue;
                };
                if !options.contains(&CanonicalOption::Async) && is_async(&validator, type_index) {
                    return Err(Error::new(
                        Code::Unsupported,
                        format!(
                            "the component lifts an async function without the async ABI (function type {type_index})"
                        ),
                    )
                    .hint("build it with bindings that export async functions as async"));
                }
            }
        }
        if validator.payload(&payload).is_err() {
            return Ok(());
        }
    }
    Ok(())
}

fn is_async(validator: &Validator, type_index: u32) -> bool {
    let Some(types) = validator.types(0) else {
        return false;
    };
    if type_index >= types.component_type_count() {
        return false;
    }
    match types.component_any_type_at(type_index) {
        ComponentAnyTypeId::Func(id) => types[id].async_,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_async_function_wants_the_async_abi() {
        for (ty, is_fine) in [("(func)", true), ("(func async)", false)] {
            let wat = format!(
                r#"(component
                    (core module $m (func (export "f")))
                    (core instance $i (instantiate $m))
                    (func (export "f") {} (canon lift (core func $i "f"))))"#,
                &ty[5..ty.len() - 1]
            );
            let wasm = wat::parse_str(&wat).unwrap();
            assert_eq!(refuse_sync_lifts(&wasm).is_ok(), is_fine, "{ty}");
        }
    }
}
