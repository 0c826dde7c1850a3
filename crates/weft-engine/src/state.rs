// SPDX-License-Identifier: Apache-2.0
//! What a guest's store holds on the host's side.

use crate::grants::Grants;
use crate::imports::ImportQueue;
use crate::logs::LogQueue;
use crate::outgoing::OutgoingQueue;
use crate::streams::StreamQueue;
use crate::transcode::{self, BytesHost, ResourceTable as HandleTable, wire};
use http::Request;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use wasmtime::component::ResourceTable;
use wasmtime::{ResourceLimiter, Result};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::p2::body::{HostOutgoingBody, StreamContext};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

pub struct State {
    grants: Arc<Grants>,
    table: ResourceTable,
    /// Made at the first use: most requests of most guests never look at it.
    wasi: Option<WasiCtx>,
    http: WasiHttpCtx,
    hooks: Hooks,
    handles: HandleTable,
    pub limits: Limits,
    pub logs: LogQueue,
    pub imports: ImportQueue,
    pub outgoing: OutgoingQueue,
    pub streams: StreamQueue,
    pub host_calls: u64,
}

impl State {
    pub fn new(grants: Arc<Grants>) -> Self {
        let limits = Limits {
            max_memory_bytes: usize::try_from(grants.max_memory_bytes).unwrap_or(usize::MAX),
            max_table_elements: usize::try_from(grants.max_table_elements).unwrap_or(usize::MAX),
            memory_bytes: 0,
            exhausted: false,
        };
        State {
            grants,
            table: ResourceTable::new(),
            wasi: None,
            http: WasiHttpCtx::new(),
            hooks: Hooks,
            handles: HandleTable::default(),
            limits,
            logs: LogQueue::default(),
            imports: ImportQueue::default(),
            outgoing: OutgoingQueue::default(),
            streams: StreamQueue::default(),
            host_calls: 0,
        }
    }

    /// What the guest's handles of the engine's resources mean.
    pub fn table(&mut self) -> &mut ResourceTable {
        &mut self.table
    }

    /// Fails every body that the guest has neither finished nor dropped, so that its message cannot look whole; a body that is finished or
    /// dropped has left the table. For the end of a call: nobody can write to them any more. True if there was one.
    pub fn abort_open_bodies(&mut self) -> bool {
        let mut found = false;
        for entry in self.table.iter_mut() {
            if let Some(body) = entry.downcast_mut::<HostOutgoingBody>() {
                let (ended, _) = HostOutgoingBody::new(StreamContext::Response, None, 1, 1);
                std::mem::replace(body, ended).abort();
                found = true;
            }
        }
        found
    }

    /// The folders were opened at deployment; should one have gone since, the guest simply finds none.
    fn wasi(&mut self) -> &mut WasiCtx {
        let (grants, logs) = (&self.grants, &self.logs);
        self.wasi.get_or_insert_with(|| {
            grants
                .wasi(logs)
                .unwrap_or_else(|_| WasiCtx::builder().build())
        })
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi();
        WasiCtxView {
            ctx: self.wasi.as_mut().expect("made just above"),
            table: &mut self.table,
        }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.hooks,
            table: &mut self.table,
            ctx: &mut self.http,
        }
    }
}

impl BytesHost for State {
    fn call_import(
        &mut self,
        id: u32,
        params: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = Result<Vec<u8>>> + Send>> {
        self.imports.park(id, params)
    }

    fn open_import(&mut self, id: u32, params: Vec<u8>) -> (u64, transcode::ImportFuture) {
        let pending = self.imports.begin(id, params);
        (pending.token(), Box::pin(pending))
    }

    fn streams(&self) -> StreamQueue {
        self.streams.clone()
    }

    fn resources(&mut self) -> &mut HandleTable {
        &mut self.handles
    }

    fn drop_resource(&mut self, id: u32, bytes: &[u8]) {
        let mut params = Vec::new();
        wire::put_byte_string(&mut params, bytes);
        self.imports.tell(id, params);
    }
}

/// Never asked to send: outgoing.rs stands in the place of what would ask.
struct Hooks;

type Background = Box<dyn Future<Output = std::result::Result<(), Error>> + Send>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        _request: Request<WasiBody>,
        _options: Option<RequestOptions>,
        _sent: Background,
    ) -> Box<
        dyn Future<Output = std::result::Result<(http::Response<WasiBody>, Background), Error>>
            + Send,
    > {
        Box::new(std::future::ready(Err(Error::HttpRequestDenied)))
    }
}

/// One store's share of memory: all linear memories together, each table by itself.
pub struct Limits {
    max_memory_bytes: usize,
    max_table_elements: usize,
    /// Linear memory never shrinks, so this is its peak as well.
    pub memory_bytes: usize,
    /// The guest was once refused memory; explains the trap that often follows.
    pub exhausted: bool,
}

impl Limits {
    /// Of all linear memories together.
    pub fn max_memory_bytes(&self) -> usize {
        self.max_memory_bytes
    }
}

impl ResourceLimiter for Limits {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        let total = self
            .memory_bytes
            .saturating_sub(current)
            .saturating_add(desired);
        if total > self.max_memory_bytes {
            self.exhausted = true;
            return Ok(false);
        }
        self.memory_bytes = total;
        Ok(true)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        _maximum: Option<usize>,
    ) -> Result<bool> {
        Ok(desired <= self.max_table_elements)
    }
}
