//! One conversation with the dataplane's API, most of it faulty, beside what VPP answers.
//!
//! `transcript.txt` is what VPP 26.06 answered. `weft switch` must answer the same, word by word:
//! return values, the numbers of interfaces, dumps. It is recorded anew by running this scenario on a
//! VPP with `WEFT_RECORD=1`.

use std::collections::BTreeSet;
use std::fmt::{Debug, Write};

use anyhow::{Context, Result, bail, ensure};
use weft_tests::{Contents, DataplaneKind, Setup, scenario};
use weft_vpp::{CallError, Connection};
use weft_vpp_wire::messages::af_packet::{AfPacketCreateV3, AfPacketDelete, AfPacketMode};
use weft_vpp_wire::messages::interface::{
    CreateLoopback, CreateLoopbackInstance, CreateSubif, CreateVlanSubif, DeleteLoopback,
    DeleteSubif, HwInterfaceSetMtu, IfStatusFlags, SubIfFlags, SwInterfaceSetFlags,
    SwInterfaceSetMtu, SwInterfaceTagAddDel,
};
use weft_vpp_wire::messages::l2::{
    BdFlags, BridgeDomainAddDelV2, BridgeDomainSetMacAge, BridgeFlags, L2InterfaceVlanTagRewrite,
    L2PortType, L2fibAddDel, L2fibFlushBd, L2fibFlushInt, SwInterfaceSetL2Bridge, VtrOp,
};
use weft_vpp_wire::messages::tapv2::{TapCreateV3, TapDeleteV2};
use weft_vpp_wire::{BdId, FixedString, MacAddress, Request, SwIfIndex, VarString};

/// The recording.
const FILE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/tests/scenarios/transcript.txt"
);

/// No interface has it.
const NOBODY: SwIfIndex = SwIfIndex(99);

#[test]
fn the_dataplane_answers_as_vpp_was_recorded() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        let (api, _events) = host.api().await?;
        let mut talk = Talk {
            api,
            text: String::new(),
        };
        talk.interfaces().await?;
        talk.sub_interfaces().await?;
        talk.bridges().await?;
        talk.addresses().await?;
        talk.ends().await?;
        if std::env::var_os("WEFT_RECORD").is_some() {
            ensure!(
                *host.kind() != DataplaneKind::Switch,
                "only what VPP says is recorded"
            );
            std::fs::write(FILE, &talk.text)?;
        }
        compare(&std::fs::read_to_string(FILE).context(FILE)?, &talk.text)
    })
}

/// Shows the lines that only one of them has.
fn compare(recorded: &str, heard: &str) -> Result<()> {
    if recorded == heard {
        return Ok(());
    }
    let mut text = String::new();
    for (sign, these, those) in [('-', recorded, heard), ('+', heard, recorded)] {
        let mut others: Vec<&str> = those.lines().collect();
        for (number, line) in (1..).zip(these.lines()) {
            match others.iter().position(|other| *other == line) {
                Some(at) => drop(others.remove(at)),
                None => drop(writeln!(text, "{sign} {number:>3} {line}")),
            }
        }
    }
    bail!("the dataplane (+) does not answer as VPP did (-); the order may differ, too:\n{text}")
}

/// A conversation, written down.
struct Talk {
    api: Connection,
    text: String,
}

impl Talk {
    /// Asks, and writes down what is answered.
    async fn ask<R: Request<Reply: Debug>>(
        &mut self,
        what: &str,
        request: R,
    ) -> Result<Option<R::Reply>> {
        let reply = self.api.request(request).await;
        let answer = match &reply {
            Ok(reply) => format!("{reply:?}"),
            Err(CallError::Refused { retval, .. }) => {
                format!("{} ({})", retval.name().unwrap_or("?"), retval.0)
            }
            Err(error) => bail!("{what}: {error}"),
        };
        let _ = writeln!(self.text, "{:<32} {what:<44} {answer}", R::NAME);
        Ok(reply.ok())
    }

