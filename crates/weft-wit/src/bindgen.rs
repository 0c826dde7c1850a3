// SPDX-License-Identifier: Apache-2.0
//! C bindings for one world: `<world>.h`, `<world>.c` and `<world>_component_type.o`, the object that carries the world's
//! types into the linked module, from where [`crate::componentize`] reads them.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use wit_bindgen_core::Files;

use crate::resolve::resolve_world;

/// One generated file, by its name relative to the output folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Generated {
    pub name: String,
    pub bytes: Vec<u8>,
}

/// Generates the bindings in memory. `wit` is a folder (with `deps/`) or file; `world` may be empty if there is only one.
pub fn bindgen_c(wit: &Path, world: &str) -> Result<Vec<Generated>> {
    let (mut resolve, id) = resolve_world(wit, world)?;
    let mut files = Files::default();
    wit_bindgen_c::Opts::default()
        .build()
        .generate(&mut resolve, id, &mut files)
        .with_context(|| format!("cannot generate C bindings for world '{world}'"))?;
    Ok(files
        .iter()
        .map(|(name, bytes)| Generated {
            name: name.to_owned(),
            bytes: bytes.to_vec(),
        })
        .collect())
}

/// Generates the bindings into `out`, which is created. A file that would not change is left alone, so that builds which
/// look at times do not run again. Returns the paths of all files, changed or not.
pub fn write_bindings(wit: &Path, world: &str, out: &Path) -> Result<Vec<PathBuf>> {
    let generated = bindgen_c(wit, world)?;
    fs::create_dir_all(out).with_context(|| format!("cannot create folder '{}'", out.display()))?;
    let mut paths = Vec::new();
    for file in generated {
        let path = out.join(&file.name);
        if fs::read(&path).ok().as_deref() != Some(file.bytes.as_slice()) {
            fs::write(&path, &file.bytes)
                .with_context(|| format!("cannot write '{}'", path.display()))?;
        }
        paths.push(path);
    }
    Ok(paths)
}
