//! Bridge domains and their members.

use futures::future::{join, join3};
use weft_plan::{BridgeDomain, BridgeFlags as Flags, BridgeMember, Object, TagRewrite};
use weft_vpp_wire::messages::l2::{
    BdFlags, BridgeDomainAddDelV2, BridgeDomainSetMacAge, BridgeFlags, L2Flags,
    L2InterfaceVlanTagRewrite, L2PortType, SwInterfaceSetL2Bridge, VtrOp,
};
use weft_vpp_wire::{BdId, Retval, SwIfIndex};

use super::interface::text;
use super::{Context, Ended, Failure, gone};
use crate::error::CallError;
use crate::session::handles::Change;
use crate::session::mark::BridgeMark;

impl Context<'_> {
    /// VPP chooses the number, so that it cannot be anybody else's.
    pub(super) async fn create_bridge(self, bridge: &BridgeDomain) -> Result<Ended, CallError> {
        let segment = bridge.segment.clone();
        let made = async {
            let request = BridgeDomainAddDelV2 {
                bd_id: BdId::ANY,
                flood: bridge.flags.flood,
                uu_flood: bridge.flags.uu_flood,
                forward: bridge.flags.forward,
                learn: bridge.flags.learn,
                arp_term: bridge.flags.arp_term,
                arp_ufwd: false,
                mac_age: bridge.mac_age,
                bd_tag: text(&BridgeMark(segment.clone()).to_string())?,
                is_add: true,
            };
            Ok(self.connection.request(request).await?.bd_id)
        };
        match made.await {
            Ok(bd_id) => Ok(Ended::done(Some(Change::Bridge(segment, bd_id)))),
            Err(Failure::Refused(reason)) => Ok(Ended::refused(reason, None)),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    pub(super) async fn update_bridge(
        self,
        from: &BridgeDomain,
        to: &BridgeDomain,
    ) -> Result<Ended, CallError> {
        let mut left = from.clone();
        let steps = async {
            let bd_id = self.bridge(to)?;
            let (was, shall) = (flags(from.flags), flags(to.flags));
            for (is_set, changed) in [(true, shall.0 & !was.0), (false, was.0 & !shall.0)] {
                if changed != 0 {
                    let request = BridgeFlags {
                        bd_id,
                        is_set,
                        flags: BdFlags(changed),
                    };
                    self.connection.request(request).await?;
                }
            }
            left.flags = to.flags;
            if from.mac_age != to.mac_age {
                let request = BridgeDomainSetMacAge {
                    bd_id,
                    mac_age: to.mac_age,
                };
                self.connection.request(request).await?;
            }
            Ok(())
        }
        .await;
        Ended::of_steps(steps, || Object::BridgeDomain(left))
    }

    pub(super) async fn delete_bridge(
        self,
        bridge: &BridgeDomain,
    ) -> Result<Option<Change>, Failure> {
        if let Some(bd_id) = self.handles.bridge(&bridge.segment) {
            self.delete_bridge_at(bd_id).await?;
        }
        Ok(Some(Change::NoBridge(bridge.segment.clone())))
    }

    pub(super) async fn delete_bridge_at(self, bd_id: BdId) -> Result<(), Failure> {
        let request = BridgeDomainAddDelV2 {
            bd_id,
            is_add: false,
            ..BridgeDomainAddDelV2::default()
        };
        let deleted = self.connection.request(request).await;
        gone(deleted, Retval::NO_SUCH_ENTRY)
    }

    /// The tags first, so that not one frame is bridged with a tag too many; all travel together.
    /// Joining switches learning on, whatever it was.
    pub(super) async fn join_bridge(self, member: &BridgeMember) -> Result<Ended, CallError> {
        let joined = async {
            let sw_if_index = self.interface(&member.interface)?;
            let bd_id = self.bridge_of(member)?;
            let rewrite = async {
                match member.tag_rewrite {
                    TagRewrite::Disabled => Ok(()),
                    rewrite => self.set_rewrite(sw_if_index, rewrite).await,
                }
            };
            let (rewrite, joined, learn) = join3(
                rewrite,
                self.set_bridge(sw_if_index, bd_id, member.split_horizon_group),
                self.after_joining(sw_if_index, member.learn),
            )
            .await;
            let prepared = rewrite.and(learn);
            if prepared.is_err() && joined.is_ok() {
                let leave = l2_bridge(sw_if_index, bd_id, 0, false);
                self.connection.request(leave).await?;
            }
            prepared.and(joined)
        };
        match joined.await {
            Ok(()) => Ok(Ended::done(None)),
            Err(Failure::Refused(reason)) => Ok(Ended::refused(reason, None)),
            Err(Failure::Lost(error)) => Err(error),
        }
    }

    /// Moving to another bridge domain or split horizon group keeps the rewriting of tags, and switches
    /// learning on.
    pub(super) async fn update_member(
        self,
        from: &BridgeMember,
        to: &BridgeMember,
    ) -> Result<Ended, CallError> {
        let mut left = from.clone();
        let steps = async {
            let sw_if_index = self.interface(&to.interface)?;
            if from.tag_rewrite != to.tag_rewrite {
                self.set_rewrite(sw_if_index, to.tag_rewrite).await?;
                left.tag_rewrite = to.tag_rewrite;
            }
            if from.bridge != to.bridge || from.split_horizon_group != to.split_horizon_group {
                let bd_id = self.bridge_of(to)?;
                let (joined, learn) = join(
                    self.set_bridge(sw_if_index, bd_id, to.split_horizon_group),
                    self.after_joining(sw_if_index, to.learn),
                )
                .await;
                joined?;
                left.bridge.clone_from(&to.bridge);
                left.split_horizon_group = to.split_horizon_group;
                left.learn = true;
                learn?;
            } else if from.learn != to.learn {
                self.set_learning(sw_if_index, to.learn).await?;
            }
            Ok(())
        }
        .await;
        Ended::of_steps(steps, || Object::BridgeMember(left))
    }

    /// VPP takes the interface out of whichever bridge domain it is in, and forgets the rewriting of
    /// its tags. An interface that is gone is in none.
    pub(super) async fn leave_bridge(
        self,
        member: &BridgeMember,
    ) -> Result<Option<Change>, Failure> {
        if let Some(sw_if_index) = self.handles.interface(&member.interface) {
            let bd_id = self.bridge_of(member).unwrap_or_default();
            let request = l2_bridge(sw_if_index, bd_id, 0, false);
            let left = self.connection.request(request).await;
            gone(left, Retval::INVALID_SW_IF_INDEX)?;
        }
        Ok(None)
    }

    fn bridge(self, bridge: &BridgeDomain) -> Result<BdId, Failure> {
        let bd_id = self.handles.bridge(&bridge.segment);
        bd_id.ok_or_else(|| {
            Failure::Refused(format!("VPP has no bridge domain for {}", bridge.segment))
        })
    }

    fn bridge_of(self, member: &BridgeMember) -> Result<BdId, Failure> {
        let segment = member.bridge.as_ref();
        let bd_id = segment.and_then(|segment| self.handles.bridge(segment));
        bd_id.ok_or_else(|| {
            Failure::Refused(format!("VPP has no bridge domain for {}", member.interface))
        })
    }

    async fn set_bridge(self, sw_if_index: SwIfIndex, bd_id: BdId, shg: u8) -> Result<(), Failure> {
        let request = l2_bridge(sw_if_index, bd_id, shg, true);
        self.connection.request(request).await?;
        Ok(())
    }

    /// What is to be sent behind the request to join.
    async fn after_joining(self, sw_if_index: SwIfIndex, learn: bool) -> Result<(), Failure> {
        if learn {
            return Ok(());
        }
        self.set_learning(sw_if_index, false).await
    }

    async fn set_learning(self, sw_if_index: SwIfIndex, is_set: bool) -> Result<(), Failure> {
        let request = L2Flags {
            sw_if_index,
            is_set,
            feature_bitmap: BdFlags::LEARN,
        };
        self.connection.request(request).await?;
        Ok(())
    }

    async fn set_rewrite(self, sw_if_index: SwIfIndex, rewrite: TagRewrite) -> Result<(), Failure> {
        let vtr_op = match rewrite {
            TagRewrite::Disabled => VtrOp::DISABLED,
            TagRewrite::Pop1 => VtrOp::POP_1,
            TagRewrite::Other(operation) => VtrOp(operation),
        };
        let request = L2InterfaceVlanTagRewrite {
            sw_if_index,
            vtr_op,
            ..L2InterfaceVlanTagRewrite::default()
        };
        self.connection.request(request).await?;
        Ok(())
    }
}

fn l2_bridge(sw_if_index: SwIfIndex, bd_id: BdId, shg: u8, enable: bool) -> SwInterfaceSetL2Bridge {
    SwInterfaceSetL2Bridge {
        rx_sw_if_index: sw_if_index,
        bd_id,
        port_type: L2PortType::NORMAL,
        shg,
        enable,
    }
}

fn flags(flags: Flags) -> BdFlags {
    let named = [
        (flags.learn, BdFlags::LEARN),
        (flags.forward, BdFlags::FWD),
        (flags.flood, BdFlags::FLOOD),
        (flags.uu_flood, BdFlags::UU_FLOOD),
        (flags.arp_term, BdFlags::ARP_TERM),
    ];
    let set = named.into_iter().filter(|(on, _)| *on);
    set.fold(BdFlags::default(), |all, (_, flag)| all | flag)
}
