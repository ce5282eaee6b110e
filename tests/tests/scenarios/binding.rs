//! Ports come, change and go.

use anyhow::{Context, Result, ensure};
use weft_lab::Capture;
use weft_store::Op;
use weft_tests::{HostConfig, Port, Setup, Uplink, scenario};
use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::{BridgeDomainAddDelV2, L2PortType, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::tapv2::TapDeleteV2;

#[test]
fn s03_tap_port_repeated_and_host_device_taken() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let web = Port::vlan(1, 100);
        cloud.bind(host, "web", &web).await?;

        // The device of the next port exists already, made by somebody else.
        host.namespace().ip(&[
            "link", "add", "tapbusy", "type", "veth", "peer", "name", "other",
        ])?;
        let revision = cloud.put(host, "busy", &Port::vlan(2, 100)).await?;
        cloud
            .failed(host, "busy", revision, &["tapbusy", "tap_create_v3"])
            .await?;
        let again = cloud.put(host, "web", &web).await?;
        cloud.effective(host, "web", again).await?;

        // Once the name is free it comes about without anybody doing anything.
        host.namespace().ip(&["link", "delete", "tapbusy"])?;
        cloud.effective(host, "busy", revision).await?;

        // Gone and back again, with the same device.
        host.proxy().reset();
        cloud.delete(host, "busy").await?;
        cloud.absent(host, "busy").await?;
        cloud.no_device(host, "busy")?;
        cloud.bind(host, "busy", &Port::vlan(2, 100)).await?;
        cloud.wrote(
            host,
            &[
                ("sw_interface_set_l2_bridge", 2),
                ("tap_delete_v2", 1),
                ("tap_create_v3", 1),
                ("sw_interface_set_mtu", 1),
                ("sw_interface_set_flags", 1),
            ],
        )?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s03_what_is_removed_under_us_comes_back() -> Result<()> {
    let config = HostConfig {
        resync: std::time::Duration::from_secs(1),
        ..HostConfig::default()
    };
    scenario(Setup::hosts(1).config(config), async |cloud| {
        let host = cloud.a();
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        let revision = cloud.boot(host, "web", &Port::vlan(1, 100), &one).await?;
        cloud.boot(host, "db", &Port::vlan(2, 100), &two).await?;
        one.reaches(&two).await?;

        let before = host.contents().await?;
        let tap = before.tap("web").context("no TAP")?.sw_if_index;
        let other = before.tap("db").context("no TAP")?.sw_if_index;
        let bridge = before
            .bridge("physnet1.vlan.100")
            .context("no bridge domain")?
            .bd_id;
        let (api, _events) = host.api().await?;

        // VPP tells of a TAP that goes, and of one that is set down.
        host.proxy().reset();
        api.request(TapDeleteV2 { sw_if_index: tap }).await?;
        host.proxy()
            .reached("sw_interface_set_l2_bridge", 1, SOON)
            .await?;
        cloud.fence(host).await?;
        cloud.effective(host, "web", revision).await?;
        host.plug("web", &one)?;
        one.reaches(&two).await?;
        let down = SwInterfaceSetFlags {
            sw_if_index: other,
            flags: IfStatusFlags::default(),
        };
        api.request(down).await?;
        one.reaches(&two).await?;

        // Nobody tells of a membership that ends; it is found by looking again.
        let leave = SwInterfaceSetL2Bridge {
            rx_sw_if_index: other,
            bd_id: bridge,
            port_type: L2PortType::NORMAL,
            shg: 0,
            enable: false,
        };
        api.request(leave).await?;
        one.reaches(&two).await?;
        Ok(())
    })
}

/// How long something may take that should come about at once.
const SOON: std::time::Duration = std::time::Duration::from_secs(20);

#[test]
fn s03_an_uplink_device_that_appears_late_is_waited_for() -> Result<()> {
    let late = Uplink::HostInterface("late0".to_owned());
    let config = HostConfig::default().physnet("physnet2", late);
    scenario(Setup::hosts(1).config(config), async |cloud| {
        let host = cloud.a();
        let other = cloud.bind(host, "web", &Port::flat(1)).await?;
        let record = Port::vlan(2, 100).with("physnet", "physnet2");
        let revision = cloud.put(host, "late", &record).await?;
        let waits = cloud
            .view()
            .until("that the device is missed", SOON, |state| {
                let said = state.condition(host.name(), "late");
                let reason = said.as_ref().and_then(|said| said.status.reason());
                match reason {
                    Some(reason) if reason.contains("physnet2") => Ok(()),
                    _ => Err(format!("{said:?}")),
                }
            });
        waits.await?;
        let said = cloud.view().now();
        let said = said.physnet_condition(host.name(), "physnet2");
        let said = said.context("nothing is said of physnet2")?;
        let reason = said.status.reason().unwrap_or_default();
        ensure!(reason.contains("late0"), "{said:?}");
        ensure!(said.status.word() == "failed", "{said:?}");

        let _cable = host.namespace().cable("late0", cloud.control(), "late0")?;
        cloud.effective(host, "late", revision).await?;
        cloud.effective(host, "web", other).await?;
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s03_port_ids_of_every_length_are_found_again() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        // The longest fills a UUID's place; every length fills another part of a tag.
        let ids: Vec<String> = (1..=36).map(|length| "x".repeat(length)).collect();
        let ports = (1..).zip(&ids).map(|(number, id)| (id, Port::flat(number)));
        let puts = ports.map(|(id, port)| Op::put(cloud.key(host, id), port.bytes()));
        let revision = cloud.put_all(puts.collect()).await?;
        for id in &ids {
            cloud.effective(host, id, revision).await?;
        }
        let contents = host.contents().await?;
        for id in &ids {
            ensure!(contents.tap(id).is_some(), "{id}:\n{}", contents.print());
        }
        host.kill_agent();
        host.proxy().reset();
        cloud.start_agent(host).await?;
        cloud.wrote(host, &[])
    })
}

#[test]
fn s04_two_ports_one_network_last_unbind_removes_bd_and_subif() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        for (network, first, second) in [
            ("physnet1.vlan.100", Port::vlan(1, 100), Port::vlan(2, 100)),
            ("physnet1.flat", Port::flat(1), Port::flat(2)),
        ] {
            cloud.boot(host, "web", &first, &one).await?;
            cloud.boot(host, "db", &second, &two).await?;
            one.reaches(&two).await?;
            let contents = host.contents().await?;
            let bridge = contents.bridge(network).context("no bridge domain")?;
            ensure!(
                bridge.sw_if_details.len() == 3,
                "two TAPs and what carries the network: {bridge:?}"
            );

            cloud.delete(host, "web").await?;
            cloud.absent(host, "web").await?;
            let contents = host.contents().await?;
            let bridge = contents
                .bridge(network)
                .context("the other port still needs it")?;
            ensure!(bridge.sw_if_details.len() == 2, "{bridge:?}");

            cloud.delete(host, "db").await?;
            cloud.absent(host, "db").await?;
            cloud.fence(host).await?;
            let contents = host.contents().await?;
            ensure!(
                contents.bridges().all(|bridge| bridge.bd_id.0 == 0),
                "{}",
                contents.print()
            );
            let uplink = contents
                .interface("host-trunk0")
                .context("the uplink stays")?;
            ensure!(uplink.flags.contains(IfStatusFlags::ADMIN_UP), "{uplink:?}");
            ensure!(
                contents.ours().len() == 1,
                "only the uplink is left: {:?}",
                contents.ours()
            );
        }
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s04_frames_on_the_trunk_carry_the_tag_of_their_network() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let mut machines = Vec::new();
        for (number, name, host, port) in [
            (1, "blue-a", a, Port::vlan(1, 100)),
            (2, "blue-b", b, Port::vlan(2, 100)),
            (3, "green-a", a, Port::vlan(3, 4094)),
            (4, "green-b", b, Port::vlan(4, 4094)),
            (5, "plain-a", a, Port::flat(5)),
            (6, "plain-b", b, Port::flat(6)),
        ] {
            let vm = cloud.vm(name, [10, 0, 0, number])?;
            cloud.boot(host, name, &port, &vm).await?;
            machines.push((name, vm));
        }
        let capture = Capture::start(b.namespace(), "trunk0")?;
        let network = |name: &'static str| name.split('-').next();
        for (from, machine) in machines.iter().step_by(2) {
            for (to, other) in machines.iter().skip(1).step_by(2) {
                if network(from) == network(to) {
                    machine.reaches(other).await?;
                } else {
                    machine.reaches_not(other).await?;
                }
            }
        }
        let frames = capture.frames();
        for (number, vlan) in [(1_u8, Some(100)), (3, Some(4094)), (5, None)] {
            let mac = format!("fa:16:3e:00:00:{number:02x}").parse()?;
            let of = frames.iter().filter(|frame| frame.source == mac);
            let tags: Vec<Option<u16>> = of.map(|frame| frame.vlan).collect();
            ensure!(!tags.is_empty(), "no frame of {mac} crossed the trunk");
            ensure!(
                tags.iter().all(|tag| *tag == vlan),
                "{mac}: {vlan:?} expected, not {tags:?}"
            );
        }
        Ok(())
    })
}

