// SPDX-License-Identifier: Apache-2.0
//! One call in flight: a future that the shard polls, and what has come out of it so far.

mod streamed;

pub use crate::body::BodyPiece;
use crate::body::{BodyFeed, poll_piece};
use crate::engine::{EPOCHS_A_SLICE, Ticker};
use crate::error::{Code, Error, Result};
use crate::imports::ImportQueue;
use crate::logs::LogQueue;
use crate::messaging;
use crate::outgoing::{self, OutgoingQueue};
use crate::prepared::Prepared;
use crate::state::State;
use crate::streams::StreamQueue;
use crate::transcode::{self, BytesHost, ExportPlan};
use crate::waker::{CallWaker, RawWaker};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Instant;
use streamed::EarlyResult;
use wasmtime::Store;
use wasmtime::component::Instance;
use wasmtime_wasi::runtime::with_ambient_tokio_runtime;
use wasmtime_wasi_http::WasiHttpView;
use wasmtime_wasi_http::p2::bindings::Proxy;
use wasmtime_wasi_http::p2::bindings::http::types::{ErrorCode, Scheme};
use wasmtime_wasi_http::p2::body::HyperOutgoingBody;

/// What may be reused of an instance.
enum Exports {
    Http(Proxy),
    Plain(Instance),
}

/// An instance that has answered and may answer again.
struct Warm {
    store: Store<State>,
    exports: Exports,
    uses: u32,
}

/// One thread's place to make calls from. Not Send: it stays on its shard.
pub struct Lane {
    prepared: Arc<Prepared>,
    warm: Rc<RefCell<Vec<Warm>>>,
}

/// How a guest's run ended, with its figures.
struct End {
    outcome: wasmtime::Result<Finish>,
    memory_bytes: usize,
    memory_refused: bool,
    host_calls: u64,
}

struct Finish {
    result: Vec<u8>,
    exit_code: i32,
    warm: Option<Warm>,
}

type Head = std::result::Result<Response<HyperOutgoingBody>, ErrorCode>;

#[derive(Clone, Default)]
struct HeadSlot(Arc<Mutex<Option<Head>>>);

impl HeadSlot {
    fn with<T>(&self, look: impl FnOnce(&mut Option<Head>) -> T) -> T {
        look(
            &mut self
                .0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner()),
        )
    }
}

pub const DONE: u32 = 1;
pub const AGAIN: u32 = 2;
pub const HEAD: u32 = 4;
pub const WANTS_BODY: u32 = 8;
pub const LOG: u32 = 16;
pub const IMPORT: u32 = 32;
pub const YIELDED: u32 = 64;
pub const HTTP: u32 = 128;
pub const STREAM: u32 = 256;
pub const RESULT: u32 = 512;

thread_local! {
    /// The guest that is being polled on this thread has used up its slice. Not in the store, which its own future holds.
    pub static SLICE_OVER: Cell<bool> = const { Cell::new(false) };
}

pub struct Call {
    future: Option<Pin<Box<dyn Future<Output = End> + Send>>>,
    waker: Arc<CallWaker>,
    std_waker: Waker,
    ticker: Arc<Ticker>,
    lane: Rc<RefCell<Vec<Warm>>>,
    head: HeadSlot,
    pub request_body: Option<BodyFeed>,
    response_body: Option<HyperOutgoingBody>,
    pub logs: LogQueue,
    pub imports: ImportQueue,
    pub outgoing: OutgoingQueue,
    pub streams: StreamQueue,
    /// What the guest has returned before it ended.
    early: EarlyResult,
    pub end: Option<Result<i32>>,
    pub result: Vec<u8>,
    pub cpu_nanos: u64,
    pub peak_memory_bytes: u64,
    pub host_calls: u64,
}

pub struct HttpRequest {
    pub scheme: Scheme,
    pub head: Request<()>,
    pub has_body: bool,
}

impl Lane {
    pub fn new(prepared: Arc<Prepared>) -> Self {
        Lane {
            prepared,
            warm: Rc::default(),
        }
    }

