// SPDX-License-Identifier: Apache-2.0
//! All checkouts share one target folder, and cargo tells a crate of ours from the same crate in another checkout only by the age of its files. So the
//! checkout's path, which CMake and scripts/build_apps set, is part of what the crate is built from.
fn main() {
    println!("cargo:rerun-if-env-changed=WEFT_CHECKOUT");
    let checkout = std::env::var("WEFT_CHECKOUT").unwrap_or_default();
    println!("cargo:rustc-env=WEFT_CHECKOUT={checkout}");
}
