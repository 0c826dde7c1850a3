// SPDX-License-Identifier: Apache-2.0
//! Interfaces whose resources live here: what those need of the outside is asked of C by import calls, with functions and values that the
//! interface on the wire has.

use crate::imports::ImportQueue;
use crate::state::State;
use crate::streams::{Held, Pipe, StreamQueue};
use crate::transcode::wire::{self, Reader, WireResult};
use wasmtime::component::{Linker, LinkerInstance, Resource, ResourceType};
use wasmtime::{Result, StoreContextMut};

pub type Store<'a> = StoreContextMut<'a, State>;

/// Interfaces that belong together and are linked here.
pub struct Family {
    /// For messages: "wasi:blobstore".
    pub name: &'static str,
    /// With their versions.
    pub interfaces: &'static [&'static str],
    /// What C is asked for, as "interface#function", in the order of the numbers.
    pub asked: &'static [&'static str],
    /// Defines the interfaces.
    pub link: fn(&mut Linker<State>, Numbers) -> Result<()>,
}

/// The numbers of what a family asks for.
#[derive(Clone, Copy)]
pub struct Numbers {
    /// Of the first.
    pub first: u32,
    pub asked: &'static [&'static str],
}

impl Numbers {
    pub fn of(self, interface: &str, function: &str) -> u32 {
        let at = self
            .asked
            .iter()
            .position(|name| name.split_once('#') == Some((interface, function)));
        self.first + at.expect("a name of the family") as u32
    }
}

/// Defines a resource whose values are in the store's table.
pub fn resource<T: Send + Sync + 'static>(
    instance: &mut LinkerInstance<'_, State>,
    name: &str,
) -> Result<()> {
    instance.resource(name, ResourceType::host::<T>(), |mut store, rep| {
        let gone = Resource::<T>::new_own(rep);
        store.data_mut().table().delete(gone)?;
        Ok(())
    })
}

/// The parts of a store that an asking needs while it waits.
pub struct Asker {
    imports: ImportQueue,
    streams: StreamQueue,
}

impl Asker {
    pub fn new(store: &mut Store<'_>) -> Self {
        let state = store.data_mut();
        Asker {
            imports: state.imports.clone(),
            streams: state.streams.clone(),
        }
    }

    /// The answer's bytes.
    pub async fn ask(&self, import: u32, params: Vec<u8>) -> Result<Vec<u8>> {
        self.imports.begin(import, params).await
    }

    /// For functions with streams beside their values.
    pub async fn open(
        &self,
        import: u32,
        params: Vec<u8>,
        upload: Option<Pipe>,
    ) -> Result<(Vec<u8>, Held)> {
        let asked = self.imports.begin(import, params);
        let held = self.streams.open(asked.token(), upload);
        Ok((asked.await?, held))
    }
}

/// Parameters, one after the other.
pub fn params(texts: &[&str]) -> Vec<u8> {
    let mut out = Vec::new();
    for text in texts {
        wire::put_byte_string(&mut out, text.as_bytes());
    }
    out
}

/// `result<T, string>`.
pub fn answer<T>(
    bytes: &[u8],
    read: impl FnOnce(&mut Reader<'_>) -> WireResult<T>,
) -> Result<std::result::Result<T, String>> {
    let mut reader = Reader::new(bytes);
    let decoded = match reader.either() {
        Ok(false) => read(&mut reader).map(Ok),
        Ok(true) => reader.string().map(|why| Err(why.to_owned())),
        Err(why) => Err(why),
    };
    decoded.map_err(|why| wasmtime::format_err!("the answer does not decode: {why}"))
}
