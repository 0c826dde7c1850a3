// SPDX-License-Identifier: Apache-2.0
//! Handles of resources as bytes.
//!
//! On the wire a handle is an opaque byte string. Two kinds of resources exist:
//! - *ours*: the guest (or a host interface inside the engine) owns the resource. It leaves as a token of this table
//!   and comes back as the same token. A token is an index and a keyed hash of it, so a peer that has seen one cannot
//!   make up another;
//! - *foreign*: whoever answers the import owns the resource (see `link_resource`). Its bytes are kept as they came,
//!   the guest gets an index to them, and the same bytes are sent back.
//!
//! One table belongs to one store. It is a shared handle because values are lowered while the store is borrowed.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wasmtime::component::ResourceAny;
use wasmtime::{Result, bail};

/// Length of a token of ours.
pub const TOKEN_BYTES: usize = 16;
/// The longest foreign handle that is kept.
const MAX_FOREIGN_BYTES: usize = 64 << 10;
/// How many handles one store may hold in each direction.
const MAX_HANDLES: usize = 1 << 20;

/// A handle just taken from a guest.
pub enum Lifted {
    /// Ownership has passed to the host.
    Own(ResourceAny),
    /// Lent for the time of the call; the representation itself means nothing outside of the guest.
    Borrow,
    /// Index of foreign bytes, given back by the guest.
    ForeignOwn(u32),
    ForeignBorrow(u32),
}

/// The resources of one store that have crossed, or may cross, as bytes.
#[derive(Clone, Default)]
pub struct ResourceTable {
    inner: Option<Arc<Mutex<Inner>>>,
}

struct Inner {
    key: RandomState,
    next: u64,
    ours: HashMap<u64, ResourceAny>,
    foreign: HashMap<u32, Box<[u8]>>,
    next_foreign: u32,
    /// Foreign handles lent to the guest for the running call of an export.
    lent: Vec<u32>,
}

impl ResourceTable {
    pub fn new() -> Self {
        Self::default()
    }

    /// A second handle to the same table; made on first use, so that a store without resources pays nothing.
    pub(super) fn share(&mut self) -> ResourceTable {
        self.inner.get_or_insert_with(|| {
            Arc::new(Mutex::new(Inner {
                key: RandomState::new(),
                next: 0,
                ours: HashMap::new(),
                foreign: HashMap::new(),
                next_foreign: 1,
                lent: Vec::new(),
            }))
        });
        self.clone()
    }