    pub fn http(&self, request: HttpRequest, waker: RawWaker) -> Result<Call> {
        let Some(pre) = self.prepared.http.clone() else {
            return Err(Error::new(
                Code::TypeMismatch,
                "the component does not export wasi:http/incoming-handler",
            ));
        };
        let (mut store, exports, uses) = self.instance();
        let slot = HeadSlot::default();
        let feed = request.has_body.then(BodyFeed::default);
        let body = match &feed {
            Some(feed) => feed.body().boxed_unsync(),
            None => Empty::new().map_err(|never| match never {}).boxed_unsync(),
        };
        let HttpRequest { scheme, head, .. } = request;
        let call = self.call(waker, &store, slot.clone(), feed);
        let (reuse, calls_before) = (self.prepared.grants.reuse, store.data().host_calls);
        Ok(call.running(async move {
            let outcome = async {
                let proxy = match exports {
                    Some(Exports::Http(proxy)) => proxy,
                    _ => pre.instantiate_async(&mut store).await?,
                };
                let mut view = store.data_mut().http();
                let request = view.new_incoming_request(scheme, head.map(|()| body))?;
                let out = view.new_response_outparam_from_callback(move |head| {
                    slot.with(|slot| *slot = Some(head))
                })?;
                proxy
                    .wasi_http_incoming_handler()
                    .call_handle(&mut store, request, out)
                    .await?;
                Ok((Exports::Http(proxy), Vec::new()))
            }
            .await;
            let left_open = outcome.is_ok() && store.data_mut().abort_open_bodies();
            // Its streams still hold the body open: only the end of the store lets go of them.
            let reuse = if left_open { 0 } else { reuse };
            finish(store, outcome, uses, reuse, calls_before)
        }))
    }

    pub fn command(&self, waker: RawWaker) -> Result<Call> {
        let Some(pre) = self.prepared.command.clone() else {
            return Err(Error::new(
                Code::TypeMismatch,
                "the component does not export wasi:cli/run",
            ));
        };
        let mut store = self.prepared.store();
        let call = self.call(waker, &store, HeadSlot::default(), None);
        Ok(call.running(async move {
            let outcome = async {
                let command = pre.instantiate_async(&mut store).await?;
                command.wasi_cli_run().call_run(&mut store).await
            }
            .await;
            let data = store.data();
            End {
                memory_bytes: data.limits.memory_bytes,
                memory_refused: data.limits.exhausted,
                host_calls: data.host_calls,
                outcome: outcome.map(|answer| Finish {
                    result: Vec::new(),
                    exit_code: i32::from(answer.is_err()),
                    warm: None,
                }),
            }
        }))
    }

    pub fn function(
        &self,
        plan: Arc<ExportPlan>,
        params: Vec<u8>,
        waker: RawWaker,
    ) -> Result<Call> {
        if plan.is_streamed() {
            return Ok(self.streamed(plan, params, waker));
        }
        let pre = self.prepared.pre.clone();
        let (mut store, exports, uses) = self.instance();
        let call = self.call(waker, &store, HeadSlot::default(), None);
        let (reuse, calls_before) = (self.prepared.grants.reuse, store.data().host_calls);
        Ok(call.running(async move {
            let outcome = async {
                let instance = match exports {
                    Some(Exports::Plain(instance)) => instance,
                    _ => pre.instantiate_async(&mut store).await?,
                };
                let result = match plan.name() {
                    messaging::HANDLER => {
                        messaging::handle(&mut store, &instance, &plan, &params).await?
                    }
                    _ => transcode::call_export(&mut store, &instance, &plan, &params).await?,
                };
                Ok((Exports::Plain(instance), result))
            }
            .await;
            finish(store, outcome, uses, reuse, calls_before)
        }))
    }

