//! `memclnt.api`: the handshake and signs of life (VPP `src/vlibmemory/socket_api.c`).

use weft_vpp_wire::messages::memclnt::{
    ControlPing, ControlPingReply, MemclntKeepalive, SockclntCreate, SockclntCreateReply,
    SockclntDelete, SockclntDeleteReply,
};
use weft_vpp_wire::{List, Retval};

use super::{Answer, Api, Call, Serve};

pub(super) fn register(api: &mut Api) {
    api.insert::<SockclntCreate>(|call, bytes| {
        let request = weft_vpp_wire::decode::bare::<SockclntCreate>(bytes)?;
        call.session.name = request.name.to_string();
        let reply = SockclntCreateReply {
            client_index: 0,
            context: request.context,
            response: 0,
            index: call.session.index,
            message_table: List::try_from(call.table.entries()).unwrap_or_default(),
        };
        if let Ok(id) = call.table.id::<SockclntCreateReply>() {
            weft_vpp_wire::encode::bare(call.out, id, &reply);
        }
        Ok(())
    });
    api.request::<SockclntDelete>();
    api.request::<ControlPing>();
    // VPP takes it and does not answer.
    api.insert::<MemclntKeepalive>(|_, _| Ok(()));
}

impl Serve for SockclntDelete {
    fn serve(self, call: &mut Call<'_>) -> Answer<SockclntDeleteReply> {
        // A client can only delete itself; in VPP it could delete others.
        if self.index != call.session.index {
            return Answer::refused(Retval::UNSPECIFIED, SockclntDeleteReply {});
        }
        call.session.has_left = true;
        Answer::refused(Retval(1), SockclntDeleteReply {})
    }
}

impl Serve for ControlPing {
    fn serve(self, call: &mut Call<'_>) -> Answer<ControlPingReply> {
        Answer::ok(ControlPingReply {
            client_index: call.session.index,
            vpe_pid: std::process::id(),
        })
    }
}