    fn lock(&self) -> Option<MutexGuard<'_, Inner>> {
        let inner = self.inner.as_ref()?;
        Some(inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// How many resources of ours are held for others.
    pub fn len(&self) -> usize {
        self.lock().map_or(0, |t| t.ours.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The resource of ours behind a handle, if there is one.
    pub fn find(&self, handle: &[u8]) -> Option<ResourceAny> {
        let table = self.lock()?;
        table.ours.get(&table.index(handle)?).copied()
    }

    /// Takes a resource of ours out of the table; the caller drops it (`ResourceAny::resource_drop_async`).
    pub fn take(&mut self, handle: &[u8]) -> Option<ResourceAny> {
        let mut table = self.lock()?;
        let index = table.index(handle)?;
        table.ours.remove(&index)
    }

    pub(super) fn forget(&self, handle: &[u8]) {
        if let Some(mut table) = self.lock()
            && let Some(index) = table.index(handle)
        {
            table.ours.remove(&index);
        }
    }

    /// Keeps the bytes of a foreign handle that now belongs to the guest.
    pub(super) fn adopt_foreign(&self, bytes: &[u8]) -> Result<u32> {
        match self.lock() {
            Some(mut table) => table.add_foreign(bytes),
            None => bail!("no table of resources"),
        }
    }

    /// Keeps the bytes of a foreign handle until the running call of an export ends.
    pub(super) fn lend_foreign(&self, bytes: &[u8]) -> Result<u32> {
        match self.lock() {
            Some(mut table) => {
                let rep = table.add_foreign(bytes)?;
                table.lent.push(rep);
                Ok(rep)
            }
            None => bail!("no table of resources"),
        }
    }

    pub(super) fn end_of_call(&self) {
        if let Some(mut table) = self.lock() {
            for rep in std::mem::take(&mut table.lent) {
                table.foreign.remove(&rep);
            }
        }
    }

    /// The guest has dropped a foreign handle.
    pub(super) fn drop_foreign(&self, rep: u32) -> Option<Box<[u8]>> {
        self.lock()?.foreign.remove(&rep)
    }

    /// Puts the handles into the encoded values at their places.
    pub(super) fn insert(
        &mut self,
        bytes: Vec<u8>,
        handles: Vec<(usize, Lifted)>,
    ) -> Result<Vec<u8>> {
        if handles.is_empty() {
            return Ok(bytes);
        }
        let shared = self.share();
        let Some(mut table) = shared.lock() else {
            bail!("no table of resources");
        };
        let mut out = Vec::with_capacity(bytes.len() + handles.len() * (TOKEN_BYTES + 1));
        let mut copied = 0;
        for (place, handle) in handles {
            out.extend_from_slice(&bytes[copied..place]);
            copied = place;
            match handle {
                Lifted::Own(any) => {
                    if table.ours.len() >= MAX_HANDLES {
                        bail!(
                            "more than {MAX_HANDLES} resources of one instance are held by others"
                        );
                    }
                    let index = table.next_index();
                    table.ours.insert(index, any);
                    super::wire::put_byte_string(&mut out, &table.token(index));
                }
                // Nobody can hand a borrow back: results hold none. The token only tells it from others.
                Lifted::Borrow => {
                    let index = table.next_index();
                    super::wire::put_byte_string(&mut out, &table.token(index));
                }
                Lifted::ForeignOwn(rep) => match table.foreign.remove(&rep) {
                    Some(bytes) => super::wire::put_byte_string(&mut out, &bytes),
                    None => bail!("a foreign resource is not in the table"),
                },
                Lifted::ForeignBorrow(rep) => match table.foreign.get(&rep) {
                    Some(bytes) => super::wire::put_byte_string(&mut out, bytes),
                    None => bail!("a foreign resource is not in the table"),
                },
            }
        }
        out.extend_from_slice(&bytes[copied..]);
        Ok(out)
    }
}

impl Inner {
    fn next_index(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    fn token(&self, index: u64) -> [u8; TOKEN_BYTES] {
        let mut token = [0; TOKEN_BYTES];
        token[..8].copy_from_slice(&index.to_le_bytes());
        token[8..].copy_from_slice(&self.key.hash_one(index).to_le_bytes());
        token
    }

    fn index(&self, handle: &[u8]) -> Option<u64> {
        let handle: &[u8; TOKEN_BYTES] = handle.try_into().ok()?;
        let index = u64::from_le_bytes(*handle.first_chunk()?);
        (self.token(index) == *handle).then_some(index)
    }

    fn add_foreign(&mut self, bytes: &[u8]) -> Result<u32> {
        if bytes.len() > MAX_FOREIGN_BYTES {
            bail!("a handle of {} bytes is too long", bytes.len());
        }
        if self.foreign.len() >= MAX_HANDLES {
            bail!("an instance holds more than {MAX_HANDLES} foreign resources");
        }
        while self.next_foreign == 0 || self.foreign.contains_key(&self.next_foreign) {
            self.next_foreign = self.next_foreign.wrapping_add(1);
        }
        let rep = self.next_foreign;
        self.next_foreign = rep.wrapping_add(1);
        self.foreign.insert(rep, bytes.into());
        Ok(rep)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_cannot_be_made_up() {
        let mut a = ResourceTable::new();
        let mut b = ResourceTable::new();
        let (a, b) = (a.share(), b.share());
        let token = a.lock().unwrap().token(7);
        assert_eq!(a.lock().unwrap().index(&token), Some(7));
        assert_eq!(b.lock().unwrap().index(&token), None);
        let mut other = token;
        other[0] = 8;
        assert_eq!(a.lock().unwrap().index(&other), None);
        assert_eq!(a.lock().unwrap().index(&token[..15]), None);
    }

    #[test]
    fn foreign_bytes_come_back_and_lent_ones_end_with_the_call() {
        let table = ResourceTable::new().share();
        let kept = table.adopt_foreign(b"kept").unwrap();
        let lent = table.lend_foreign(b"lent").unwrap();
        table.end_of_call();
        assert_eq!(table.drop_foreign(lent), None);
        assert_eq!(table.drop_foreign(kept).as_deref(), Some(&b"kept"[..]));
        assert!(
            table
                .adopt_foreign(&vec![0; MAX_FOREIGN_BYTES + 1])
                .is_err()
        );
    }
}