#[test]
fn s04_full_frames_and_streams_pass_whole() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let one = cloud.vm("one", [10, 0, 0, 1])?;
        let two = cloud.vm("two", [10, 0, 0, 2])?;
        let three = cloud.vm("three", [10, 0, 0, 3])?;
        cloud.boot(a, "one", &Port::vlan(1, 100), &one).await?;
        cloud.boot(a, "two", &Port::vlan(2, 100), &two).await?;
        cloud.boot(b, "three", &Port::vlan(3, 100), &three).await?;
        for other in [&two, &three] {
            one.reaches(other).await?;
            let target = other.address().to_string();
            // From the least to the greatest that an MTU of 1500 lets through unfragmented.
            for size in ["0", "18", "64", "1471", "1472"] {
                let ping = [
                    "ping", "-n", "-c", "3", "-i", "0.05", "-W", "2", "-M", "do", "-s",
                ];
                one.namespace()
                    .run(&[&ping[..], &[size, &target]].concat())?;
            }
            let server = other.stream_server(cloud.lab())?;
            let received = one.stream(&target).await?;
            drop(server);
            ensure!(received > 1_000_000, "{received} bytes");
        }
        Ok(())
    })
}

#[test]
fn s05_rebind_to_other_host_exactly_once() -> Result<()> {
    scenario(Setup::hosts(2), async |cloud| {
        let (a, b) = (cloud.a(), cloud.b());
        let (one, two) = (
            cloud.vm("one", [10, 0, 0, 1])?,
            cloud.vm("two", [10, 0, 0, 2])?,
        );
        let (web, db) = (Port::vlan(1, 100), Port::vlan(2, 100));
        cloud.boot(a, "web", &web, &one).await?;
        cloud.boot(a, "db", &db, &two).await?;
        one.reaches(&two).await?;

        // Both at one revision, as the server does it.
        for host in cloud.hosts() {
            host.proxy().reset();
        }
        let moved = vec![
            Op::delete(cloud.key(a, "web")),
            Op::put(cloud.key(b, "web"), web.bytes()),
        ];
        let revision = cloud.put_all(moved).await?;
        cloud.effective(b, "web", revision).await?;
        cloud.absent(a, "web").await?;
        for host in cloud.hosts() {
            cloud.fence(host).await?;
        }
        cloud.wrote(
            a,
            &[("sw_interface_set_l2_bridge", 1), ("tap_delete_v2", 1)],
        )?;
        cloud.wrote(b, FIRST_OF_A_VLAN)?;
        let state = cloud.view().now();
        let writes = state.writes(&format!("state/{}/ports/web", b.name()));
        ensure!(writes == 1, "told {writes} times of being effective");

        // The machine arrives, and is found at its new place.
        b.plug("web", &one)?;
        two.reaches(&one).await?;
        for host in cloud.hosts() {
            cloud.plan_is_empty(host).await?;
        }
        Ok(())
    })
}

