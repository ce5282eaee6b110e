//! Packets between TAPs of one switch.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use weft_vpp_wire::messages::interface::SwInterfaceDump;
use weft_vpp_wire::messages::l2::{L2FibTableDump, SwInterfaceSetL2Bridge};
use weft_vpp_wire::messages::tapv2::TapDeleteV2;
use weft_vpp_wire::{BdId, SwIfIndex};

use super::support::{PATIENCE, Running, Vm};

#[test]
fn bridged_taps_reach_each_other_and_others_do_not() {
    let switch = Running::start();
    let vms = [Vm::new(1), Vm::new(2), Vm::new(3)];
    let mut client = switch.client();
    client.tap(&vms[0], 10);
    client.tap(&vms[1], 10);
    let lonely = client.tap(&vms[2], 20);
    assert!(vms[0].reaches(&vms[1]));
    assert!(vms[1].reaches(&vms[0]));
    assert!(!vms[0].reaches(&vms[2]), "another bridge domain");
    client.bridge(lonely, 10);
    assert!(vms[0].reaches(&vms[2]), "moved into it");
    let learned = client.dump(&L2FibTableDump { bd_id: BdId(10) });
    assert_eq!(learned.len(), 3, "{learned:?}");
}

#[test]
fn interface_that_is_down_passes_nothing() {
    use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
    let switch = Running::start();
    let (one, two) = (Vm::new(1), Vm::new(2));
    let mut client = switch.client();
    let first = client.tap(&one, 10);
    client.tap(&two, 10);
    assert!(one.reaches(&two));
    let down = SwInterfaceSetFlags {
        sw_if_index: first,
        flags: IfStatusFlags::default(),
    };
    client.ok(&down);
    assert!(!one.reaches(&two));
    assert!(
        client.cli("show errors").contains("down"),
        "the drop has a name"
    );
    client.up(first);
    assert!(one.reaches(&two));
}

#[test]
fn split_horizon_group_keeps_members_apart() {
    let switch = Running::start();
    let vms = [Vm::new(1), Vm::new(2), Vm::new(3)];
    let mut client = switch.client();
    let grouped = [client.tap(&vms[0], 10), client.tap(&vms[1], 10)];
    client.tap(&vms[2], 10);
    for index in grouped {
        client.ok(&SwInterfaceSetL2Bridge {
            rx_sw_if_index: index,
            bd_id: BdId(10),
            shg: 1,
            enable: true,
            ..SwInterfaceSetL2Bridge::default()
        });
    }
    assert!(!vms[0].reaches(&vms[1]));
    assert!(vms[0].reaches(&vms[2]) && vms[1].reaches(&vms[2]));
}

#[test]
fn a_stream_of_super_packets_arrives_unharmed() {
    let switch = Running::start();
    let (one, two) = (Vm::new(1), Vm::new(2));
    let mut client = switch.client();
    client.tap(&one, 10);
    client.tap(&two, 10);
    transfer(&one, &two, 16 << 20);
    let counters = client.cli("show interface");
    assert!(!counters.contains("drops"), "{counters}");
    // 16 MiB in packets of 1500 bytes would be 11,000.
    let packets: u64 = number_after(&counters, "tap0", "rx packets");
    assert!(
        packets < 6_000,
        "segments of 1500 bytes instead of super-packets: {packets}"
    );
}

/// Sends `size` patterned bytes over TCP and compares what arrives.
pub(super) fn transfer(from: &Vm, to: &Vm, size: usize) {
    let pattern = |at: usize| (at * 31 + at / 251).to_le_bytes()[0];
    let address = (to.address, 5001);
    let listener = to
        .namespace
        .enter(|| TcpListener::bind(address).expect("bind"));
    std::thread::scope(|scope| {
        scope.spawn(move || {
            let bytes: Vec<u8> = (0..size).map(pattern).collect();
            let mut stream = from
                .namespace
                .enter(|| TcpStream::connect(address).expect("connect"));
            stream.set_write_timeout(Some(PATIENCE)).expect("time-out");
            stream.write_all(&bytes).expect("send");
        });
        let (mut stream, _) = listener.accept().expect("accept");
        stream.set_read_timeout(Some(PATIENCE)).expect("time-out");
        let mut received = Vec::new();
        stream.read_to_end(&mut received).expect("receive");
        assert_eq!(received.len(), size);
        assert!(
            (0..size).all(|at| received[at] == pattern(at)),
            "bytes were changed"
        );
    });
}

/// A counter of an interface in the output of `show interface`.
fn number_after(table: &str, interface: &str, counter: &str) -> u64 {
    let rest = &table[table.find(interface).expect("interface")..];
    let rest = &rest[rest.find(counter).expect("counter") + counter.len()..];
    rest.split_whitespace()
        .next()
        .expect("number")
        .parse()
        .expect("number")
}

/// Ends a thread that sends, also when the test fails.
struct EndsTraffic<'a>(&'a AtomicBool);

impl Drop for EndsTraffic<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

#[test]
fn ports_are_deleted_and_made_anew_under_traffic() {
    let switch = Running::start_with(2);
    let vms = [Vm::new(1), Vm::new(2), Vm::new(3)];
    let mut client = switch.client();
    client.tap(&vms[0], 10);
    client.tap(&vms[1], 10);
    let mut third = client.tap(&vms[2], 10);
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            // Broadcasts reach whatever is there.
            let socket = vms[0].namespace.enter(|| {
                let socket = std::net::UdpSocket::bind((vms[0].address, 0)).expect("bind");
                socket.set_broadcast(true).expect("broadcast");
                socket
            });
            while !is_over.load(Ordering::Relaxed) {
                let _ = socket.send_to(&[0; 1000], "10.0.0.255:9");
                // Steady, but not more than the queues of the TAPs hold.
                std::thread::sleep(Duration::from_micros(100));
            }
        });
        let _ends_it = EndsTraffic(&is_over);
        for _ in 0..20 {
            client.ok(&TapDeleteV2 { sw_if_index: third });
            assert!(!vms[2].namespace.run(&["ip", "link"]).contains("eth0"));
            third = client.tap(&vms[2], 10);
        }
        assert!(vms[0].reaches(&vms[1]), "the others never noticed");
    });
    assert!(vms[0].reaches(&vms[2]));
    let all = SwInterfaceDump {
        sw_if_index: SwIfIndex::NONE,
        ..SwInterfaceDump::default()
    };
    assert_eq!(client.dump(&all).len(), 4);
}

#[test]
fn trace_shows_the_path_of_a_packet() {
    let switch = Running::start();
    let (one, two) = (Vm::new(1), Vm::new(2));
    let mut client = switch.client();
    client.tap(&one, 10);
    client.tap(&two, 10);
    client.cli(&format!(
        "trace add {} 50",
        weft_graph::NodeId::ALL[1].name()
    ));
    assert!(one.reaches(&two));
    let trace = client.cli("show trace");
    for node in [
        "ethernet-input",
        "l2-learn",
        "l2-fwd",
        "l2-flood",
        "l2-output",
    ] {
        assert!(trace.contains(node), "{node} is missing in {trace}");
    }
    client.cli("clear trace");
    assert!(
        client
            .cli("show trace")
            .contains("No packets in trace buffer")
    );
}

#[test]
fn stopped_switch_leaves_nothing_behind() {
    let mut switch = Running::start();
    let vm = Vm::new(1);
    switch.client().tap(&vm, 10);
    assert!(vm.namespace.run(&["ip", "link"]).contains("eth0"));
    switch.stop();
    assert!(!vm.namespace.run(&["ip", "link"]).contains("eth0"));
    assert!(!switch.socket.exists());
}
