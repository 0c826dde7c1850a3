// SPDX-License-Identifier: Apache-2.0
//! Where an encoded value ends, in bytes that may be cut anywhere: elements of streams come so, and are looked at only when they are whole.
//!
//! Follows lengths and cases and nothing else: whether a string is UTF-8 or an integer fits, the walk that reads the value says. The bytes come
//! from anywhere. Work is bounded by their number and memory by the depth of the type; what is announced is never made room for.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::__internal::{ComponentTypes, InterfaceType};
use wasmtime::{Result, bail};

use super::wire::{EncodingError, WireResult, flag_bytes};

/// What has to be known of a type to find the ends of its values.
#[derive(Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many bytes.
    Fixed(usize),
    /// An integer, or a case without a payload: up to ten bytes, the last of them below 0x80.
    Number,
    /// UTF-8.
    Char,
    List(Arc<Shape>),
    Fields(Box<[Arc<Shape>]>),
    /// A case and its payload.
    Cases(Box<[Option<Arc<Shape>>]>),
}

/// The most bytes that an integer takes.
const MAX_NUMBER: usize = 10;

impl Shape {
    /// Of a type that holds no handles, streams or futures. Types that occur more than once are walked once.
    pub fn of(types: &ComponentTypes, ty: InterfaceType) -> Result<Arc<Shape>> {
        Builder {
            types,
            known: HashMap::new(),
        }
        .shape(ty)
    }

    /// Its values take no bytes at all.
    pub fn is_empty(&self) -> bool {
        match self {
            Shape::Fixed(size) => *size == 0,
            Shape::Fields(fields) => fields.iter().all(|field| field.is_empty()),
            _ => false,
        }
    }

    /// Its values are all in one place, so none of them is large in proportion to what the guest gives for it.
    pub fn is_small(&self) -> bool {
        match self {
            Shape::Fixed(_) | Shape::Number | Shape::Char => true,
            Shape::List(_) => false,
            Shape::Fields(fields) => fields.len() <= 16 && fields.iter().all(|it| it.is_small()),
            Shape::Cases(cases) => {
                cases.len() <= 16 && cases.iter().flatten().all(|it| it.is_small())
            }
        }
    }
}

struct Builder<'a> {
    types: &'a ComponentTypes,
    known: HashMap<InterfaceType, Arc<Shape>>,
}

impl Builder<'_> {
    fn shape(&mut self, ty: InterfaceType) -> Result<Arc<Shape>> {
        if let Some(known) = self.known.get(&ty) {
            return Ok(known.clone());
        }
        let types = self.types;
        let shape = match ty {
            InterfaceType::Bool | InterfaceType::U8 | InterfaceType::S8 => Shape::Fixed(1),
            InterfaceType::Float32 => Shape::Fixed(4),
            InterfaceType::Float64 => Shape::Fixed(8),
            InterfaceType::U16
            | InterfaceType::S16
            | InterfaceType::U32
            | InterfaceType::S32
            | InterfaceType::U64
            | InterfaceType::S64
            | InterfaceType::Enum(_) => Shape::Number,
            InterfaceType::Char => Shape::Char,
            InterfaceType::String => Shape::List(Arc::new(Shape::Fixed(1))),
            InterfaceType::List(i) => Shape::List(self.shape(types[i].element)?),
            InterfaceType::Record(i) => {
                let fields = types[i].fields.iter().map(|field| field.ty);
                self.fields(fields)?
            }
            InterfaceType::Tuple(i) => self.fields(types[i].types.iter().copied())?,
            InterfaceType::Variant(i) => {
                let cases = types[i].cases.values().copied();
                Shape::Cases(self.cases(cases)?)
            }
            InterfaceType::Option(i) => Shape::Cases(self.cases([None, Some(types[i].ty)])?),
            InterfaceType::Result(i) => Shape::Cases(self.cases([types[i].ok, types[i].err])?),
            InterfaceType::Flags(i) => Shape::Fixed(flag_bytes(types[i].names.len())),
            InterfaceType::Own(_)
            | InterfaceType::Borrow(_)
            | InterfaceType::Future(_)
            | InterfaceType::Stream(_)
            | InterfaceType::ErrorContext(_)
            | InterfaceType::Map(_)
            | InterfaceType::FixedLengthList(_) => {
                bail!("a value of this type cannot be an element of a stream")
            }
        };
        let shape = Arc::new(shape);
        self.known.insert(ty, shape.clone());
        Ok(shape)
    }

    fn fields(&mut self, types: impl Iterator<Item = InterfaceType>) -> Result<Shape> {
        let fields = types
            .map(|ty| self.shape(ty))
            .collect::<Result<Box<[_]>>>()?;
        let mut sum = 0;
        for field in &fields {
            match **field {
                Shape::Fixed(size) => sum += size,
                _ => return Ok(Shape::Fields(fields)),
            }
        }
        Ok(Shape::Fixed(sum))
    }

    fn cases(
        &mut self,
        payloads: impl IntoIterator<Item = Option<InterfaceType>>,
    ) -> Result<Box<[Option<Arc<Shape>>]>> {
        let payloads = payloads.into_iter();
        payloads
            .map(|ty| ty.map(|ty| self.shape(ty)).transpose())
            .collect()
    }
}

