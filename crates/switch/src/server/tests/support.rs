//! A running switch, a client of it, and namespaces that play virtual machines.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::Duration;

use weft_vpp_wire::messages::interface::{IfStatusFlags, SwInterfaceSetFlags};
use weft_vpp_wire::messages::l2::SwInterfaceSetL2Bridge;
use weft_vpp_wire::messages::memclnt::{
    ControlPing, SOCKCLNT_CREATE_ID, SockclntCreate, SockclntCreateReply,
};
use weft_vpp_wire::messages::tapv2::TapCreateV3;
use weft_vpp_wire::messages::vlib::CliInband;
use weft_vpp_wire::{
    BdId, Dump, FixedString, FrameDecoder, Message, MessageTable, Request, RequestHeader, Retval,
    SwIfIndex, VarString, decode, encode,
};

use crate::testing::TestNamespace;
use crate::{StopHandle, Switch, SwitchConfig, SwitchError};

/// How long anything may take before a test fails.
pub(super) const PATIENCE: Duration = Duration::from_secs(20);

/// A switch that serves on a thread of its own. Dropping it stops it.
pub(super) struct Running {
    pub(super) host: TestNamespace,
    pub(super) socket: PathBuf,
    _home: tempfile::TempDir,
    stop: StopHandle,
    thread: Option<JoinHandle<Result<(), SwitchError>>>,
}

impl Running {
    pub(super) fn start() -> Self {
        Self::start_with(1)
    }

    pub(super) fn start_with(workers: u16) -> Self {
        let host = TestNamespace::new();
        let home = tempfile::tempdir().expect("temporary directory");
        let socket = home.path().join("api.sock");
        let config = SwitchConfig {
            api_socket: socket.clone(),
            workers,
            ..SwitchConfig::default()
        };
        // Threads live in the namespace of the thread that starts them.
        let (stop, thread) = host.enter(|| {
            let switch = Switch::start(config).expect("switch starts");
            (
                switch.stop_handle(),
                std::thread::spawn(move || switch.run()),
            )
        });
        Self {
            host,
            socket,
            _home: home,
            stop,
            thread: Some(thread),
        }
    }

    /// A connected client.
    pub(super) fn client(&self) -> ApiClient {
        ApiClient::connect(&self.socket)
    }

    /// Stops the switch and waits for its end.
    pub(super) fn stop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic").expect("orderly end");
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// A client over the socket.
pub(super) struct ApiClient {
    stream: UnixStream,
    decoder: FrameDecoder,
    pub(super) table: MessageTable,
    pub(super) index: u32,
}

impl ApiClient {
    fn connect(socket: &PathBuf) -> Self {
        let stream = UnixStream::connect(socket).expect("connect");
        stream.set_read_timeout(Some(PATIENCE)).expect("time-out");
        let decoder = FrameDecoder::new(1 << 24);
        let mut client = Self {
            stream,
            decoder,
            table: MessageTable::default(),
            index: 0,
        };
        let name = FixedString::try_from("test").expect("short");
        let mut frame = Vec::new();
        encode::bare(
            &mut frame,
            SOCKCLNT_CREATE_ID,
            &SockclntCreate { context: 1, name },
        );
        client.stream.write_all(&frame).expect("write");
        let reply = decode::bare::<SockclntCreateReply>(&client.next_message()).expect("reply");
        client.table = MessageTable::from_entries(reply.message_table.iter()).expect("table");
        client.index = reply.index;
        client
    }

    /// The next message, whatever it is.
    pub(super) fn next_message(&mut self) -> Vec<u8> {
        let mut chunk = vec![0; 1 << 16];
        loop {
            if let Some(message) = self.decoder.next_message().expect("frames") {
                return message.to_vec();
            }
            let n = self.stream.read(&mut chunk).expect("an answer in time");
            assert!(n > 0, "the switch closed the connection");
            self.decoder.feed(&chunk[..n]);
        }
    }