/// What a host with its uplink writes for the first port of a VLAN.
const FIRST_OF_A_VLAN: &[(&str, u64)] = &[
    ("create_subif", 1),
    ("sw_interface_tag_add_del", 1),
    ("bridge_domain_add_del_v2", 1),
    ("tap_create_v3", 1),
    ("sw_interface_set_mtu", 1),
    ("sw_interface_set_flags", 2),
    ("sw_interface_set_l2_bridge", 2),
    ("l2_interface_vlan_tag_rewrite", 1),
];

#[test]
fn s06_update_that_changes_nothing_writes_nothing() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let web = Port::vlan(1, 100);
        cloud.bind(host, "web", &web).await?;
        cloud.bind(host, "edge", &Port::flat(2)).await?;
        host.proxy().reset();

        let revision = cloud.put(host, "web", &web).await?;
        // The state says which record is in effect, even if nothing had to be done for it.
        let state = cloud.effective(host, "web", revision).await?;
        ensure!(state.revision == revision, "{state:?}");
        let others = web
            .with("security_groups", vec!["b5b8c7e0"])
            .with(
                "fixed_ips",
                serde_json::json!([{"subnet_id": "s", "ip_address": "10.0.0.1"}]),
            )
            .with("device_id", "instance")
            .with("what_a_newer_writer_knows", 7);
        let revision = cloud.put(host, "web", &others).await?;
        cloud.effective(host, "web", revision).await?;
        cloud.fence(host).await?;
        cloud.wrote(host, &[])?;

        // What does change is changed in place, alone.
        let revision = cloud.put(host, "web", &others.with("mtu", 1400)).await?;
        cloud.effective(host, "web", revision).await?;
        cloud.wrote(host, &[("sw_interface_set_mtu", 1)])
    })
}

