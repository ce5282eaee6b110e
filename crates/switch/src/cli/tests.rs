//! Tables against those of a running VPP 26.06, and how commands are understood.

mod acl;

use weft_graph::{BdFlags, BdId, DeviceClass, PortType, Tables, TagRewrite};
use weft_packet::SwIfIndex;

use super::*;
use crate::config::SwitchConfig;
use crate::control::{Device, Loopback};
use crate::worker::Workers;

fn switch() -> Control {
    Control::new(SwitchConfig::default(), Tables::new(1), Workers::none()).expect("control")
}

fn loopback(control: &mut Control, instance: u32) -> SwIfIndex {
    let device = Device::Loopback(Loopback {
        instance,
        link_mtu: 9000,
    });
    let name = format!("loop{instance}");
    control.add_port(
        &name,
        DeviceClass::Loopback,
        [0xde, 0xad, 0, 0, 0, 1],
        device,
    )
}

fn bridged(control: &mut Control) -> SwIfIndex {
    let index = loopback(control, 0);
    control
        .tables
        .add_bridge_domain(BdId(10), BdFlags::DEFAULT, 5)
        .expect("new");
    control
        .tables
        .set_l2_bridge(index, BdId(10), PortType::Normal, 2)
        .expect("member");
    index
}

#[test]
fn interfaces_are_a_table_as_vpp_prints_it() {
    let mut control = switch();
    for instance in [10, 2] {
        loopback(&mut control, instance);
    }
    let header = "              Name               Idx    State  MTU (L3/IP4/IP6/MPLS)     Counter          \
                  Count     \n";
    let expected = [
        header,
        "local0                            0     down          0/0/0/0       \n",
        "loop2                             2     down         9000/0/0/0     \n",
        "loop10                            1     down         9000/0/0/0     \n",
    ];
    assert_eq!(run(&mut control, "show interface"), Ok(expected.concat()));
    let one = [expected[0], expected[2]].concat();
    assert_eq!(run(&mut control, "show interface loop2"), Ok(one.clone()));
    assert_eq!(
        run(&mut control, "sh int 2"),
        Ok(one),
        "abbreviated, and by index"
    );
}

#[test]
fn interface_details_are_vpps_lines() {
    let mut control = switch();
    let index = bridged(&mut control);
    let text = run(&mut control, "show interface address").expect("shown");
    assert_eq!(
        text,
        "local0 (dn):\nloop0 (dn):\n  L2 bridge bd-id 10 idx 1 shg 2  \n"
    );
    assert_eq!(
        run(&mut control, "show interface loop0 tag"),
        Ok("loop0: (none)\n".to_owned())
    );
    let rewrite = TagRewrite::Push1 {
        outer: weft_graph::OuterTag::Dot1q,
        tag: 7,
    };
    control
        .tables
        .set_tag_rewrite(index, rewrite)
        .expect("allowed");
    let text = run(&mut control, "show interface loop0 vtr");
    assert_eq!(text, Ok("loop0:  VTR push-1 dot1q 7\n".to_owned()));
    let error = run(&mut control, "show interface vtr").expect_err("which?");
    assert_eq!(
        error.to_string(),
        "show interface: Interface not specified..."
    );
}

#[test]
fn bridge_domains_show_members_and_tag() {
    let mut control = switch();
    assert_eq!(
        run(&mut control, "show bridge-domain"),
        Ok("no bridge-domains in use\n".into())
    );
    bridged(&mut control);
    control
        .bd_tags
        .insert(10, crate::control::cut_to_field(b"weft:net"));
    let text = run(&mut control, "show bridge-domain 10 detail").expect("shown");
    for expected in [
        "   10       1        5    ",
        "loop0",
        "l2-learn",
        "BD-Tag: weft:net",
    ] {
        assert!(text.contains(expected), "{expected:?} is missing in {text}");
    }
    assert!(
        !run(&mut control, "show bridge-domain 10")
            .expect("shown")
            .contains("BD-Tag")
    );
    let error = |control: &mut Control, line| run(control, line).expect_err(line).to_string();
    let absent = error(&mut control, "show bridge-domain 77");
    assert_eq!(absent, "show bridge-domain: No such bridge domain 77");
    assert!(error(&mut control, "show bridge-domain 0").contains("default bridge domain"));
    assert!(error(&mut control, "show bridge-domain ten").contains("unknown input"));
}

#[test]
fn mac_table_is_counted_and_listed() {
    use weft_graph::MacTarget;
    use weft_packet::header::MacAddr;
    let mut control = switch();
    assert_eq!(
        run(&mut control, "show l2fib"),
        Ok("no l2fib entries\n".to_owned())
    );
    let index = bridged(&mut control);
    let mac = MacAddr([2, 0, 0, 0, 0, 1]);
    control
        .tables
        .add_mac(BdId(10), mac, MacTarget::StaticInterface(index))
        .expect("added");
    let text = run(&mut control, "show l2fib verbose").expect("shown");
    let row =
        " 02:00:00:00:00:01    1      1      0/0      no      *      -     -               loop0";
    assert!(text.contains(row), "{text}");
    assert!(text.contains("L2FIB total/learned entries: 1/0"), "{text}");
    assert!(
        !run(&mut control, "show l2fib learn")
            .expect("shown")
            .contains("02:00")
    );
    assert!(run(&mut control, "show l2fib bd_id 77").is_err());
}

#[test]
fn what_is_not_understood_is_said_in_vpps_words() {
    let mut control = switch();
    let mut error = |line| run(&mut control, line).expect_err(line).to_string();
    assert_eq!(error("foo"), "unknown input `foo'");
    assert_eq!(error("show foo"), "show: unknown input `foo'");
    assert_eq!(error("show"), "show: unknown input `'");
    assert_eq!(
        error("show interface nonesuch"),
        "show interface: unknown input `nonesuch'"
    );
    assert_eq!(
        error("show version now"),
        "show version: unknown input `now'"
    );
    assert_eq!(error("show t"), "ambiguous input `t': tap, threads, trace");
    assert!(
        error("trace add nonesuch 5").contains("af-packet-input"),
        "it says what there is"
    );
}

#[test]
fn help_lists_the_commands_that_begin_so() {
    let mut control = switch();
    let all = run(&mut control, "?").expect("help");
    assert_eq!(all.lines().count(), COMMANDS.len());
    let some = run(&mut control, "clear help").expect("help");
    assert!(
        some.lines().all(|line| line.starts_with("  clear ")),
        "{some}"
    );
}

#[test]
fn every_command_runs_on_an_empty_switch() {
    let mut control = switch();
    let needs_more = ["trace add", "set acl-plugin"];
    for command in COMMANDS
        .iter()
        .filter(|command| !needs_more.contains(&command.path))
    {
        assert!(run(&mut control, command.path).is_ok(), "{}", command.path);
    }
}

#[test]
fn centred_text_has_the_odd_blank_on_the_left() {
    assert_eq!(table::center("ab", 5), "  ab ");
    assert_eq!(table::center("abcdef", 4), "abcd");
}