/// What is still to come of a value.
#[derive(Debug)]
enum Step {
    Value(Arc<Shape>),
    /// Of these `Fields` those from that place on.
    Rest(Arc<Shape>, usize),
    Repeat(Arc<Shape>, u32),
    Skip(usize),
}

/// Follows one value through the bytes that have come of it.
#[derive(Debug)]
pub struct Measure {
    steps: Vec<Step>,
    at: usize,
}

impl Measure {
    pub fn new(shape: Arc<Shape>) -> Self {
        Measure {
            steps: vec![Step::Value(shape)],
            at: 0,
        }
    }

    /// How many bytes the value takes, once all of it is in `bytes`, which begin where it does and are those of the look before and what has come
    /// since. None: more is needed.
    pub fn look(&mut self, bytes: &[u8]) -> WireResult<Option<usize>> {
        while let Some(step) = self.steps.pop() {
            let left = &bytes[self.at.min(bytes.len())..];
            match step {
                Step::Skip(count) => {
                    let here = count.min(left.len());
                    self.at += here;
                    if here < count {
                        self.steps.push(Step::Skip(count - here));
                        return Ok(None);
                    }
                }
                Step::Rest(shape, place) => {
                    if let Shape::Fields(fields) = &*shape
                        && let Some(field) = fields.get(place)
                    {
                        let field = field.clone();
                        self.steps.push(Step::Rest(shape, place + 1));
                        self.steps.push(Step::Value(field));
                    }
                }
                Step::Repeat(shape, count) => match (&*shape, count) {
                    (_, 0) => {}
                    (Shape::Fixed(size), count) => {
                        // On a machine of 64 bits this cannot overflow: 32 bits and the size of a type.
                        self.steps
                            .push(Step::Skip(size.saturating_mul(count as usize)));
                    }
                    (other, _) if other.is_empty() => {}
                    (_, count) => {
                        self.steps.push(Step::Repeat(shape.clone(), count - 1));
                        self.steps.push(Step::Value(shape));
                    }
                },
                Step::Value(shape) => match self.value(&shape, left)? {
                    Some(Some(next)) => self.steps.push(next),
                    Some(None) => {}
                    None => {
                        self.steps.push(Step::Value(shape));
                        return Ok(None);
                    }
                },
            }
        }
        Ok(Some(self.at))
    }

    /// What follows the first bytes of a value; None: they have not come.
    #[allow(
        clippy::option_option,
        reason = "nothing may follow, and nothing may have come"
    )]
    fn value(&mut self, shape: &Arc<Shape>, left: &[u8]) -> WireResult<Option<Option<Step>>> {
        Ok(Some(match &**shape {
            Shape::Fixed(size) => Some(Step::Skip(*size)),
            Shape::Fields(_) => Some(Step::Rest(shape.clone(), 0)),
            Shape::Char => match left.first() {
                None => return Ok(None),
                Some(first) => Some(Step::Skip(match first {
                    0xf0.. => 4,
                    0xe0.. => 3,
                    0xc0.. => 2,
                    _ => 1,
                })),
            },
            Shape::Number => match self.number(left)? {
                None => return Ok(None),
                Some(_) => None,
            },
            Shape::List(element) => match self.number(left)? {
                None => return Ok(None),
                Some(count) => match u32::try_from(count) {
                    Ok(count) => Some(Step::Repeat(element.clone(), count)),
                    Err(_) => {
                        return self.error(format!("a list of {count} elements is announced"));
                    }
                },
            },
            Shape::Cases(cases) => match self.number(left)? {
                None => return Ok(None),
                Some(case) => match usize::try_from(case).ok().and_then(|case| cases.get(case)) {
                    Some(payload) => payload.clone().map(Step::Value),
                    None => {
                        return self.error(format!(
                            "case {case} does not exist, there are {}",
                            cases.len()
                        ));
                    }
                },
            },
        }))
    }

    /// Passes an integer of at most 64 bits; its value as an unsigned one.
    fn number(&mut self, left: &[u8]) -> WireResult<Option<u64>> {
        let mut value = 0u64;
        for (place, byte) in left.iter().take(MAX_NUMBER).enumerate() {
            value |= u64::from(byte & 0x7f)
                .checked_shl(7 * place as u32)
                .unwrap_or(0);
            if byte & 0x80 == 0 {
                self.at += place + 1;
                return Ok(Some(value));
            }
        }
        match left.len() < MAX_NUMBER {
            true => Ok(None),
            false => self.error("an integer does not end"),
        }
    }

    #[cold]
    fn error<T>(&self, message: impl Into<String>) -> WireResult<T> {
        Err(EncodingError {
            message: message.into(),
            offset: self.at,
        })
    }
}

#[cfg(test)]
mod tests;
