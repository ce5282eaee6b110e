//! `vpe.api`: the program itself (VPP `src/vpp/api/api.c`).

use weft_vpp_wire::messages::vpe::{ShowVersion, ShowVersionReply};

use super::{Answer, Api, Call, Serve};
use crate::control::cut_to_field;
use crate::version::{API_RELEASE, PROGRAM};

pub(super) fn register(api: &mut Api) {
    api.request::<ShowVersion>();
}

impl Serve for ShowVersion {
    /// Says honestly that this is no VPP: clients that care look at `program`, which VPP fills with
    /// `vpe`.
    fn serve(self, _: &mut Call<'_>) -> Answer<ShowVersionReply> {
        let version = format!("{} (VPP {API_RELEASE} API)", env!("CARGO_PKG_VERSION"));
        Answer::ok(ShowVersionReply {
            program: cut_to_field(PROGRAM.as_bytes()),
            version: cut_to_field(version.as_bytes()),
            ..ShowVersionReply::default()
        })
    }
}