    /// Writes down what there is. Addresses that the dataplane makes up are left out.
    async fn look(&mut self) -> Result<()> {
        let contents = Contents::read(&self.api).await?;
        for details in contents.interfaces() {
            let _ = writeln!(
                self.text,
                "  {} of {} {} {} {:?} {:?} {:?} {} kbit/s, link mtu {}, mtu {:?}, sub {} tags {} {} {} {:?}, \
                 vtr {:?} {} {} {}, tag `{}`",
                details.sw_if_index,
                details.sup_sw_if_index,
                details.interface_name,
                details.interface_dev_type,
                details.flags,
                details.r#type,
                details.link_duplex,
                details.link_speed,
                details.link_mtu,
                details.mtu,
                details.sub_id,
                details.sub_number_of_tags,
                details.sub_outer_vlan_id,
                details.sub_inner_vlan_id,
                details.sub_if_flags,
                details.vtr_op,
                details.vtr_push_dot1q,
                details.vtr_tag1,
                details.vtr_tag2,
                details.tag,
            );
        }
        for tap in contents.taps() {
            let _ = writeln!(
                self.text,
                "  tap {} id {} rings {} {} mtu {} {} {:?} {} {}",
                tap.sw_if_index,
                tap.id,
                tap.tx_ring_sz,
                tap.rx_ring_sz,
                tap.host_mtu_size,
                tap.host_mac_addr,
                tap.tap_flags,
                tap.dev_name,
                tap.host_if_name,
            );
        }
        for bridge in contents.bridges() {
            let _ = writeln!(self.text, "  {bridge:?}");
        }
        // VPP lists these in the order of a hash.
        let fixed = contents.fixed_macs().map(|entry| format!("  {entry:?}"));
        for line in fixed.collect::<BTreeSet<_>>() {
            let _ = writeln!(self.text, "{line}");
        }
        Ok(())
    }

    async fn interfaces(&mut self) -> Result<()> {
        self.ask("a first loopback", CreateLoopback::default())
            .await?;
        let seven = CreateLoopbackInstance {
            is_specified: true,
            user_instance: 7,
            ..CreateLoopbackInstance::default()
        };
        self.ask("loopback 7", seven.clone()).await?;
        self.ask("loopback 7 again", seven).await?;
        self.ask("a TAP", tap("tapone")).await?;
        let id = TapCreateV3 {
            id: 0,
            ..tap("taptwo")
        };
        self.ask("a TAP of a number that is taken", id).await?;
        let ring = TapCreateV3 {
            rx_ring_sz: 100,
            ..tap("tapring")
        };
        self.ask("a ring that is no power of two", ring).await?;
        let lost = TapCreateV3 {
            host_namespace: FixedString::try_from("nowhere")?.into(),
            ..tap("taplost")
        };
        self.ask("a TAP in a namespace that is not there", lost)
            .await?;
        self.ask("a TAP with the name of another device", tap("trunk1"))
            .await?;
        self.ask("a packet socket", packet("trunk0")?).await?;
        self.ask("the same again", packet("trunk0")?).await?;
        self.ask("one for no device", packet("nodevice")?).await?;
        let up = IfStatusFlags::ADMIN_UP;
        for (what, index) in [
            ("the TAP up", 3),
            ("the socket up", 4),
            ("a loopback up", 1),
            ("nobody up", 99),
        ] {
            let request = SwInterfaceSetFlags {
                sw_if_index: SwIfIndex(index),
                flags: up,
            };
            self.ask(what, request).await?;
        }
        for (what, index, mtu) in [("TAP", 3, 1500), ("TAP 0", 3, 0), ("nobody", 99, 1500)] {
            let request = SwInterfaceSetMtu {
                sw_if_index: SwIfIndex(index),
                mtu: [mtu, 0, 0, 0],
            };
            self.ask(what, request).await?;
        }
        for (what, index, mtu) in [
            ("TAP", 3, 1600),
            ("local0", 0, 1500),
            ("nobody", 99, 1500),
            ("TAP 10000", 3, 10000),
        ] {
            self.ask(
                what,
                HwInterfaceSetMtu {
                    sw_if_index: SwIfIndex(index),
                    mtu,
                },
            )
            .await?;
        }
        for (what, index, tag, is_add) in [
            ("a tag", 1, "theirs", true),
            ("another in its place", 1, "others'", true),
            ("an empty one", 1, "", true),
            ("on nobody", 99, "x", true),
            ("taken off", 2, "", false),
        ] {
            let tag = FixedString::try_from(tag)?;
            let request = SwInterfaceTagAddDel {
                is_add,
                sw_if_index: SwIfIndex(index),
                tag,
            };
            self.ask(what, request).await?;
        }
        self.look().await
    }

