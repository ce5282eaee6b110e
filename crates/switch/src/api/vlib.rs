//! `vlib.api`: command line and threads (VPP `src/vlibmemory/vlib_api.c`).

use weft_vpp_wire::messages::vlib::{
    CliInband, CliInbandReply, ShowThreads, ShowThreadsReply, ThreadData,
};
use weft_vpp_wire::{List, Retval, VarString};

use super::{Answer, Api, Call, Serve};
use crate::control::cut_to_field;

pub(super) fn register(api: &mut Api) {
    api.request::<CliInband>();
    api.request::<ShowThreads>();
}

impl Serve for CliInband {
    /// What the command printed, its error message included; -1 if it failed.
    fn serve(self, call: &mut Call<'_>) -> Answer<CliInbandReply> {
        let (retval, text) = match crate::cli::run(call.control, &self.cmd.to_str()) {
            Ok(text) => (Retval::OK, text),
            Err(error) => (Retval::UNSPECIFIED, format!("{error}\n")),
        };
        let reply = VarString::from(text.as_str());
        Answer::refused(retval, CliInbandReply { reply })
    }
}

impl Serve for ShowThreads {
    fn serve(self, call: &mut Call<'_>) -> Answer<ShowThreadsReply> {
        let main = ("weft_main".to_owned(), std::process::id());
        let workers = call.control.workers.threads();
        let threads = std::iter::once(main)
            .chain(workers)
            .zip(0_u32..)
            .map(|((name, tid), id)| ThreadData {
                id,
                name: cut_to_field(name.as_bytes()),
                r#type: cut_to_field(if id == 0 { b"" } else { b"workers" }),
                pid: tid,
                ..ThreadData::default()
            });
        let threads: Vec<_> = threads.collect();
        Answer::ok(ShowThreadsReply {
            thread_data: List::try_from(threads).unwrap_or_default(),
        })
    }
}