    /// Drops a resource by the handle that its owner, an instance that is kept for further calls, gave for it. The owner's destructor runs as a
    /// call of its own. Errors: `NotFound` if no kept instance owns it; the resources of an instance die with it.
    pub fn drop_resource(&self, handle: &[u8], waker: RawWaker) -> Result<Call> {
        let taken = self
            .warm
            .borrow_mut()
            .iter_mut()
            .enumerate()
            .find_map(|(index, warm)| {
                let resource = warm.store.data_mut().resources().take(handle)?;
                Some((index, resource))
            });
        let Some((index, resource)) = taken else {
            return Err(Error::new(
                Code::NotFound,
                "no instance that is kept owns the resource",
            ));
        };
        let Warm {
            mut store,
            exports,
            uses,
        } = self.warm.borrow_mut().remove(index);
        store.set_epoch_deadline(EPOCHS_A_SLICE);
        let call = self.call(waker, &store, HeadSlot::default(), None);
        let calls_before = store.data().host_calls;
        Ok(call.running(async move {
            let dropped = resource.resource_drop_async(&mut store).await;
            // A drop does not count as a use.
            let outcome = dropped.map(|()| (exports, Vec::new()));
            let mut end = finish(store, outcome, uses, u32::MAX, calls_before);
            if let Ok(Finish {
                warm: Some(warm), ..
            }) = &mut end.outcome
            {
                warm.uses = uses;
            }
            end
        }))
    }

    /// A warm instance, or a fresh store.
    fn instance(&self) -> (Store<State>, Option<Exports>, u32) {
        match self.warm.borrow_mut().pop() {
            Some(mut warm) => {
                warm.store.set_epoch_deadline(EPOCHS_A_SLICE);
                (warm.store, Some(warm.exports), warm.uses)
            }
            None => (self.prepared.store(), None, 0),
        }
    }

    fn call(
        &self,
        waker: RawWaker,
        store: &Store<State>,
        head: HeadSlot,
        request_body: Option<BodyFeed>,
    ) -> Call {
        let waker = CallWaker::new(waker);
        self.prepared.ticker.call_started();
        Call {
            future: None,
            std_waker: waker.clone().into(),
            waker,
            ticker: self.prepared.ticker.clone(),
            lane: self.warm.clone(),
            head,
            request_body,
            response_body: None,
            logs: store.data().logs.clone(),
            imports: store.data().imports.clone(),
            outgoing: store.data().outgoing.clone(),
            streams: store.data().streams.clone(),
            early: EarlyResult::default(),
            end: None,
            result: Vec::new(),
            cpu_nanos: 0,
            peak_memory_bytes: 0,
            host_calls: 0,
        }
    }
}

/// Keeps the instance if it may serve again; one that failed is never used again.
fn finish(
    store: Store<State>,
    outcome: wasmtime::Result<(Exports, Vec<u8>)>,
    uses: u32,
    reuse: u32,
    calls_before: u64,
) -> End {
    let data = store.data();
    if outcome.is_err() || uses >= reuse {
        // Before the store goes, whose end would be taken for that of what the guest was writing.
        data.streams.close();
    }
    let (memory_bytes, memory_refused, host_calls) = (
        data.limits.memory_bytes,
        data.limits.exhausted,
        data.host_calls - calls_before,
    );
    End {
        memory_bytes,
        memory_refused,
        host_calls,
        outcome: outcome.map(|(exports, result)| Finish {
            result,
            exit_code: 0,
            warm: (uses < reuse).then_some(Warm {
                store,
                exports,
                uses: uses + 1,
            }),
        }),
    }
}

impl Call {
    fn running(mut self, future: impl Future<Output = End> + Send + 'static) -> Self {
        self.future = Some(Box::pin(future));
        self
    }