    async fn sub_interfaces(&mut self) -> Result<()> {
        let one_tag = SubIfFlags(SubIfFlags::ONE_TAG.0 | SubIfFlags::EXACT_MATCH.0);
        for (what, parent, id, vlan, flags) in [
            ("VLAN 100 on the socket", 4, 100, 100, one_tag),
            ("the same again", 4, 100, 100, one_tag),
            ("another number, the same VLAN", 4, 101, 100, one_tag),
            ("of nobody", 99, 1, 1, one_tag),
            ("all other frames", 4, 200, 0, SubIfFlags::DEFAULT),
        ] {
            let request = CreateSubif {
                sw_if_index: SwIfIndex(parent),
                sub_id: id,
                sub_if_flags: flags,
                outer_vlan_id: vlan,
                inner_vlan_id: 0,
            };
            self.ask(what, request).await?;
        }
        for (what, parent, vlan_id) in [
            ("VLAN 300", 4, 300),
            ("VLAN 300 again", 4, 300),
            ("VLAN 100, which is there", 4, 100),
            ("VLAN 0", 4, 0),
            ("VLAN 4096", 4, 4096),
            ("of nobody", 99, 5),
        ] {
            self.ask(
                what,
                CreateVlanSubif {
                    sw_if_index: SwIfIndex(parent),
                    vlan_id,
                },
            )
            .await?;
        }
        self.look().await
    }

    async fn bridges(&mut self) -> Result<()> {
        let bridge = |number| BridgeDomainAddDelV2 {
            bd_id: BdId(number),
            flood: true,
            uu_flood: true,
            forward: true,
            learn: true,
            mac_age: 5,
            is_add: true,
            ..BridgeDomainAddDelV2::default()
        };
        let tagged = BridgeDomainAddDelV2 {
            bd_tag: FixedString::try_from("blue")?,
            ..bridge(10)
        };
        self.ask("10", tagged).await?;
        self.ask("10 again", bridge(10)).await?;
        self.ask("0", bridge(0)).await?;
        self.ask("2^24", bridge(1 << 24)).await?;
        self.ask("11", bridge(11)).await?;
        for (what, index, number, port_type, enable) in [
            ("sub-interface into 10", 5, 10, L2PortType::NORMAL, true),
            ("TAP into 10", 3, 10, L2PortType::NORMAL, true),
            ("TAP into 10 again", 3, 10, L2PortType::NORMAL, true),
            (
                "loopback as virtual interface",
                1,
                10,
                L2PortType::BVI,
                true,
            ),
            ("a second virtual interface", 2, 10, L2PortType::BVI, true),
            ("nobody into 10", 99, 10, L2PortType::NORMAL, true),
            (
                "into a bridge domain that is not there",
                2,
                77,
                L2PortType::NORMAL,
                true,
            ),
            ("out of none", 4, 10, L2PortType::NORMAL, false),
        ] {
            let request = SwInterfaceSetL2Bridge {
                rx_sw_if_index: SwIfIndex(index),
                bd_id: BdId(number),
                port_type,
                shg: 0,
                enable,
            };
            self.ask(what, request).await?;
        }
        for (what, index, vtr_op) in [
            ("sub-interface pops one", 5, VtrOp::POP_1),
            ("sub-interface pops two", 5, VtrOp::POP_2),
            ("TAP pops one", 3, VtrOp::POP_1),
            ("one that is in no bridge domain", 4, VtrOp::POP_1),
            ("nobody", 99, VtrOp::POP_1),
            ("off where it is off", 3, VtrOp::DISABLED),
        ] {
            let request = L2InterfaceVlanTagRewrite {
                sw_if_index: SwIfIndex(index),
                vtr_op,
                ..L2InterfaceVlanTagRewrite::default()
            };
            self.ask(what, request).await?;
        }
        for (what, number, is_set, flags) in [
            ("10 does not learn", 10, false, BdFlags::LEARN),
            ("77", 77, true, BdFlags::LEARN),
            ("0", 0, true, BdFlags::LEARN),
        ] {
            self.ask(
                what,
                BridgeFlags {
                    bd_id: BdId(number),
                    is_set,
                    flags,
                },
            )
            .await?;
        }
        for (what, number) in [("10", 10), ("77", 77), ("0", 0)] {
            let request = BridgeDomainSetMacAge {
                bd_id: BdId(number),
                mac_age: 9,
            };
            self.ask(what, request).await?;
        }
        let delete = |number| BridgeDomainAddDelV2 {
            bd_id: BdId(number),
            ..BridgeDomainAddDelV2::default()
        };
        self.ask("10 goes, which has members", delete(10)).await?;
        self.ask("77 goes, which is not there", delete(77)).await?;
        self.ask("0 goes", delete(0)).await?;
        self.ask("11 goes", delete(11)).await?;
        self.look().await
    }

