// SPDX-License-Identifier: Apache-2.0
//! Which functions can be called with bytes, said before the first call and by name.

use wasmtime::component::{ResourceType, Type, types::ComponentFunc};
use wasmtime::{Result, bail};

/// Types nested deeper than this are refused. The component model has no recursive types, so the depth of values is
/// that of their type, and the walks of the transcoder are as deep.
pub const MAX_DEPTH: usize = 100;

/// The one type that all resources have whose handles are bytes of somebody else, see `link_resource`.
pub fn foreign_resource() -> ResourceType {
    ResourceType::host_dynamic(0x7765_6674)
}

/// What has to be known of a function before it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Flat values of the parameters; `None`: through memory.
    pub params: Option<usize>,
    /// Flat values of the results, 0 or 1; `None`: through memory.
    pub results: Option<usize>,
    pub has_handles: bool,
}

/// Checks that every value of the function can cross as bytes; the error names the parameter and the type.
pub fn shape(ty: &ComponentFunc) -> Result<Shape> {
    if ty.async_() {
        bail!("it is an async function of the component model, which is not supported yet");
    }
    let mut walk = Walk::default();
    let mut params = 0;
    for (name, ty) in ty.params() {
        params += walk.count(&ty, 0, &mut || format!("parameter `{name}`"))?;
    }
    let mut results = 0;
    for ty in ty.results() {
        results += walk.count(&ty, 0, &mut || "the result".to_owned())?;
    }
    Ok(Shape {
        params: (params <= 16).then_some(params),
        results: (results <= 1).then_some(results),
        has_handles: walk.has_handles,
    })
}

#[derive(Default)]
struct Walk {
    has_handles: bool,
}

/// More flat values than any function can pass; counting stops mattering there.
const MANY: usize = 1000;

impl Walk {
    /// The number of flat values of a type, at most `MANY`.
    fn count(
        &mut self,
        ty: &Type,
        depth: usize,
        name: &mut dyn FnMut() -> String,
    ) -> Result<usize> {
        if depth > MAX_DEPTH {
            bail!("{} is nested deeper than {MAX_DEPTH} types", name());
        }
        let mut inner = |ty: Type, part: &str| {
            self.count(&ty, depth + 1, &mut || match part {
                "" => name(),
                part => format!("{}, {part}", name()),
            })
        };
        let count = match ty {
            Type::Bool
            | Type::S8
            | Type::U8
            | Type::S16
            | Type::U16
            | Type::S32
            | Type::U32
            | Type::S64
            | Type::U64
            | Type::Float32
            | Type::Float64
            | Type::Char
            | Type::Enum(_) => 1,
            Type::String => 2,
            Type::List(list) => {
                inner(list.ty(), "")?;
                2
            }
            Type::Record(record) => {
                let mut sum = 0;
                for field in record.fields() {
                    sum += inner(field.ty, &format!("field `{}`", field.name))?;
                }
                sum
            }
            Type::Tuple(tuple) => {
                let mut sum = 0;
                for ty in tuple.types() {
                    sum += inner(ty, "")?;
                }
                sum
            }
            Type::Variant(variant) => {
                let mut most = 0;
                for case in variant.cases() {
                    if let Some(ty) = case.ty {
                        most = most.max(inner(ty, &format!("case `{}`", case.name))?);
                    }
                }
                1 + most
            }
            Type::Option(option) => 1 + inner(option.ty(), "")?,
            Type::Result(result) => {
                let mut most = 0;
                for ty in [result.ok(), result.err()].into_iter().flatten() {
                    most = most.max(inner(ty, "")?);
                }
                1 + most
            }
            Type::Flags(flags) => flags.names().len().div_ceil(32),
            Type::Own(_) | Type::Borrow(_) => {
                self.has_handles = true;
                1
            }
            Type::Stream(_) => bail!(
                "{} is or holds a stream, which is not supported yet",
                name()
            ),
            Type::Future(_) => bail!(
                "{} is or holds a future, which is not supported yet",
                name()
            ),
            Type::ErrorContext => bail!(
                "{} is or holds an error-context, which is not supported",
                name()
            ),
            Type::Map(_) => bail!("{} is or holds a map, which is not supported", name()),
            Type::FixedLengthList(_) => {
                bail!(
                    "{} is or holds a list of fixed length, which is not supported",
                    name()
                )
            }
        };
        Ok(count.min(MANY))
    }
}
