//! What an [`super::OpenStack`] begins with, and Neutron's configuration for it.

use std::fmt::Write;

use crate::host::{HostConfig, Underlay};

/// Who binds ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Driver {
    /// networking-weft.
    Weft,
    /// A driver of Neutron's own tests, which looks at the agent's row as drivers do and does nothing
    /// else: Neutron by itself, to compare with.
    None,
}

/// The OpenStack that a test begins with.
#[derive(Clone, Debug)]
pub struct OpenStackSetup {
    pub(super) hosts: usize,
    pub(super) neutrons: usize,
    pub(super) workers: u32,
    pub(super) driver: Driver,
    pub(super) config: HostConfig,
    pub(super) more: String,
    pub(super) has_limit: bool,
}

impl OpenStackSetup {
    /// Two Neutron servers with networking-weft, Keystone and Nova, and this many hosts, two at most.
    pub fn hosts(hosts: usize) -> Self {
        Self {
            hosts,
            neutrons: 2,
            workers: 1,
            driver: Driver::Weft,
            config: HostConfig::secured().underlay(Underlay::V4),
            more: String::new(),
            has_limit: true,
        }
    }

    /// With another driver.
    #[must_use]
    pub fn driver(mut self, driver: Driver) -> Self {
        self.driver = driver;
        self
    }

    /// With so many Neutron servers, each of so many workers.
    #[must_use]
    pub fn neutrons(mut self, servers: usize, workers: u32) -> Self {
        self.neutrons = servers;
        self.workers = workers;
        self
    }

    /// With another configuration of the agents.
    #[must_use]
    pub fn config(mut self, config: HostConfig) -> Self {
        self.config = config;
        self
    }

    /// For something that takes long.
    #[must_use]
    pub fn without_limit(mut self) -> Self {
        self.has_limit = false;
        self
    }

    /// With further lines at the end of Neutron's configuration.
    #[must_use]
    pub fn neutron_conf(mut self, lines: &str) -> Self {
        self.more.push_str(lines);
        self
    }
}

/// Where things are, for Neutron's configuration.
pub(super) struct Places {
    /// Of the database.
    pub(super) database: String,
    /// Neutron's own `api-paste.ini`.
    pub(super) api_paste: String,
    /// Of Keystone.
    pub(super) keystone: String,
    /// Of Nova.
    pub(super) nova: String,
    /// Of the `weft server`s.
    pub(super) servers: Vec<String>,
}

/// Neutron's configuration. No bus of messages: nobody of Neutron's own listens on one.
pub(super) fn neutron_conf(setup: &OpenStackSetup, places: &Places) -> String {
    let (mechanism, types, extensions) = match setup.driver {
        Driver::Weft => (
            "weft",
            "flat,vlan,vxlan,gpe",
            "port_security,data_plane_status,weft_status",
        ),
        Driver::None => (
            "fake_agent",
            "flat,vlan,vxlan",
            "port_security,data_plane_status",
        ),
    };
    let Places {
        database,
        api_paste,
        nova,
        ..
    } = places;
    let mut text = format!(
        "[DEFAULT]\nauth_strategy = keystone\napi_paste_config = {api_paste}\ncore_plugin = ml2\n\
         service_plugins = {plugins}\ntransport_url = fake://\nrpc_workers = 0\n\
         rpc_state_report_workers = 0\nenable_traditional_dhcp = false\n\
         notify_nova_on_port_status_changes = true\nnotify_nova_on_port_data_changes = true\n\
         send_events_interval = 1\nuse_stderr = true\n\
         global_physnet_mtu = 1500\n\
         [nova]\nauth_type = none\nendpoint = {nova}\n\
         [oslo_messaging_notifications]\ndriver = noop\n\
         [database]\nconnection = {database}\nmax_pool_size = 20\n\
         [quotas]\nquota_network = 1000\nquota_subnet = 1000\nquota_port = 100000\n\
         [ml2]\nmechanism_drivers = {mechanism}\ntype_drivers = {types}\n\
         project_network_types = vxlan\nextension_drivers = {extensions}\n\
         [ml2_type_flat]\nflat_networks = *\n\
         [ml2_type_vlan]\nnetwork_vlan_ranges = physnet1:100:1999\n\
         [ml2_type_vxlan]\nvni_ranges = 1:5000\n\
         [securitygroup]\nenable_security_group = true\n",
        plugins = "revisions,timestamp,tag",
    );
    text.push_str(&keystone_conf(&places.keystone));
    if setup.driver == Driver::Weft {
        let servers = places.servers.join(",");
        let _ = write!(
            text,
            "[ml2_type_gpe]\nvni_ranges = 5001:9000\n[ml2_weft]\nservers = {servers}\n\
             request_timeout = 5\n"
        );
    }
    text.push_str(&setup.more);
    text
}

fn keystone_conf(url: &str) -> String {
    format!(
        "[keystone_authtoken]\nwww_authenticate_uri = {url}\nauth_url = {url}\n\
         auth_type = password\nproject_domain_id = default\nuser_domain_id = default\n\
         project_name = service\nusername = neutron\npassword = any\n\
         service_token_roles_required = false\n"
    )
}
