//! What the switch calls itself.

/// Name of the program, where VPP says `vpe`.
pub(crate) const PROGRAM: &str = "weft-switch";

/// The release of VPP whose API is served.
pub(crate) const API_RELEASE: &str = "26.06";
