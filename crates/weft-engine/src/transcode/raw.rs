// SPDX-License-Identifier: Apache-2.0
//! The only unsafe code of the transcoder: wasmtime's traits for values, implemented for encoded bytes.
//!
//! `ComponentType`, `Lift` and `Lower` are public traits with hidden methods; their contract is written in wasmtime
//! 48.0.8, `src/runtime/component/func/typed.rs`. The version is pinned exactly; read that file again before moving it.
//! What the implementations promise, in short: `Lower` is a plain sequence of `ValRaw`; all of it is written before it is
//! read; what is read of guest memory is checked. They hold for *every* function type, because the type is walked at the
//! call: a wrong plan can make a call fail, never make it unsound.

use std::borrow::Cow;
use std::mem::MaybeUninit;
use std::sync::Arc;

use wasmtime::component::__internal::{
    CanonicalAbiInfo, InstanceType, InterfaceType, LiftContext, LowerContext,
};
use wasmtime::component::{ComponentNamedList, ComponentType, Func, Lift, Lower, TypedFunc};
use wasmtime::{Result, ValRaw, bail};

use super::channels::Ends;
use super::lift::{self, Sink};
use super::lower::{self, Source};
use super::resources::ResourceTable;
use super::wire::EncodingError;

/// The most flat values that parameters may take before they go through memory.
const MAX_FLAT_PARAMS: usize = 16;

/// Parameters of an import on their way out of a guest. `N` is the number of their flat values, 0 if they are in memory.
pub struct ImportParams<const N: usize>(pub Sink);

/// Results of an import on their way into a guest. `N` is the number of their flat values, 0 if they are in memory.
pub struct ImportResults<const N: usize> {
    pub bytes: Vec<u8>,
    pub table: Option<ResourceTable>,
    /// The import's name, for what is wrong with them.
    pub name: Arc<str>,
    pub ends: Option<Ends>,
}

/// Parameters of an export on their way into a guest.
pub struct ExportParams<'a> {
    pub bytes: Cow<'a, [u8]>,
    pub table: Option<ResourceTable>,
    pub ends: Option<Ends>,
}

/// Results of an export on their way out of a guest. `N` is the number of flat values that it returns, or 1 if it returns fewer or in memory.
pub struct ExportResults<const N: usize>(pub Sink);

/// What `SIZE32` and `ALIGN32` say. Neither is true nor used: the real values come from the type at the call.
const NOMINAL: CanonicalAbiInfo = CanonicalAbiInfo::ZERO;

/// Says whose results do not decode.
#[cold]
fn of_import(name: &str, error: wasmtime::Error) -> wasmtime::Error {
    match error.downcast::<EncodingError>() {
        Ok(bad) => wasmtime::Error::new(EncodingError {
            message: format!("`{name}`: {}", bad.message),
            offset: bad.offset,
        }),
        Err(error) => error,
    }
}

/// The flat count that the component's type really has must be the one that the array has.
fn check_flat<const N: usize>(
    ty: &InterfaceType,
    types: &InstanceType<'_>,
    max: usize,
) -> Result<()> {
    let real = types.types.canonical_abi(ty).flat_count(max).unwrap_or(0);
    if real != N {
        bail!("the function takes {real} flat values, not {N}");
    }
    Ok(())
}

// SAFETY: `Lower` is an array of `ValRaw`. `typecheck`, which wasmtime calls when the import is linked, refuses a type
// whose flat count is not `N`, so the array is exactly the values that the guest passes.
unsafe impl<const N: usize> ComponentType for ImportParams<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = NOMINAL;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        check_flat::<N>(ty, types, MAX_FLAT_PARAMS)
    }
}

// SAFETY: a named list is a tuple of parameters, which is the only type that this is used for.
unsafe impl<const N: usize> ComponentNamedList for ImportParams<N> {}

// SAFETY: reads only the slots of `src` and checked places of guest memory.
unsafe impl<const N: usize> Lift for ImportParams<N> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> Result<Self> {
        let mut sink = Sink::default();
        lift::from_flat(&mut sink, cx, ty, &mut lift::Slots::new(src))?;
        Ok(ImportParams(sink))
    }

    fn linear_lift_from_memory(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        bytes: &[u8],
    ) -> Result<Self> {
        // `bytes` is empty, since SIZE32 is 0, but it begins where the parameters do. wasmtime has checked alignment and
        // the real size there; the addresses are only compared, and every access goes through `cx.memory()` again.
        let offset = (bytes.as_ptr() as usize).checked_sub(cx.memory().as_ptr() as usize);
        let offset = match offset {
            Some(offset) if offset <= cx.memory().len() => offset,
            _ => bail!("the parameters lie outside of memory"),
        };
        let mut sink = Sink::default();
        lift::from_memory(&mut sink, cx, ty, offset)?;
        Ok(ImportParams(sink))
    }
}

// SAFETY: as for `ImportParams`; results have at most one flat value.
unsafe impl<const N: usize> ComponentType for ImportResults<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = NOMINAL;

    fn typecheck(ty: &InterfaceType, types: &InstanceType<'_>) -> Result<()> {
        check_flat::<N>(ty, types, 1)
    }
}

// SAFETY: as for `ImportParams`.
unsafe impl<const N: usize> ComponentNamedList for ImportResults<N> {}

// SAFETY: all of `dst` is written; guest memory is written through checked slices.
unsafe impl<const N: usize> Lower for ImportResults<N> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let slots = dst.write([ValRaw::u64(0); N]);
        let mut source = Source::new(&self.bytes, self.table.as_ref(), self.ends.as_ref());
        lower::to_flat(&mut source, cx, ty, &mut lower::Slots::new(slots))
            .map_err(|error| of_import(&self.name, error))
    }

    fn linear_lower_to_memory<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        offset: usize,
    ) -> Result<()> {
        let mut source = Source::new(&self.bytes, self.table.as_ref(), self.ends.as_ref());
        lower::to_memory(&mut source, cx, ty, offset).map_err(|error| of_import(&self.name, error))
    }
}

