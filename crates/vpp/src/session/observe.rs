//! Reading all that is ours: first what can be told by its mark, then what hangs on that.

use futures::{StreamExt, TryStreamExt, stream};
use weft_plan::Observed;
use weft_vpp_wire::messages::acl::{
    ACL_NONE, AclDump, AclInterfaceListDump, MacipAclDump, MacipAclInterfaceListDump,
};
use weft_vpp_wire::messages::fib::FibSourceDump;
use weft_vpp_wire::messages::interface::SwInterfaceDump;
use weft_vpp_wire::messages::ip::{IpAddressDetails, IpAddressDump, IpRouteV2Dump, IpTable};
use weft_vpp_wire::messages::l2::{
    BdFlags, BdIpMacDetails, BdIpMacDump, BridgeDomainDump, L2FibTableDetails, L2FibTableDump,
    L2Flags, L2InputFeatures,
};
use weft_vpp_wire::messages::tapv2::SwInterfaceTapV2Dump;
use weft_vpp_wire::messages::vhost_user::SwInterfaceVhostUserDump;
use weft_vpp_wire::messages::vxlan::VxlanTunnelV2Dump;
use weft_vpp_wire::messages::vxlan_gpe::VxlanGpeTunnelV2Dump;
use weft_vpp_wire::{BdId, Dump, SwIfIndex};

use super::Session;
use super::interpret::{self, Attached, Dumps, Ours};
use crate::error::CallError;

/// The most questions about single things that are under way at once.
const CONCURRENCY: usize = 256;

impl Session {
    /// Reads all that is ours. The dumps travel together; if one of them is not whole, there is no
    /// answer at all.
    pub async fn observe(&mut self) -> Result<Observed, CallError> {
        // On the heap, because so many dumps at once are large.
        let (dumps, addresses) = Box::pin(self.read_marked()).await?;
        let mut ours = interpret::interpret(&dumps);
        let attached = Box::pin(self.read_attached(&ours, addresses)).await?;
        ours.attach(&attached);
        let Ours {
            observed,
            handles,
            fib_source,
        } = ours;
        self.handles = handles;
        self.fib_source = fib_source;
        Ok(observed)
    }

    /// What tells by its mark whether it is ours, and the addresses of the uplinks: they are known from
    /// the first of the dumps, and the answers travel while VPP is at the others.
    async fn read_marked(&self) -> Result<(Dumps, Vec<IpAddressDetails>), CallError> {
        let connection = &self.connection;
        let all = SwIfIndex::NONE;
        let bridges = BridgeDomainDump {
            bd_id: BdId::ANY,
            sw_if_index: all,
        };
        let acl_index = ACL_NONE;
        let interfaces = async {
            let interfaces = connection.dump(SwInterfaceDump::default()).await?;
            let addresses = self.read_addresses(interpret::uplinks(&interfaces)).await?;
            Ok::<_, CallError>((interfaces, addresses))
        };
        let (
            interfaces,
            taps,
            vhost_users,
            vxlan_tunnels,
            gpe_tunnels,
            bridges,
            acls,
            acl_lists,
            macip_acls,
            macip_lists,
            fib_sources,
        ) = tokio::join!(
            interfaces,
            self.dump_if_there(SwInterfaceTapV2Dump { sw_if_index: all }),
            self.dump_if_there(SwInterfaceVhostUserDump { sw_if_index: all }),
            self.dump_if_there(VxlanTunnelV2Dump { sw_if_index: all }),
            self.dump_if_there(VxlanGpeTunnelV2Dump { sw_if_index: all }),
            connection.dump(bridges),
            self.dump_if_there(AclDump { acl_index }),
            self.dump_if_there(AclInterfaceListDump { sw_if_index: all }),
            self.dump_if_there(MacipAclDump { acl_index }),
            self.dump_if_there(MacipAclInterfaceListDump { sw_if_index: all }),
            self.dump_if_there(FibSourceDump {}),
        );
        let (interfaces, addresses) = interfaces?;
        let dumps = Dumps {
            interfaces,
            taps: taps?,
            vhost_users: vhost_users?,
            vxlan_tunnels: vxlan_tunnels?,
            gpe_tunnels: gpe_tunnels?,
            bridges: bridges?,
            acls: acls?,
            acl_lists: acl_lists?,
            macip_acls: macip_acls?,
            macip_lists: macip_lists?,
            fib_sources: fib_sources?,
        };
        Ok((dumps, addresses))
    }