    /// Runs the guest until it waits, yields or ends. Flags as in weft_engine.h.
    pub fn poll(&mut self) -> u32 {
        self.waker.enter();
        let mut flags = 0;
        if let Some(future) = &mut self.future {
            let before = Instant::now();
            // Timers, sockets and files of WASI look for a runtime around them; theirs has threads of its own.
            let polled = with_ambient_tokio_runtime(|| {
                future
                    .as_mut()
                    .poll(&mut Context::from_waker(&self.std_waker))
            });
            if SLICE_OVER.take() {
                flags |= YIELDED;
            }
            self.cpu_nanos += u64::try_from(before.elapsed().as_nanos()).unwrap_or(u64::MAX);
            if let Poll::Ready(end) = polled {
                self.ended(end);
            }
        }
        if let Some(result) = self.early.take() {
            self.result = result;
            flags |= RESULT;
        }
        if self.end.is_some() {
            flags |= DONE;
        }
        if self.head.with(|head| head.is_some()) {
            flags |= HEAD;
        }
        if self
            .request_body
            .as_ref()
            .is_some_and(BodyFeed::take_wanted)
        {
            flags |= WANTS_BODY;
        }
        if !self.logs.is_empty() {
            flags |= LOG;
        }
        if !self.imports.is_empty() {
            flags |= IMPORT;
        }
        if !self.outgoing.is_empty() {
            flags |= HTTP;
        }
        if !self.streams.is_empty() {
            flags |= STREAM;
        }
        if self.waker.leave() {
            flags |= AGAIN;
        }
        flags
    }

    fn ended(&mut self, end: End) {
        self.drop_future();
        self.logs.finish();
        self.peak_memory_bytes = end.memory_bytes as u64;
        self.host_calls = end.host_calls;
        self.end = Some(match end.outcome {
            Ok(finish) => {
                if !finish.result.is_empty() {
                    self.result = finish.result;
                }
                self.lane.borrow_mut().extend(finish.warm);
                Ok(finish.exit_code)
            }
            Err(error) => match error.downcast_ref::<wasmtime_wasi::I32Exit>() {
                Some(exit) => Ok(exit.0),
                None if end.memory_refused => {
                    let mut error = Error::from_call(&error);
                    error.message.push_str(" after it was refused more memory");
                    Err(error.hint("raise the limit with --max-memory, or make the guest use less"))
                }
                None => Err(Error::from_call(&error)),
            },
        });
    }

    /// The guest's future panicked inside the engine: nothing of it may run again.
    pub fn panicked(&mut self) {
        self.drop_future();
        self.end = Some(Err(Error::new(
            Code::Internal,
            "the engine panicked while it ran the guest",
        )));
    }

    fn drop_future(&mut self) {
        if let Some(future) = self.future.take() {
            self.ticker.call_finished();
            // Before the guest goes, or its end would be taken for that of what it was writing. A warm instance may still hold some, which nobody
            // will answer.
            self.streams.close();
            drop(future);
            self.outgoing.close();
        }
    }

    /// Answers an import. What that wakes is told by `woken`, not by the C callback.
    pub fn answer_import(&self, token: u64, answer: std::result::Result<Vec<u8>, String>) {
        self.waker.enter_keeping();
        self.imports.complete(token, answer);
    }

    /// The streams of import calls, to be changed. What that wakes is told by `woken`, which must follow, not by the C callback: without it every
    /// later wake would be lost.
    pub fn streams_to_change(&self) -> &StreamQueue {
        self.waker.enter_keeping();
        &self.streams
    }

    pub fn woken(&self) -> bool {
        self.waker.enter_keeping();
        self.waker.leave()
    }

    /// The response's head, once; its body comes from `body_next`.
    pub fn take_head(&mut self) -> Option<std::result::Result<http::response::Parts, ErrorCode>> {
        match self.head.with(Option::take)? {
            Ok(response) => {
                let (parts, body) = response.into_parts();
                self.response_body = Some(body);
                Some(Ok(parts))
            }
            Err(error) => Some(Err(error)),
        }
    }

    pub fn body_next(&mut self) -> BodyPiece {
        self.waker.enter_keeping();
        let Some(body) = &mut self.response_body else {
            return BodyPiece::End;
        };
        poll_piece(body, &mut Context::from_waker(&self.std_waker))
    }
}

impl Call {
    /// A request that the guest sends, and whether a body follows; once.
    pub fn take_request(&mut self, token: u64) -> Option<(outgoing::Head, bool)> {
        self.waker.enter_keeping();
        self.outgoing
            .take_request(token, &mut Context::from_waker(&self.std_waker))
    }

    pub fn request_body_next(&mut self, token: u64) -> BodyPiece {
        self.waker.enter_keeping();
        self.outgoing
            .body_next(token, &mut Context::from_waker(&self.std_waker))
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.drop_future();
    }
}
