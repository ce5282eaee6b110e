//! What a dataplane, or a record itself, denies to one port, and to no other.

use anyhow::{Result, ensure};
use weft_store::Op;
use weft_tests::proxy::{Action, Fault};
use weft_tests::{Port, Setup, scenario};
use weft_vpp_wire::messages::interface::{
    CreateVlanSubif, DeleteSubif, IfStatusFlags, SwInterfaceSetFlags,
};

/// `SYSCALL_ERROR_2`: what a VPP says that cannot make one more TAP.
const SYSCALL_ERROR_2: i32 = -12;

#[test]
fn s14_refused_message_fails_only_that_object_then_recovers() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let refused = Fault::new("tap_create_v3", Action::Refuse(SYSCALL_ERROR_2));
        host.proxy().inject(refused.containing("weft.tap.bad"));
        let good = cloud.put(host, "good", &Port::vlan(1, 100)).await?;
        let bad = cloud.put(host, "bad", &Port::vlan(2, 100)).await?;
        let other = cloud.put(host, "other", &Port::vlan(3, 200)).await?;
        cloud
            .failed(
                host,
                "bad",
                bad,
                &["tap_create_v3", "SYSCALL_ERROR_2 (-12)"],
            )
            .await?;
        cloud.effective(host, "good", good).await?;
        cloud.effective(host, "other", other).await?;
        // It is tried again, and it is said how often.
        host.proxy().reset();
        host.proxy().reached("tap_create_v3", 2, SOON).await?;
        host.proxy().heal();
        cloud.effective(host, "bad", bad).await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s14_refused_bridge_domain_fails_its_network_alone() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let refused = Fault::new("bridge_domain_add_del_v2", Action::Refuse(-1));
        host.proxy().inject(refused.containing("physnet1.vlan.100"));
        let one = cloud.put(host, "one", &Port::vlan(1, 100)).await?;
        let two = cloud.put(host, "two", &Port::vlan(2, 100)).await?;
        let other = cloud.put(host, "other", &Port::vlan(3, 200)).await?;
        cloud
            .failed(host, "one", one, &["bridge_domain_add_del_v2"])
            .await?;
        cloud
            .failed(host, "two", two, &["bridge_domain_add_del_v2"])
            .await?;
        cloud.effective(host, "other", other).await?;
        host.proxy().heal();
        cloud.effective(host, "one", one).await?;
        cloud.effective(host, "two", two).await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s14_a_step_that_is_refused_leaves_no_half_object() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        // Everything that a port needs is refused once, one message after the other.
        let messages = [
            "create_subif",
            "sw_interface_tag_add_del",
            "bridge_domain_add_del_v2",
            "tap_create_v3",
            "sw_interface_set_mtu",
            "sw_interface_set_flags",
            "sw_interface_set_l2_bridge",
            "l2_interface_vlan_tag_rewrite",
        ];
        for (number, message) in (1_u8..).zip(messages) {
            host.proxy()
                .inject(Fault::new(message, Action::Refuse(-1)).times(1));
            let port = format!("p{number}");
            let vlan = 100 + u16::from(number);
            let revision = cloud.put(host, &port, &Port::vlan(number, vlan)).await?;
            cloud.effective(host, &port, revision).await?;
        }
        cloud.fence(host).await?;
        cloud.plan_is_empty(host).await?;
        let contents = host.contents().await?;
        ensure!(
            contents.ours().len() == 1 + 3 * messages.len(),
            "{}",
            contents.print()
        );
        ensure!(
            contents.foreign().interfaces().count() == 1,
            "only local0: {}",
            contents.print()
        );
        Ok(())
    })
}

/// How long something may take that should come about at once.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

#[test]
fn s15_poison_records_isolated() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        cloud.boot(host, "first", &Port::vlan(1, 100), &one).await?;
        cloud
            .boot(host, "second", &Port::vlan(5, 100), &two)
            .await?;
        one.reaches(&two).await?;
        let ping = one.pings(&two)?;

        // Somebody else uses a VLAN of the uplink, and a device has the name that a port's would.
        let (api, _events) = host.api().await?;
        let contents = host.contents().await?;
        let Some(uplink) = contents.interface("host-trunk0") else {
            anyhow::bail!("no uplink")
        };
        let theirs = CreateVlanSubif {
            sw_if_index: uplink.sw_if_index,
            vlan_id: 666,
        };
        let theirs = api.request(theirs).await?.sw_if_index;
        let up = SwInterfaceSetFlags {
            sw_if_index: theirs,
            flags: IfStatusFlags::ADMIN_UP,
        };
        api.request(up).await?;
        host.namespace().ip(&[
            "link", "add", "taptaken", "type", "veth", "peer", "name", "other",
        ])?;

        let put = |port: &str, value: Vec<u8>| Op::put(cloud.key(host, port), value);
        let revision = cloud
            .put_all(vec![
                put("no-json", b"{\"mac_address\": ".to_vec()),
                put("no-text", vec![0xff, 0xfe, 0]),
                put("no-object", b"[1, 2]".to_vec()),
                put("no-mac", b"{\"binding_type\": \"tap\"}".to_vec()),
                put(
                    "bad-mac",
                    Port::vlan(2, 100).with("mac_address", "fa:16:3e").bytes(),
                ),
                put(
                    "group-mac",
                    Port::vlan(2, 100)
                        .with("mac_address", "01:00:5e:00:00:01")
                        .bytes(),
                ),
                put("bad-mtu", Port::vlan(2, 100).with("mtu", 67).bytes()),
                put("a b", Port::vlan(2, 100).bytes()),
                put("below/it", Port::vlan(2, 100).bytes()),
                put("twin", Port::vlan(1, 100).bytes()),
                put("elsewhere", Port::vlan(1, 200).bytes()),
                put("taken", Port::vlan(3, 100).bytes()),
                put("used", Port::vlan(4, 666).bytes()),
            ])
            .await?;
        for (port, words) in [
            ("no-json", &["JSON"][..]),
            ("no-text", &["JSON"]),
            ("no-object", &["object", "list"]),
            ("no-mac", &["mac_address", "missing"]),
            ("bad-mac", &["mac_address", "fa:16:3e"]),
            ("group-mac", &["mac_address"]),
            ("bad-mtu", &["mtu", "67"]),
            ("a b", &["a b"]),
            ("twin", &["mac_address", "first"]),
            ("taken", &["taptaken"]),
            ("used", &["host-trunk0.666"]),
        ] {
            cloud.failed(host, port, revision, words).await?;
        }
        // One MAC address on two networks is nobody's mistake.
        cloud.effective(host, "elsewhere", revision).await?;
        let report = ping.stop()?;
        ensure!(report.lost == 0 && report.received > 0, "{report:?}");

        // Each is mended by what was wrong with it going away.
        api.request(DeleteSubif {
            sw_if_index: theirs,
        })
        .await?;
        host.namespace().ip(&["link", "delete", "taptaken"])?;
        cloud.delete(host, "first").await?;
        for port in ["taken", "used", "twin"] {
            cloud.effective(host, port, revision).await?;
        }
        for port in ["no-json", "no-mac", "a b"] {
            cloud.delete(host, port).await?;
            cloud.absent(host, port).await?;
        }
        Ok(())
    })
}
