// SPDX-License-Identifier: Apache-2.0
//! How a guest's future asks its shard to be polled again. A wake that happens while the call is being polled only sets a flag, which `poll`
//! reports as "again"; any other wake calls the C callback, at most once until the next poll.

use std::ffi::c_void;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::task::Wake;

/// The C side's half: see weft_waker in weft_engine.h.
#[repr(C)]
pub struct RawWaker {
    pub context: *mut c_void,
    pub wake: extern "C" fn(*mut c_void),
    pub drop: extern "C" fn(*mut c_void),
}

// SAFETY: weft_engine.h demands that `wake` may be called from any thread and `drop` once from any.
unsafe impl Send for RawWaker {}
// SAFETY: as above.
unsafe impl Sync for RawWaker {}

impl Drop for RawWaker {
    fn drop(&mut self) {
        (self.drop)(self.context);
    }
}

/// Nobody is polling and no wake is on its way.
const IDLE: u8 = 0;
/// Inside `weft_call_poll` or between it and the C side's look at `woken`.
const POLLING: u8 = 1;
/// Woken; the owner knows or will learn.
const WOKEN: u8 = 2;

pub struct CallWaker {
    raw: RawWaker,
    state: AtomicU8,
}

impl CallWaker {
    pub fn new(raw: RawWaker) -> Arc<Self> {
        Arc::new(CallWaker {
            raw,
            state: AtomicU8::new(WOKEN),
        })
    }

    /// From here on a wake only leaves a mark.
    pub fn enter(&self) {
        self.state.store(POLLING, Ordering::Release);
    }

    /// True if a wake came since `enter`; otherwise wakes go to the C callback from now on.
    pub fn leave(&self) -> bool {
        self.state
            .compare_exchange(POLLING, IDLE, Ordering::AcqRel, Ordering::Acquire)
            .is_err()
    }

    /// Marks the call as being looked at, keeping a wake that has come already.
    pub fn enter_keeping(&self) {
        let _ = self
            .state
            .compare_exchange(IDLE, POLLING, Ordering::AcqRel, Ordering::Acquire);
    }
}

impl Wake for CallWaker {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.swap(WOKEN, Ordering::AcqRel) == IDLE {
            (self.raw.wake)(self.raw.context);
        }
    }
}
