// SPDX-License-Identifier: Apache-2.0
//! Which functions can be called with bytes, said before the first call and by name.

use super::path::Path;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// Flat values of the parameters; `None`: through memory.
    pub params: Option<usize>,
    /// Flat values of the results, 0 or 1; `None`: through memory.
    pub results: Option<usize>,
    /// Flat values of the results where a function lifted as async passes them: up to 16; `None`: through memory.
    pub async_results: Option<usize>,
    pub has_handles: bool,
    /// An async function of the component model, which others of the guest may run beside.
    pub is_async: bool,
    /// Where streams and futures are among the parameters, and among the results.
    pub param_paths: Vec<String>,
    pub result_paths: Vec<String>,
}

impl Shape {
    pub fn has_streams(&self) -> bool {
        !self.param_paths.is_empty() || !self.result_paths.is_empty()
    }
}

/// Checks that every value of the function can cross as bytes; the error names the parameter and the type.
pub fn shape(ty: &ComponentFunc) -> Result<Shape> {
    let mut walk = Walk::default();
    let mut params = 0;
    for (place, (name, ty)) in ty.params().enumerate() {
        walk.path.enter(place);
        params += walk.count(&ty, 0, &mut || format!("parameter `{name}`"))?;
        walk.path.leave();
    }
    let param_paths = std::mem::take(&mut walk.paths);
    let mut results = 0;
    for (place, ty) in ty.results().enumerate() {
        walk.path.enter(place);
        results += walk.count(&ty, 0, &mut || "the result".to_owned())?;
        walk.path.leave();
    }
    Ok(Shape {
        params: (params <= 16).then_some(params),
        results: (results <= 1).then_some(results),
        async_results: (results <= 16).then_some(results),
        has_handles: walk.has_handles,
        is_async: ty.async_(),
        param_paths,
        result_paths: walk.paths,
    })
}

#[derive(Default)]
struct Walk {
    has_handles: bool,
    path: Path,
    /// Of the streams and futures met so far, each once: cases of a variant share theirs.
    paths: Vec<String>,
    /// The list, stream or future that the walk is inside of.
    inside: Option<&'static str>,
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
        let mut inner = |walk: &mut Walk, ty: Type, part: &str| {
            walk.count(&ty, depth + 1, &mut || match part {
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
                let outside = self.inside.replace("a list");
                inner(self, list.ty(), "")?;
                self.inside = outside;
                2
            }
            Type::Record(record) => {
                let mut sum = 0;
                for (place, field) in record.fields().enumerate() {
                    self.path.enter(place);
                    sum += inner(self, field.ty, &format!("field `{}`", field.name))?;
                    self.path.leave();
                }
                sum
            }
            Type::Tuple(tuple) => {
                let mut sum = 0;
                for (place, ty) in tuple.types().enumerate() {
                    self.path.enter(place);
                    sum += inner(self, ty, "")?;
                    self.path.leave();
                }
                sum
            }
            Type::Variant(variant) => {
                let mut most = 0;
                for case in variant.cases() {
                    if let Some(ty) = case.ty {
                        most = most.max(inner(self, ty, &format!("case `{}`", case.name))?);
                    }
                }
                1 + most
            }
            Type::Option(option) => 1 + inner(self, option.ty(), "")?,
            Type::Result(result) => {
                let mut most = 0;
                for ty in [result.ok(), result.err()].into_iter().flatten() {
                    most = most.max(inner(self, ty, "")?);
                }
                1 + most
            }
            Type::Flags(flags) => flags.names().len().div_ceil(32),
            Type::Own(_) | Type::Borrow(_) => {
                self.has_handles = true;
                1
            }
            Type::Stream(stream) => {
                self.channel(stream.ty(), "a stream", depth, name)?;
                1
            }
            Type::Future(future) => {
                self.channel(future.ty(), "a future", depth, name)?;
                1
            }
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

    /// A stream or future of `payload`, which is not part of the values.
    fn channel(
        &mut self,
        payload: Option<Type>,
        what: &'static str,
        depth: usize,
        name: &mut dyn FnMut() -> String,
    ) -> Result<()> {
        if let Some(inside) = self.inside {
            bail!(
                "{} holds {what} inside of {inside}, which has no place of its own on the wire; pass it as a parameter, a field or a member",
                name()
            );
        }
        let Some(payload) = payload else {
            bail!(
                "{} is or holds {what} without a payload, which cannot be told from nothing on the wire; give it one, such as `bool`",
                name()
            );
        };
        let Some(path) = self.path.name() else {
            bail!(
                "{} holds {what} nested too deep; move it further up",
                name()
            );
        };
        if is_nothing(&payload) {
            bail!(
                "{} is or holds {what} whose payload has no bytes; give it one, such as `bool`",
                name()
            );
        }
        let has_handles = std::mem::take(&mut self.has_handles);
        let outside = self.inside.replace(what);
        self.count(&payload, depth + 1, name)?;
        self.inside = outside;
        if std::mem::replace(&mut self.has_handles, has_handles) {
            bail!(
                "{} is or holds {what} of handles, which is not supported; pass each handle as a parameter or a result",
                name()
            );
        }
        if !self.paths.contains(&path) {
            self.paths.push(path);
        }
        Ok(())
    }
}

/// Its values take no bytes.
fn is_nothing(ty: &Type) -> bool {
    match ty {
        Type::Record(record) => record.fields().all(|field| is_nothing(&field.ty)),
        Type::Tuple(tuple) => tuple.types().all(|ty| is_nothing(&ty)),
        Type::Flags(flags) => flags.names().len() == 0,
        _ => false,
    }
}
