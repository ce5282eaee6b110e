//! What is left of labs whose process was killed before it could clean up.
//!
//! A directory is the mark of a lab: it names the owner and every process that was started. Only
//! where the owner is dead, by number and start time, anything is removed, and only what the
//! directory or the unique name of the lab says to be its own.

use std::fs;
use std::path::Path;

use crate::namespace;
use crate::proc_id::ProcId;

/// File of a lab that says who made it.
pub(crate) const OWNER: &str = "owner";

/// Ending of the files that say which processes were started.
pub(crate) const PROCESS: &str = "process";

/// Removes orphaned labs of the kind `kind`. What cannot be removed is left for the next time.
pub(crate) fn remove(base: &Path, kind: &str) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if is_lab(name, kind) && is_orphan(&entry.path()) {
            remove_one(&entry.path(), name);
        }
    }
}

/// Whether `name` is `KIND-PID-COUNT`.
fn is_lab(name: &str, kind: &str) -> bool {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let rest = name
        .strip_prefix(kind)
        .and_then(|rest| rest.strip_prefix('-'));
    rest.and_then(|rest| rest.split_once('-'))
        .is_some_and(|(pid, n)| number(pid) && number(n))
}

fn is_orphan(directory: &Path) -> bool {
    fs::read_to_string(directory.join(OWNER))
        .ok()
        .and_then(|text| text.parse::<ProcId>().ok())
        .is_some_and(|owner| !owner.is_alive())
}

fn remove_one(directory: &Path, lab: &str) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == PROCESS)
            && let Ok(text) = fs::read_to_string(&path)
            && let Ok(process) = text.parse::<ProcId>()
        {
            process.kill();
        }
    }
    namespace::delete_all_of(lab);
    let _ = fs::remove_dir_all(directory);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_labs_of_the_kind_are_meant() {
        assert!(is_lab("weft-demo-17-0", "weft-demo"));
        for name in [
            "weft-demo",
            "weft-demo-17",
            "weft-demo-x-0",
            "weft-demo-17-0-a",
            "weft",
        ] {
            assert!(!is_lab(name, "weft-demo"), "{name}");
        }
    }
}
