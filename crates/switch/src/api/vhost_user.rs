//! `vhost_user.api`: virtual machines' network cards (VPP `src/plugins/vhost/vhost_user_api.c` and
//! `vhost_user.c`).

use std::path::PathBuf;

use weft_graph::DeviceClass;
use weft_ports::{PortError, VhostUser, VhostUserConfig, VhostUserFeatures, VhostUserRole};
use weft_vpp_wire::messages::vhost_user::{
    CreateVhostUserIfV2, CreateVhostUserIfV2Reply, DeleteVhostUserIf, DeleteVhostUserIfReply,
    ModifyVhostUserIfV2, ModifyVhostUserIfV2Reply, SwInterfaceVhostUserDetails,
    SwInterfaceVhostUserDump, VirtioNetFeaturesFirst32, VirtioNetFeaturesLast32,
};
use weft_vpp_wire::{FixedString, Retval, SwIfIndex};

use super::{Answer, Api, Call, Serve, ServeDump, is_wanted, ours, theirs};
use crate::control::{Control, Device, VhostUserDevice, cut_to_field, random_mac};

pub(super) fn register(api: &mut Api) {
    api.request::<CreateVhostUserIfV2>();
    api.request::<ModifyVhostUserIfV2>();
    api.request::<DeleteVhostUserIf>();
    api.dump::<SwInterfaceVhostUserDump>();
}

impl Serve for CreateVhostUserIfV2 {
    /// With an error the index is that of the interface which has the socket already, else none.
    fn serve(self, call: &mut Call<'_>) -> Answer<CreateVhostUserIfV2Reply> {
        let refused =
            |retval, sw_if_index| Answer::refused(retval, CreateVhostUserIfV2Reply { sw_if_index });
        if self.sock_filename.is_empty() {
            return refused(Retval::INVALID_ARGUMENT, SwIfIndex::NONE);
        }
        if let Some(index) = find(call.control, &self.sock_filename) {
            return refused(Retval::IF_ALREADY_EXISTS, theirs(index));
        }
        match create(call.control, &self) {
            Ok(sw_if_index) => Answer::ok(CreateVhostUserIfV2Reply { sw_if_index }),
            Err(retval) => refused(retval, SwIfIndex::NONE),
        }
    }
}

fn create(control: &mut Control, request: &CreateVhostUserIfV2) -> Result<SwIfIndex, Retval> {
    let features = VhostUserFeatures {
        mergeable: !request.disable_mrg_rxbuf,
        indirect: !request.disable_indirect_desc,
        offloads: request.enable_gso,
        event_index: request.enable_event_idx,
    };
    // The number that the pool will give.
    let place = control.vhost_users.next();
    let socket = (&request.sock_filename, request.is_server);
    let port = open(control, place, socket, features)?;
    let mac = if request.use_custom_mac {
        request.mac_address.0
    } else {
        random_mac()
    };
    let number = if request.renumber {
        u64::from(request.custom_dev_instance)
    } else {
        place as u64
    };
    let device = Device::VhostUser(Box::new(VhostUserDevice {
        instance: place,
        link_mtu: control.config.default_mtu,
        port,
    }));
    let index = control.add_port(&name(number), DeviceClass::VhostUser, mac, device);
    control.vhost_users.insert(index);
    if let Some(record) = control.record_mut(index) {
        record.tag = request.tag;
        // `vnet_sw_interface_set_mtu` of `vhost_user_create_if`.
        record.mtu[0] = 9000;
    }
    control.start_vhost_user(index);
    Ok(theirs(index))
}

impl Serve for ModifyVhostUserIfV2 {
    /// The peer is disconnected. Mergeable buffers and indirect descriptors are offered again, for
    /// the message has nothing to say that they should not be.
    fn serve(self, call: &mut Call<'_>) -> Answer<ModifyVhostUserIfV2Reply> {
        modify(call.control, &self)
            .map(|()| ModifyVhostUserIfV2Reply {})
            .into()
    }
}