// SAFETY: `Lower` is as many `ValRaw` as any function can take; wasmtime hands the guest's entry a pointer to the first
// of them, and its own dynamic calls use the same room for every function.
unsafe impl ComponentType for ExportParams<'_> {
    type Lower = [ValRaw; MAX_FLAT_PARAMS];
    const ABI: CanonicalAbiInfo = NOMINAL;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: as for `ImportParams`.
unsafe impl ComponentNamedList for ExportParams<'_> {}

// SAFETY: all of `dst` is written; guest memory is written through checked slices.
unsafe impl Lower for ExportParams<'_> {
    fn linear_lower_to_flat<T>(
        &self,
        cx: &mut LowerContext<'_, T>,
        ty: InterfaceType,
        dst: &mut MaybeUninit<Self::Lower>,
    ) -> Result<()> {
        let slots = dst.write([ValRaw::u64(0); MAX_FLAT_PARAMS]);
        let mut source = Source::new(&self.bytes, self.table.as_ref(), self.ends.as_ref());
        let abi = cx.types.canonical_abi(&ty);
        if abi.flat_count(MAX_FLAT_PARAMS).is_some() {
            lower::to_flat(&mut source, cx, ty, &mut lower::Slots::new(slots))?;
        } else {
            // Too many for flat values: they go to memory of their exact size, and its address is the only flat value.
            let offset = cx.realloc(0, 0, abi.align32, abi.size32 as usize)?;
            lower::to_memory(&mut source, cx, ty, offset)?;
            slots[0] = ValRaw::u64(offset as u64);
        }
        Ok(())
    }

    fn linear_lower_to_memory<T>(
        &self,
        _: &mut LowerContext<'_, T>,
        _: InterfaceType,
        _: usize,
    ) -> Result<()> {
        bail!("parameters of an export are lowered flat")
    }
}

// SAFETY: as many `ValRaw` as the function returns: its flat results, or their address, which a function lifted as async passes in the same way. A
// function without results is given as one with one, which is there and unused; of a function that is lifted as async it is not, see `typed`.
unsafe impl<const N: usize> ComponentType for ExportResults<N> {
    type Lower = [ValRaw; N];
    const ABI: CanonicalAbiInfo = NOMINAL;

    fn typecheck(_: &InterfaceType, _: &InstanceType<'_>) -> Result<()> {
        Ok(())
    }
}

// SAFETY: as for `ImportParams`.
unsafe impl<const N: usize> ComponentNamedList for ExportResults<N> {}

// SAFETY: reads at most the slots and checked places of guest memory.
unsafe impl<const N: usize> Lift for ExportResults<N> {
    fn linear_lift_from_flat(
        cx: &mut LiftContext<'_>,
        ty: InterfaceType,
        src: &Self::Lower,
    ) -> Result<Self> {
        let most = if cx.options().async_ {
            MAX_FLAT_PARAMS
        } else {
            1
        };
        let mut sink = Sink::default();
        let abi = cx.types.canonical_abi(&ty);
        if abi.flat_count(most).is_some() {
            lift::from_flat(&mut sink, cx, ty, &mut lift::Slots::new(src))?;
        } else {
            let Some(address) = src.first() else {
                bail!("the address of the results is missing");
            };
            let offset = address.get_u32() as usize;
            if !offset.is_multiple_of(abi.align32 as usize) {
                bail!("return pointer not aligned");
            }
            match cx.memory().len().checked_sub(abi.size32 as usize) {
                Some(last) if offset <= last => {}
                _ => bail!("pointer out of bounds of memory"),
            }
            lift::from_memory(&mut sink, cx, ty, offset)?;
        }
        Ok(ExportResults(sink))
    }

    fn linear_lift_from_memory(
        _: &mut LiftContext<'_>,
        _: InterfaceType,
        _: &[u8],
    ) -> Result<Self> {
        bail!("results of an export are lifted flat")
    }
}

/// The function as one that takes and gives bytes. `N` is 1, or, if it is lifted as async, the number of its flat results, of which it may have up to
/// 16 (with more it is 1 again). wasmtime makes sure that there are no fewer.
pub fn typed<'a, const N: usize>(func: Func) -> TypedFunc<ExportParams<'a>, ExportResults<N>> {
    // SAFETY: the parameters fit every function; what is read of the results is what is there.
    unsafe { TypedFunc::new_unchecked(func) }
}

/// Lets `write` fill values that are zero before, and gives them back.
pub fn with_slots<V: Slots>(write: impl FnOnce(&mut MaybeUninit<V>) -> Result<()>) -> Result<V> {
    let mut slots = MaybeUninit::new(V::ZERO);
    write(&mut slots)?;
    // SAFETY: initialised above; `write` is one of wasmtime's lowerings, which only store into it.
    Ok(unsafe { slots.assume_init() })
}

/// A number of flat values.
pub trait Slots: Copy {
    const ZERO: Self;
}

impl Slots for ValRaw {
    const ZERO: Self = ZERO_SLOT;
}

impl<const N: usize> Slots for [ValRaw; N] {
    const ZERO: Self = [ZERO_SLOT; N];
}

// SAFETY: `ValRaw` is a union of plain numbers for which all zeros are valid.
const ZERO_SLOT: ValRaw = unsafe { MaybeUninit::zeroed().assume_init() };