    async fn read_addresses(
        &self,
        uplinks: impl Iterator<Item = SwIfIndex>,
    ) -> Result<Vec<IpAddressDetails>, CallError> {
        let dumps = uplinks.flat_map(|sw_if_index| {
            [false, true].map(|is_ipv6| {
                self.dump_if_there(IpAddressDump {
                    sw_if_index,
                    is_ipv6,
                })
            })
        });
        let addresses = futures::future::try_join_all(dumps).await?;
        Ok(addresses.into_iter().flatten().collect())
    }

    /// What must be asked for by number. A host without overlay networks has nothing of it but the
    /// addresses of its uplinks.
    async fn read_attached(
        &self,
        ours: &Ours,
        addresses: Vec<IpAddressDetails>,
    ) -> Result<Attached, CallError> {
        let routes = ours.fib_source.iter().flat_map(|source| {
            [false, true].map(|is_ip6| {
                self.dump_if_there(IpRouteV2Dump {
                    src: *source,
                    table: IpTable {
                        is_ip6,
                        ..IpTable::default()
                    },
                })
            })
        });
        let (routes, macs, neighbours, features) = tokio::join!(
            futures::future::try_join_all(routes),
            self.read_macs(ours),
            self.read_neighbours(ours),
            self.read_features(ours),
        );
        Ok(Attached {
            addresses,
            routes: routes?.into_iter().flatten().collect(),
            macs: macs?,
            neighbours: neighbours?,
            features: features?,
        })
    }

    /// The address tables of the overlay networks. For one of them, VPP looks at the entries of all
    /// bridge domains (`l2fib_table_dump` in `src/vnet/l2/l2_fib.c`): so all are read at once.
    async fn read_macs(&self, ours: &Ours) -> Result<Vec<L2FibTableDetails>, CallError> {
        match *ours.overlay_bridges() {
            [] => Ok(Vec::new()),
            [bd_id] => self.dump_if_there(L2FibTableDump { bd_id }).await,
            _ => {
                self.dump_if_there(L2FibTableDump { bd_id: BdId::ANY })
                    .await
            }
        }
    }

    async fn read_neighbours(&self, ours: &Ours) -> Result<Vec<BdIpMacDetails>, CallError> {
        if ours.overlay_bridges().is_empty() {
            return Ok(Vec::new());
        }
        self.dump_if_there(BdIpMacDump { bd_id: BdId::ANY }).await
    }

    /// What bridged tunnels take part in. The message sets nothing: that it tells what is set is the
    /// only way there is in all releases.
    async fn read_features(
        &self,
        ours: &Ours,
    ) -> Result<Vec<(SwIfIndex, L2InputFeatures)>, CallError> {
        let asked = stream::iter(ours.bridged_tunnels()).map(|sw_if_index| async move {
            let request = L2Flags {
                sw_if_index,
                is_set: true,
                feature_bitmap: BdFlags::default(),
            };
            match self.connection.request(request).await {
                Ok(reply) => Ok(Some((sw_if_index, reply.resulting_feature_bitmap))),
                // It may be gone by now, which an event will tell.
                Err(CallError::Refused { .. } | CallError::Unsupported(_)) => Ok(None),
                Err(error) => Err(error),
            }
        });
        let answers = asked.buffered(CONCURRENCY).try_collect::<Vec<_>>().await?;
        Ok(answers.into_iter().flatten().collect())
    }

    /// A dump of what a plugin has. Without the plugin, there is none.
    async fn dump_if_there<D: Dump>(&self, dump: D) -> Result<Vec<D::Details>, CallError> {
        match self.connection.dump(dump).await {
            Err(CallError::Unsupported(_)) => Ok(Vec::new()),
            details => details,
        }
    }
}
