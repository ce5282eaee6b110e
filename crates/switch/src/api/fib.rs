//! `fib.api`: who routes are from (VPP `src/vnet/fib/fib_api.c`).

use weft_vpp_wire::Retval;
use weft_vpp_wire::messages::fib::{
    FibSource, FibSourceAdd, FibSourceAddReply, FibSourceDetails, FibSourceDump,
};

use super::{Answer, Api, Call, Serve, ServeDump};
use crate::control::Control;

pub(super) fn register(api: &mut Api) {
    api.request::<FibSourceAdd>();
    api.dump::<FibSourceDump>();
}

impl Serve for FibSourceAdd {
    fn serve(self, call: &mut Call<'_>) -> Answer<FibSourceAddReply> {
        let made = call.control.sources.add(self.src.priority, self.src.name);
        let made = made.ok_or(Retval::UNSPECIFIED);
        made.map(|id| FibSourceAddReply { id }).into()
    }
}

impl ServeDump for FibSourceDump {
    fn serve(self, control: &Control) -> Vec<FibSourceDetails> {
        let all = control.sources.all().iter();
        let details = all.map(|own| FibSourceDetails {
            src: FibSource {
                priority: own.source.priority,
                id: own.source.id,
                name: own.name,
            },
        });
        details.collect()
    }
}
