// SPDX-License-Identifier: Apache-2.0
//! From a WIT folder (with its `deps/`) or file, and the name of a world, to wit-parser's resolved form.

use std::path::Path;

use anyhow::{Context, Result, anyhow};
use wit_parser::{Resolve, WorldId};

/// `world` may be a bare name of the folder's own package, or a full one such as `wasi:http/proxy@0.2.12` of any package in
/// `deps/`. Empty means the package's only world.
pub fn resolve_world(wit: &Path, world: &str) -> Result<(Resolve, WorldId)> {
    let mut resolve = Resolve::default();
    let (package, _) = resolve
        .push_path(wit)
        .map_err(|error| anyhow!("{}", resolve.render_error(&error)))
        .with_context(|| format!("cannot read WIT from '{}'", wit.display()))?;
    let wanted = (!world.is_empty()).then_some(world);
    let id = resolve
        .select_world(&[package], wanted)
        .with_context(|| format!("cannot find world '{world}' in '{}'", wit.display()))?;
    Ok((resolve, id))
}
