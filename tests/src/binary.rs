//! Which `weft` is tested.

use std::path::PathBuf;

use anyhow::{Context, Result, bail};

/// The path of the `weft` executable: `WEFT_BINARY`, or the one of the target directory in which
/// the running executable is.
pub fn weft_binary() -> Result<PathBuf> {
    if let Some(path) = std::env::var_os("WEFT_BINARY").map(PathBuf::from) {
        if !path.is_file() {
            bail!(
                "WEFT_BINARY is {}, and there is no such file",
                path.display()
            );
        }
        return Ok(path);
    }
    let own = std::env::current_exe().context("cannot find the running executable")?;
    // `target/debug/deps/scenarios-…`, or `target/release/…` for a plain program.
    let found = own
        .ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("weft"));
    match found.clone().find(|path| path.is_file()) {
        Some(path) => Ok(path),
        None => bail!(
            "there is no `weft` beside {}; run `cargo build --package weft` first, or set WEFT_BINARY",
            own.display()
        ),
    }
}