#[test]
fn s06_a_port_that_moves_to_another_network_keeps_its_device() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        let one = cloud.vm("one", [10, 0, 0, 1])?;
        let two = cloud.vm("two", [10, 0, 0, 2])?;
        let three = cloud.vm("three", [10, 0, 0, 3])?;
        cloud.boot(host, "web", &Port::vlan(1, 100), &one).await?;
        cloud.boot(host, "db", &Port::vlan(2, 100), &two).await?;
        cloud.boot(host, "edge", &Port::flat(3), &three).await?;
        one.reaches(&two).await?;
        one.reaches_not(&three).await?;

        host.proxy().reset();
        cloud.bind(host, "web", &Port::flat(1)).await?;
        cloud.wrote(host, &[("sw_interface_set_l2_bridge", 1)])?;
        one.reaches(&three).await?;
        one.reaches_not(&two).await?;

        // The address of a device is given when it is made.
        host.proxy().reset();
        cloud.bind(host, "web", &Port::flat(9)).await?;
        cloud.wrote(
            host,
            &[
                ("sw_interface_set_l2_bridge", 2),
                ("tap_delete_v2", 1),
                ("tap_create_v3", 1),
                ("sw_interface_set_mtu", 1),
                ("sw_interface_set_flags", 1),
            ],
        )?;
        host.plug("web", &one)?;
        one.reaches(&three).await?;
        let link = one.namespace().ip(&["link", "show", "dev", "tapweb"])?;
        ensure!(link.contains("fa:16:3e:00:00:09"), "{link}");
        cloud.plan_is_empty(host).await
    })
}

#[test]
fn s07_refusals_unknown_physnet_wrong_type() -> Result<()> {
    scenario(Setup::hosts(1), async |cloud| {
        let host = cloud.a();
        host.proxy().reset();
        let port = Port::vlan(1, 100);
        for (name, record, words) in [
            (
                "physnet",
                port.clone().with("physnet", "physnet9"),
                &["physnet9", "physnet1"][..],
            ),
            (
                "network",
                port.clone().with("network_type", "gre"),
                &["network_type", "gre"][..],
            ),
            (
                "binding",
                port.clone().with("binding_type", "hw_veb"),
                &["hw_veb", "vhostuser", "tap"][..],
            ),
            (
                "untagged",
                port.clone()
                    .with("segmentation_id", serde_json::Value::Null),
                &["segmentation_id"],
            ),
            (
                "reserved",
                port.clone().with("segmentation_id", 4095),
                &["segmentation_id", "4095"],
            ),
            (
                "tagged",
                Port::flat(1).with("segmentation_id", 7),
                &["segmentation_id", "flat"],
            ),
        ] {
            let revision = cloud.put(host, name, &record).await?;
            cloud.failed(host, name, revision, words).await?;
        }
        cloud.wrote(host, &[])?;

        // What is mended works, and what is spoilt does not any longer.
        let revision = cloud.put(host, "physnet", &port).await?;
        cloud.effective(host, "physnet", revision).await?;
        let revision = cloud
            .put(host, "physnet", &port.with("physnet", "physnet9"))
            .await?;
        cloud
            .failed(host, "physnet", revision, &["physnet9"])
            .await?;
        cloud.fence(host).await?;
        cloud.no_device(host, "physnet")?;
        let ours = host.contents().await?.ours();
        ensure!(ours.len() == 1, "only the uplink is left: {ours:?}");
        Ok(())
    })
}

#[test]
fn s07_bridge_domain_numbers_of_others_are_left_to_them() -> Result<()> {
    scenario(Setup::hosts(1).without_agents(), async |cloud| {
        let host = cloud.a();
        let (api, _events) = host.api().await?;
        for number in 1..=3 {
            let theirs = BridgeDomainAddDelV2 {
                bd_id: weft_vpp_wire::BdId(number),
                is_add: true,
                ..BridgeDomainAddDelV2::default()
            };
            api.request(theirs).await?;
        }
        host.start_agent()?;
        cloud.alive(host).await?;
        cloud.bind(host, "web", &Port::vlan(1, 100)).await?;
        let contents = host.contents().await?;
        let bridge = contents
            .bridge("physnet1.vlan.100")
            .context("no bridge domain")?;
        ensure!(!(1..=3).contains(&bridge.bd_id.0), "{bridge:?}");
        Ok(())
    })
}
