// SPDX-License-Identifier: Apache-2.0
//! Imports that C answers: the guest's call is parked here and handed over after the poll, never answered on the guest's own stack.

use std::collections::{HashMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};

pub struct Parked {
    pub token: u64,
    pub import: u32,
    pub params: Vec<u8>,
}

enum Answer {
    Awaited(Option<Waker>),
    Given(Result<Vec<u8>, String>),
}

#[derive(Default)]
struct Imports {
    next_token: u64,
    fresh: VecDeque<Parked>,
    answers: HashMap<u64, Answer>,
}

impl Imports {
    fn push(&mut self, import: u32, params: Vec<u8>) -> u64 {
        self.next_token += 1;
        self.fresh.push_back(Parked {
            token: self.next_token,
            import,
            params,
        });
        self.next_token
    }
}

/// Shared by the store and the call; one thread at a time, the lock is for Send.
#[derive(Clone, Default)]
pub struct ImportQueue(Arc<Mutex<Imports>>);

impl ImportQueue {
    fn imports(&self) -> MutexGuard<'_, Imports> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub fn park(
        &self,
        import: u32,
        params: Vec<u8>,
    ) -> Pin<Box<dyn Future<Output = wasmtime::Result<Vec<u8>>> + Send>> {
        Box::pin(self.begin(import, params))
    }

    pub fn begin(&self, import: u32, params: Vec<u8>) -> Pending {
        let mut imports = self.imports();
        let token = imports.push(import, params);
        imports.answers.insert(token, Answer::Awaited(None));
        Pending {
            queue: self.clone(),
            token,
        }
    }

    /// Something that C is told of and nobody waits for: an answer is ignored.
    pub fn tell(&self, import: u32, params: Vec<u8>) {
        self.imports().push(import, params);
    }

    pub fn next(&self) -> Option<Parked> {
        self.imports().fresh.pop_front()
    }

    pub fn is_empty(&self) -> bool {
        self.imports().fresh.is_empty()
    }

    /// An answer to a call that was cancelled meanwhile is dropped.
    pub fn complete(&self, token: u64, answer: Result<Vec<u8>, String>) {
        let waker = match self.imports().answers.get_mut(&token) {
            Some(slot) => match std::mem::replace(slot, Answer::Given(answer)) {
                Answer::Awaited(waker) => waker,
                Answer::Given(_) => None,
            },
            None => None,
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// A call that C has yet to answer.
pub struct Pending {
    queue: ImportQueue,
    token: u64,
}

impl Pending {
    /// What C knows it by.
    pub fn token(&self) -> u64 {
        self.token
    }
}

impl Future for Pending {
    type Output = wasmtime::Result<Vec<u8>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut imports = self.queue.imports();
        match imports.answers.get_mut(&self.token) {
            Some(Answer::Awaited(waker)) => {
                *waker = Some(cx.waker().clone());
                Poll::Pending
            }
            Some(Answer::Given(answer)) => {
                let answer = std::mem::replace(answer, Ok(Vec::new()));
                Poll::Ready(answer.map_err(wasmtime::Error::msg))
            }
            None => Poll::Ready(Err(wasmtime::Error::msg("the import call was lost"))),
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let mut imports = self.queue.imports();
        imports.answers.remove(&self.token);
        let token = self.token;
        imports.fresh.retain(|parked| parked.token != token);
    }
}
