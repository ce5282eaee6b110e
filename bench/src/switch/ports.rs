//! Two vhost-user ports of a dataplane in one bridge domain.

use std::path::{Path, PathBuf};

use anyhow::Result;
use weft_vpp::{Connection, Events, Timeouts};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::vhost_user::CreateVhostUserIfV2;
use weft_vpp_wire::{BdId, FixedString, SwIfIndex};

/// The two, and the connection over which they were made, whose end is that of its events.
pub(super) struct Ports {
    /// For further requests.
    pub(super) api: Connection,
    _events: Events,
    /// Their interfaces.
    pub(super) interfaces: Vec<SwIfIndex>,
}

/// Makes them, with sockets that the dataplane makes; `learn` says whether it learns where addresses
/// are, or floods.
pub(super) async fn make(api: &Path, sockets: &[PathBuf; 2], learn: bool) -> Result<Ports> {
    let (api, events) = Connection::connect(api, "weft-bench", Timeouts::default()).await?;
    api.request(BridgeDomainAddDelV2 {
        bd_id: BdId(10),
        flood: true,
        uu_flood: true,
        learn,
        forward: true,
        is_add: true,
        ..BridgeDomainAddDelV2::default()
    })
    .await?;
    let mut interfaces = Vec::new();
    for socket in sockets {
        let port = CreateVhostUserIfV2 {
            is_server: true,
            sock_filename: FixedString::try_from(socket.to_string_lossy().as_ref())?,
            ..CreateVhostUserIfV2::default()
        };
        let sw_if_index = api.request(port).await?.sw_if_index;
        api.request(SwInterfaceSetL2Bridge {
            rx_sw_if_index: sw_if_index,
            bd_id: BdId(10),
            enable: true,
            ..SwInterfaceSetL2Bridge::default()
        })
        .await?;
        api.request(SwInterfaceSetFlags {
            sw_if_index,
            flags: IfStatusFlags::ADMIN_UP,
        })
        .await?;
        interfaces.push(sw_if_index);
    }
    Ok(Ports {
        api,
        _events: events,
        interfaces,
    })
}
