// SPDX-License-Identifier: Apache-2.0
//! Elements of streams and values of futures of whatever type, as encoded bytes on the host's side.
//!
//! wasmtime's streams have an element type of Rust. This one stands for every type of the component model: its size is that of the component's
//! own type, which wasmtime hands to each of its functions. The rest of the unsafe contract is that of raw.rs.

use bytes::Bytes;
use std::cell::RefCell;
use std::mem::MaybeUninit;

use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentType, Lift, Lower, ReadBuffer, Source, WriteBuffer};
use wasmtime::{AsContextMut, Result, ValRaw, bail};

use super::lift::{self, Sink};
use super::lower;

/// The largest element, encoded. Both sides hold one as a whole.
pub const MAX_ELEMENT: usize = 16 << 20;

/// One element, encoded. Empty: it has just been lifted, and its bytes are where `read` puts them.
pub struct Element(pub Bytes);

/// What is being lifted on this thread. wasmtime lifts element by element and does not say which, and to what is said to have no size it gives
/// the same address for all of them; so the number is counted here, and the bytes are collected in one place instead of one for each.
struct Lifting {
    next: usize,
    bytes: Vec<u8>,
}

thread_local! {
    static LIFTING: RefCell<Lifting> = const {
        RefCell::new(Lifting { next: 0, bytes: Vec::new() })
    };
}

/// At most `room` elements of what a guest writes, which begin with the `first` of its write, appended to `bytes`: how many there were.
pub fn read(
    source: &mut Source<'_, Element>,
    store: impl AsContextMut,
    first: usize,
    room: usize,
    bytes: &mut Vec<u8>,
) -> Result<usize> {
    LIFTING.with_borrow_mut(|lifting| {
        lifting.next = first;
        lifting.bytes = std::mem::take(bytes);
    });
    let mut taken = Taken {
        room,
        count: 0,
        bytes: Vec::new(),
    };
    let outcome = source.read(store, &mut taken);
    *bytes = LIFTING.with_borrow_mut(|lifting| std::mem::take(&mut lifting.bytes));
    outcome?;
    bytes.extend_from_slice(&taken.bytes);
    Ok(taken.count)
}

/// Counts what is lifted, and takes the bytes of what the host itself has made.
struct Taken {
    room: usize,
    count: usize,
    bytes: Vec<u8>,
}

impl ReadBuffer<Element> for Taken {
    fn extend<I: IntoIterator<Item = Element>>(&mut self, elements: I) {
        for element in elements {
            self.bytes.extend_from_slice(&element.0);
            self.count += 1;
            self.room -= 1;
        }
    }

    fn remaining_capacity(&self) -> usize {
        self.room
    }

    fn move_from(&mut self, input: &mut dyn WriteBuffer<Element>, count: usize) {
        for element in &input.remaining()[..count] {
            self.bytes.extend_from_slice(&element.0);
        }
        self.count += count;
        self.room -= count;
        input.skip(count);
    }
}

// SAFETY: `Lower` is no value at all, and nothing is ever written to or read from one. The size of nothing makes wasmtime check nothing, so the
// functions below check all that they touch.
unsafe impl ComponentType for Element {
    type Lower = [ValRaw; 0];
    const ABI: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: reads checked places of guest memory alone.
unsafe impl Lift for Element {
    fn linear_lift_from_flat(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &Self::Lower,
    ) -> Result<Self> {
        bail!("an element of a stream is lifted from memory")
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        let abi = cx.types.canonical_abi(&ty);
        let (size, align) = (abi.size32 as usize, abi.align32 as usize);
        // `bytes` is empty and begins where all the elements do; the addresses are only compared.
        let begin = (bytes.as_ptr() as usize).checked_sub(cx.memory().as_ptr() as usize);
        LIFTING.with_borrow_mut(|lifting| {
            let number = lifting.next;
            lifting.next += 1;
            let place = begin.and_then(|begin| begin.checked_add(number.checked_mul(size)?));
            let place = match (place, cx.memory().len().checked_sub(size)) {
                (Some(place), Some(last)) if place <= last => place,
                _ => bail!("an element of a stream lies outside of memory"),
            };
            if !place.is_multiple_of(align) {
                bail!("the elements of a stream are not aligned");
            }
            cx.consume_fuel(size)?;
            let before = lifting.bytes.len();
            let mut sink = Sink::default();
            sink.bytes = std::mem::take(&mut lifting.bytes);
            let lifted = lift::from_memory(&mut sink, cx, ty, place);
            lifting.bytes = sink.bytes;
            lifted?;
            match lifting.bytes.len() - before {
                size if size > MAX_ELEMENT => {
                    bail!("an element of {size} bytes is larger than a stream's can be ({MAX_ELEMENT})")
                }
                _ => Ok(Element(Bytes::new())),
            }
        })
    }
}

// SAFETY: guest memory is written through checked slices.
unsafe impl Lower for Element {
    fn linear_lower_to_flat<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        bail!("an element of a stream is lowered to memory")
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<()> {
        let mut source = lower::Source::new(&self.0, None, None);
        lower::to_memory(&mut source, cx, ty, offset)
    }

    fn linear_store_list_to_memory<T>(
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
        items: &[Self],
    ) -> Result<()> {
        let abi = cx.types.canonical_abi(&ty);
        let (size, align) = (abi.size32 as usize, abi.align32 as usize);
        if !offset.is_multiple_of(align) {
            bail!("the place for the elements of a stream is not aligned");
        }
        for (number, item) in items.iter().enumerate() {
            item.linear_lower_to_memory(cx, ty, offset + number * size)?;
        }
        Ok(())
    }
}
