// SPDX-License-Identifier: Apache-2.0
//! A call whose guest goes on when it has returned: its results are there while its streams are still open.

use super::{Call, Exports, HeadSlot, Lane, finish};
use crate::messaging;
use crate::transcode::{self, ExportPlan};
use crate::waker::RawWaker;
use std::sync::{Arc, Mutex, MutexGuard};

/// What a guest has returned and C has not seen yet. One thread at a time; the lock is for Send.
#[derive(Clone, Default)]
pub(super) struct EarlyResult(Arc<Mutex<Option<Vec<u8>>>>);

impl EarlyResult {
    fn slot(&self) -> MutexGuard<'_, Option<Vec<u8>>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    pub(super) fn take(&self) -> Option<Vec<u8>> {
        self.slot().take()
    }
}

impl Lane {
    /// Always with a fresh instance: one that is kept could still be at work for the call before.
    pub(super) fn streamed(&self, plan: Arc<ExportPlan>, params: Vec<u8>, waker: RawWaker) -> Call {
        let pre = self.prepared.pre.clone();
        let mut store = self.prepared.store();
        let call = self.call(waker, &store, HeadSlot::default(), None);
        let early = call.early.clone();
        call.running(async move {
            let outcome = async {
                let instance = pre.instantiate_async(&mut store).await?;
                let give = move |result| *early.slot() = Some(result);
                match plan.name() {
                    messaging::HANDLER => {
                        messaging::handle_streamed(&mut store, &instance, &plan, &params, give)
                            .await?
                    }
                    _ => {
                        transcode::call_streamed(&mut store, &instance, &plan, params, give).await?
                    }
                }
                Ok((Exports::Plain(instance), Vec::new()))
            }
            .await;
            finish(store, outcome, 0, 0, 0)
        })
    }
}
