//! What a switch costs.

use weft_vpp_wire::messages::tapv2::TapCreateV3;
use weft_vpp_wire::messages::vlib::ShowThreads;
use weft_vpp_wire::{FixedString, SwIfIndex};

use super::support::{ApiClient, Running, Vm, tap_request};

/// TAPs on one switch.
const PORTS: usize = 100;

fn taps(client: &mut ApiClient, vm: &Vm) {
    for number in 0..PORTS {
        let name = FixedString::<64>::try_from(format!("p{number}").as_str()).expect("short");
        let request = TapCreateV3 {
            host_if_name: name.into(),
            host_ip4_prefix: weft_vpp_wire::messages::tapv2::Settable(None),
            ..tap_request(vm)
        };
        let index: SwIfIndex = client.ok(&request).sw_if_index;
        client.up(index);
        client.bridge(index, 10);
    }
}

/// Times that these threads were scheduled away because they waited.
fn voluntary_switches(threads: &[u32]) -> u64 {
    let of_thread = |tid: &u32| {
        let status = std::fs::read_to_string(format!("/proc/self/task/{tid}/status"));
        let status = status.expect("the thread lives");
        let mut lines = status.lines();
        let line = lines.find(|line| line.starts_with("voluntary_ctxt_switches:"));
        let count = line.and_then(|line| line.split_whitespace().nth(1));
        count.expect("a count").parse::<u64>().expect("a number")
    };
    threads.iter().map(of_thread).sum()
}

#[test]
fn idle_workers_sleep() {
    let switch = Running::start_with(2);
    let vm = Vm::new(1);
    let mut client = switch.client();
    taps(&mut client, &vm);
    let threads = client.ok(&ShowThreads {}).thread_data;
    let workers: Vec<u32> = threads.iter().skip(1).map(|thread| thread.pid).collect();
    assert_eq!(workers.len(), 2);
    // The answers show that the workers have dealt with all that came before.
    client.cli("show buffers");
    let before = voluntary_switches(&workers);
    // Idle for a time: the workers have nothing to wake up for.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let woken = voluntary_switches(&workers) - before;
    assert!(
        woken < 20,
        "idle workers woke up {woken} times in half a second"
    );
}