    /// The frame of a message.
    pub(super) fn frame<M: Message>(&self, message: &M) -> Vec<u8> {
        let id = self.table.id::<M>().expect("served");
        let header = RequestHeader {
            client_index: self.index,
            context: 7,
        };
        let mut frame = Vec::new();
        encode::request(&mut frame, id, header, message);
        frame
    }

    /// Sends bytes as they are.
    pub(super) fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("write");
    }

    pub(super) fn call<M: Request>(&mut self, request: &M) -> (Retval, M::Reply) {
        let frame = self.frame(request);
        self.write(&frame);
        let id = self.table.id::<M::Reply>().expect("served");
        loop {
            let message = self.next_message();
            if decode::id(&message) == Some(id) {
                let (header, body) = decode::reply::<M::Reply>(&message).expect("reply");
                return (header.retval, body);
            }
        }
    }

    /// A request that must succeed.
    pub(super) fn ok<M: Request + std::fmt::Debug>(&mut self, request: &M) -> M::Reply {
        let (retval, body) = self.call(request);
        assert_eq!(retval, Retval::OK, "{request:?}");
        body
    }

    pub(super) fn dump<M: Dump>(&mut self, dump: &M) -> Vec<M::Details> {
        let frames = [self.frame(dump), self.frame(&ControlPing {})].concat();
        self.write(&frames);
        let id = self.table.id::<M::Details>().expect("served");
        let mut all = Vec::new();
        loop {
            let message = self.next_message();
            if decode::id(&message) != Some(id) {
                return all;
            }
            all.push(decode::details::<M::Details>(&message).expect("details").1);
        }
    }

    pub(super) fn cli(&mut self, command: &str) -> String {
        self.ok(&CliInband {
            cmd: VarString::from(command),
        })
        .reply
        .to_str()
        .into_owned()
    }

    pub(super) fn up(&mut self, sw_if_index: SwIfIndex) {
        self.ok(&SwInterfaceSetFlags {
            sw_if_index,
            flags: IfStatusFlags::ADMIN_UP,
        });
    }

    pub(super) fn bridge(&mut self, index: SwIfIndex, bd_id: u32) {
        self.ok(&SwInterfaceSetL2Bridge {
            rx_sw_if_index: index,
            bd_id: BdId(bd_id),
            enable: true,
            ..SwInterfaceSetL2Bridge::default()
        });
    }

    /// A TAP whose host side is in the namespace of a virtual machine, up and bridged.
    pub(super) fn tap(&mut self, vm: &Vm, bd_id: u32) -> SwIfIndex {
        let index = self.ok(&tap_request(vm)).sw_if_index;
        self.up(index);
        self.bridge(index, bd_id);
        index
    }
}

pub(super) fn tap_request(vm: &Vm) -> TapCreateV3 {
    let text = |text: &str| FixedString::<64>::try_from(text).expect("short");
    TapCreateV3 {
        id: u32::MAX,
        use_random_mac: true,
        num_rx_queues: 1,
        num_tx_queues: 1,
        host_if_name: text("eth0").into(),
        host_namespace: text(&vm.namespace.name).into(),
        host_ip4_prefix: weft_vpp_wire::Ip4Prefix {
            address: vm.address,
            len: 24,
        }
        .into(),
        ..TapCreateV3::default()
    }
}

/// A namespace that plays a virtual machine at 10.0.0.N.
pub(super) struct Vm {
    pub(super) namespace: TestNamespace,
    pub(super) address: std::net::Ipv4Addr,
}

impl Vm {
    pub(super) fn new(number: u8) -> Self {
        let address = std::net::Ipv4Addr::new(10, 0, 0, number);
        Self {
            namespace: TestNamespace::new(),
            address,
        }
    }

    /// Whether every one of a few pings is answered.
    pub(super) fn reaches(&self, other: &Self) -> bool {
        let address = other.address.to_string();
        let ping = ["ping", "-n", "-c", "3", "-i", "0.1", "-W", "1", &address];
        let output = std::process::Command::new("ip")
            .args(["netns", "exec", &self.namespace.name])
            .args(ping)
            .output()
            .expect("ping starts");
        String::from_utf8_lossy(&output.stdout).contains(" 0% packet loss")
    }
}
