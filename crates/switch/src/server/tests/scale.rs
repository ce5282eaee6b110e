//! What a switch costs.

use weft_vpp_wire::messages::tapv2::TapCreateV3;
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

/// Times that the threads of this process were scheduled away because they waited.
fn voluntary_switches(names: &str) -> u64 {
    let tasks = std::fs::read_dir("/proc/self/task").expect("tasks");
    let of_task = |task: std::fs::DirEntry| {
        let status = std::fs::read_to_string(task.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            let line = status.lines().find(|line| line.starts_with(name));
            line.and_then(|line| line.split_whitespace().nth(1))
                .unwrap_or("")
                .to_owned()
        };
        if field("Name:").starts_with(names) {
            field("voluntary_ctxt_switches:").parse().unwrap_or(0)
        } else {
            0
        }
    };
    tasks.map(|task| of_task(task.expect("task"))).sum()
}

#[test]
fn idle_workers_sleep() {
    let switch = Running::start_with(2);
    let vm = Vm::new(1);
    let mut client = switch.client();
    taps(&mut client, &vm);
    client.cli("show buffers");
    let before = voluntary_switches("weft_wk_");
    // Idle for a time: the workers have nothing to wake up for.
    std::thread::sleep(std::time::Duration::from_millis(500));
    let woken = voluntary_switches("weft_wk_") - before;
    assert!(
        woken < 20,
        "idle workers woke up {woken} times in half a second"
    );
}
