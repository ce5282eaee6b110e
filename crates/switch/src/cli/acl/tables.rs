//! `show acl-plugin tables`: what rules matched. VPP's tables are other ones, so only the counts
//! look alike.

use std::fmt::Write as _;

use super::super::CliError;
use super::{numbered, rule_text};
use crate::control::Control;

pub(in super::super) fn show(
    control: &mut Control,
    arguments: &[&str],
) -> Result<String, CliError> {
    const COMMAND: &str = "show acl-plugin tables";
    let arguments = arguments.strip_prefix(&["acl"]).unwrap_or(arguments);
    let wanted = numbered(COMMAND, "index", arguments)?;
    let mut text = String::from("Stats counters enabled for interface ACLs: 1\n");
    text.push_str("Use hash-based lookup for ACLs: 1\n");
    for (index, acl) in control.tables.acls() {
        if wanted.is_some_and(|wanted| wanted != index.0) {
            continue;
        }
        let _ = writeln!(text, "acl-index {} count {}", index.0, acl.rules.len());
        let matches = control.tables.acl_matches(index).unwrap_or_default();
        for (number, (rule, matched)) in acl.rules.iter().zip(matches).enumerate() {
            let (packets, bytes) = (matched.packets, matched.bytes);
            let rule = rule_text(rule);
            let _ = writeln!(
                text,
                "  {number:>9}: hitcount {packets} bytes {bytes} {rule}"
            );
        }
    }
    Ok(text)
}
