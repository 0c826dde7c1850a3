// SPDX-License-Identifier: Apache-2.0
//! The C ABI; documented in `include/weft_wit.h`, which is written by hand and must say the same.
