// SPDX-License-Identifier: Apache-2.0
//! As in weft-engine: tells the same crate of different checkouts apart, which share one target folder.
fn main() {
    println!("cargo:rerun-if-env-changed=WEFT_CHECKOUT");
    let checkout = std::env::var("WEFT_CHECKOUT").unwrap_or_default();
    println!("cargo:rustc-env=WEFT_CHECKOUT={checkout}");
}
