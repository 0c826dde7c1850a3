// SPDX-License-Identifier: Apache-2.0
//! Compiled artifacts on disk. An entry is named after the component's own digest and the engine's (version, settings, CPU features), and beside it
//! lies the digest of the artifact: compiled code is executed, so nothing is loaded whose bytes are not exactly those that were written, or from a
//! file or folder that another user could have written. Whatever is wrong with an entry, the component is compiled anew.

use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::hash::{Hash, Hasher};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::component::Component;

pub struct Entry {
    artifact: PathBuf,
    digest: PathBuf,
}

impl Entry {
    pub fn new(dir: &Path, engine: &wasmtime::Engine, wasm: &[u8]) -> Self {
        let mut compatibility = Fingerprint(Sha256::new());
        engine
            .precompile_compatibility_hash()
            .hash(&mut compatibility);
        let name = format!(
            "{}-{}",
            hex(&Sha256::digest(wasm)),
            &hex(&compatibility.0.finalize())[..16]
        );
        Entry {
            artifact: dir.join(format!("{name}.cwasm")),
            digest: dir.join(format!("{name}.sha256")),
        }
    }

    /// The component, if an entry is there and can be trusted.
    pub fn load(&self, engine: &wasmtime::Engine) -> Option<Component> {
        trusted(self.artifact.parent()?).ok()?;
        let mut file = File::open(&self.artifact).ok()?;
        only_ours(&file.metadata().ok()?).ok()?;
        let mut digest_file = File::open(&self.digest).ok()?;
        only_ours(&digest_file.metadata().ok()?).ok()?;
        let mut expected = String::new();
        Read::by_ref(&mut digest_file)
            .take(65)
            .read_to_string(&mut expected)
            .ok()?;
        let mut hasher = Sha256::new();
        io::copy(&mut file, &mut HashWriter(&mut hasher)).ok()?;
        if hex(&hasher.finalize()) != expected {
            return None;
        }
        // The very file that was read, whatever its name points at by now.
        let opened = format!("/proc/self/fd/{}", file.as_raw_fd());
        // SAFETY: these are the bytes that `store` wrote, by their digest, in a file and folder that only this user can write.
        unsafe { Component::deserialize_file(engine, opened) }.ok()
    }

    /// Failing to store (full disk, read-only folder) costs a compilation next time and nothing else.
    pub fn store(&self, component: &Component) -> io::Result<()> {
        let dir = self.artifact.parent().ok_or(io::ErrorKind::InvalidInput)?;
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)?;
        trusted(dir)?;
        let bytes = component.serialize().map_err(io::Error::other)?;
        replace(&self.artifact, &bytes)?;
        replace(&self.digest, hex(&Sha256::digest(&bytes)).as_bytes())
    }
}

/// Written beside and renamed, so that a reader sees all of it or nothing.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let temporary = path.with_extension(format!(
        "tmp-{}-{}",
        std::process::id(),
        COUNTER.fetch_add(1, Ordering::Relaxed)
    ));
    let written = (|| {
        let mut file = File::options()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&temporary)?;
        file.write_all(bytes)?;
        fs::rename(&temporary, path)
    })();
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn trusted(dir: &Path) -> io::Result<()> {
    only_ours(&fs::metadata(dir)?)
}

fn only_ours(metadata: &fs::Metadata) -> io::Result<()> {
    // Our own files are owned by who runs us; /proc/self is, too.
    let us = fs::metadata("/proc/self")?.uid();
    if metadata.uid() == us && metadata.mode() & 0o022 == 0 {
        Ok(())
    } else {
        Err(io::Error::from(io::ErrorKind::PermissionDenied))
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

struct Fingerprint(Sha256);

impl Hasher for Fingerprint {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
    fn finish(&self) -> u64 {
        0
    }
}

struct HashWriter<'a>(&'a mut Sha256);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