    async fn addresses(&mut self) -> Result<()> {
        let entry = |last, number, index, is_add| L2fibAddDel {
            mac: MacAddress([2, 0, 0, 0, 0, last]),
            bd_id: BdId(number),
            sw_if_index: SwIfIndex(index),
            is_add,
            static_mac: true,
            ..L2fibAddDel::default()
        };
        for (what, request) in [
            ("fixed at the TAP", entry(1, 10, 3, true)),
            ("in no bridge domain", entry(1, 77, 3, true)),
            ("at nobody", entry(2, 10, 99, true)),
            ("at one that is no member", entry(2, 10, 4, true)),
            ("one that is not there goes", entry(9, 10, 3, false)),
        ] {
            self.ask(what, request).await?;
        }
        self.ask("bridge domain 10", L2fibFlushBd { bd_id: BdId(10) })
            .await?;
        self.ask("bridge domain 77", L2fibFlushBd { bd_id: BdId(77) })
            .await?;
        self.ask(
            "nobody",
            L2fibFlushInt {
                sw_if_index: NOBODY,
            },
        )
        .await?;
        self.look().await
    }

    /// Everything goes, in an order that leaves something behind each time.
    async fn ends(&mut self) -> Result<()> {
        self.ask(
            "the TAP, a member",
            TapDeleteV2 {
                sw_if_index: SwIfIndex(3),
            },
        )
        .await?;
        self.ask(
            "what is no TAP",
            TapDeleteV2 {
                sw_if_index: SwIfIndex(4),
            },
        )
        .await?;
        self.ask(
            "nobody",
            TapDeleteV2 {
                sw_if_index: NOBODY,
            },
        )
        .await?;
        self.ask(
            "the sub-interface, a member",
            DeleteSubif {
                sw_if_index: SwIfIndex(5),
            },
        )
        .await?;
        self.ask(
            "what is no sub-interface",
            DeleteSubif {
                sw_if_index: SwIfIndex(4),
            },
        )
        .await?;
        self.ask(
            "nobody",
            DeleteSubif {
                sw_if_index: NOBODY,
            },
        )
        .await?;
        self.look().await?;
        let host_if_name = FixedString::try_from("trunk0")?;
        self.ask(
            "the socket, with sub-interfaces",
            AfPacketDelete { host_if_name },
        )
        .await?;
        self.ask("the socket again", AfPacketDelete { host_if_name })
            .await?;
        self.ask(
            "the virtual interface",
            DeleteLoopback {
                sw_if_index: SwIfIndex(1),
            },
        )
        .await?;
        self.ask(
            "nobody",
            DeleteLoopback {
                sw_if_index: NOBODY,
            },
        )
        .await?;
        let delete = BridgeDomainAddDelV2 {
            bd_id: BdId(10),
            ..BridgeDomainAddDelV2::default()
        };
        self.ask("10", delete).await?;
        self.ask("a loopback, to see its number", CreateLoopback::default())
            .await?;
        self.look().await
    }
}

/// A TAP with an address of its own, so that the dump says nothing made up.
fn tap(device: &str) -> TapCreateV3 {
    TapCreateV3 {
        id: u32::MAX,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        host_mac_addr: MacAddress([2, 0, 0, 0, 0, 1]).into(),
        host_if_name: FixedString::try_from(device).unwrap_or_default().into(),
        tag: VarString::from("a tag\0"),
        ..TapCreateV3::default()
    }
}

fn packet(device: &str) -> Result<AfPacketCreateV3> {
    Ok(AfPacketCreateV3 {
        mode: AfPacketMode::ETHERNET,
        use_random_hw_addr: true,
        host_if_name: FixedString::try_from(device)?,
        num_rx_queues: 1,
        num_tx_queues: 1,
        ..AfPacketCreateV3::default()
    })
}