fn modify(control: &mut Control, request: &ModifyVhostUserIfV2) -> Result<(), Retval> {
    let index = control
        .port_of(ours(request.sw_if_index))
        .ok_or(Retval::INVALID_SW_IF_INDEX)?;
    let device = control.vhost_user(index);
    let place = device.ok_or(Retval::INVALID_SW_IF_INDEX)?.instance;
    if request.sock_filename.is_empty() {
        return Err(Retval::INVALID_ARGUMENT);
    }
    if find(control, &request.sock_filename).is_some_and(|other| other != index) {
        return Err(Retval::IF_ALREADY_EXISTS);
    }
    let features = VhostUserFeatures {
        offloads: request.enable_gso,
        event_index: request.enable_event_idx,
        ..VhostUserFeatures::default()
    };
    let socket = (&request.sock_filename, request.is_server);
    let port = open(control, place, socket, features)?;
    control.workers.detach(&[index]);
    if let Some(device) = control.vhost_user_mut(index) {
        device.port.replace(port);
    }
    control.refresh_vhost_user_link(index);
    control.start_vhost_user(index);
    if request.renumber {
        control.rename_port(index, &name(u64::from(request.custom_dev_instance)));
    }
    Ok(())
}

impl Serve for DeleteVhostUserIf {
    /// Of a sub-interface, the interface itself is deleted, as in VPP.
    fn serve(self, call: &mut Call<'_>) -> Answer<DeleteVhostUserIfReply> {
        let control = &mut *call.control;
        let port = control.port_of(ours(self.sw_if_index));
        let found = port.and_then(|port| Some((port, control.vhost_user(port)?.instance)));
        let Some((port, instance)) = found else {
            return Err(Retval::INVALID_SW_IF_INDEX).into();
        };
        control.vhost_users.remove(instance);
        control.delete_interface(port);
        Answer::ok(DeleteVhostUserIfReply {})
    }
}

impl ServeDump for SwInterfaceVhostUserDump {
    fn serve(self, control: &Control) -> Vec<SwInterfaceVhostUserDetails> {
        control
            .vhost_users
            .iter()
            .filter(|(_, index)| is_wanted(self.sw_if_index, **index))
            .filter_map(|(_, index)| details(control, *index))
            .collect()
    }
}

fn details(
    control: &Control,
    index: weft_packet::SwIfIndex,
) -> Option<SwInterfaceVhostUserDetails> {
    let port = &control.vhost_user(index)?.port;
    let status = port.status();
    let half = |bits: u64| u32::try_from(bits & u64::from(u32::MAX)).unwrap_or(0);
    let (first, last) = (half(status.features), half(status.features >> 32));
    Some(SwInterfaceVhostUserDetails {
        sw_if_index: theirs(index),
        interface_name: cut_to_field(control.tables.interface(index)?.name.as_bytes()),
        virtio_net_hdr_sz: status.header_len,
        features_first_32: VirtioNetFeaturesFirst32(first),
        features_last_32: VirtioNetFeaturesLast32(last),
        is_server: port.config().role == VhostUserRole::Server,
        sock_filename: socket_field(port),
        num_regions: u32::try_from(status.regions.len()).unwrap_or(0),
        sock_errno: status.socket_errno,
    })
}

/// The port of the pool's `place`, on a socket of which it is the server or a client.
fn open(
    control: &Control,
    place: usize,
    (socket, is_server): (&FixedString<256>, bool),
    features: VhostUserFeatures,
) -> Result<VhostUser, Retval> {
    let config = VhostUserConfig {
        socket: path(socket),
        role: if is_server {
            VhostUserRole::Server
        } else {
            VhostUserRole::Client
        },
        features,
        receivers: usize::from(control.config.workers),
        first_receiver: place,
    };
    VhostUser::open(config).map_err(|error| retval(&error))
}

fn path(socket: &FixedString<256>) -> PathBuf {
    use std::os::unix::ffi::OsStrExt;
    std::ffi::OsStr::from_bytes(socket.as_bytes()).into()
}

fn socket_field(port: &VhostUser) -> FixedString<256> {
    use std::os::unix::ffi::OsStrExt;
    cut_to_field(port.config().socket.as_os_str().as_bytes())
}

/// The interface that has a socket.
fn find(control: &Control, socket: &FixedString<256>) -> Option<weft_packet::SwIfIndex> {
    let wanted = path(socket);
    let has = |index: &&weft_packet::SwIfIndex| {
        let device = control.vhost_user(**index);
        device.is_some_and(|device| device.port.config().socket == wanted)
    };
    let mut all = control.vhost_users.iter().map(|(_, index)| index);
    all.find(has).copied()
}

/// What VPP answers where this step fails (`vhost_user_init_server_sock`).
fn retval(error: &PortError) -> Retval {
    tracing::warn!(%error, "vhost-user interface refused");
    match error {
        PortError::VhostUser {
            operation: "bind", ..
        } => Retval::SYSCALL_ERROR_2,
        _ => Retval::SYSCALL_ERROR_1,
    }
}

/// `format_vhost_user_interface_name`.
fn name(number: u64) -> String {
    format!("VirtualEthernet0/0/{number}")
}
