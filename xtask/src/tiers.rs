//! The tier rule: a crate uses crates of its own tier or of a lower one, and never in a circle,
//! which Cargo sees to. Each crate names its tier in `package.metadata.weft.tier`.

use std::collections::BTreeMap;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;

/// What `cargo metadata` says, as far as it is needed.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    #[serde(default)]
    metadata: Option<serde_json::Value>,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev` and `build` dependencies have one.
    kind: Option<String>,
    /// Set for crates of this workspace.
    path: Option<String>,
}

/// Checks all crates of the workspace; all faults at once.
pub(crate) fn check() -> Result<()> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .output()
        .context("cannot run cargo metadata")?;
    ensure!(output.status.success(), "cargo metadata failed");
    let metadata: Metadata = serde_json::from_slice(&output.stdout)?;

    let mut tiers = BTreeMap::new();
    let mut faults = Vec::new();
    for package in &metadata.packages {
        let tier = package
            .metadata
            .as_ref()
            .and_then(|metadata| metadata.pointer("/weft/tier"));
        match tier.and_then(serde_json::Value::as_u64) {
            Some(tier) => {
                tiers.insert(package.name.as_str(), tier);
            }
            None => faults.push(format!("{} names no tier", package.name)),
        }
    }
    for package in &metadata.packages {
        // What tests use besides is no part of the structure.
        let dependencies = package.dependencies.iter();
        for dependency in dependencies.filter(|dep| dep.path.is_some() && dep.kind.is_none()) {
            let (Some(tier), Some(lower)) = (
                tiers.get(package.name.as_str()),
                tiers.get(dependency.name.as_str()),
            ) else {
                continue;
            };
            if lower > tier {
                faults.push(format!(
                    "{} (tier {tier}) uses {} (tier {lower})",
                    package.name, dependency.name
                ));
            }
        }
    }
    if faults.is_empty() {
        eprintln!(
            "tiers: {} crates, each uses its own tier or a lower one",
            tiers.len()
        );
        return Ok(());
    }
    bail!("the tier rule is broken:\n  {}", faults.join("\n  "))
}
