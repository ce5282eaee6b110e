//! Checks of the house: what no compiler looks at. `cargo xtask tiers`.

mod tiers;

use anyhow::{Result, bail};

fn main() -> Result<()> {
    let task = std::env::args().nth(1);
    match task.as_deref() {
        Some("tiers") => tiers::check(),
        _ => bail!("usage: cargo xtask tiers   a crate uses its own tier or a lower one"),
    }
}
