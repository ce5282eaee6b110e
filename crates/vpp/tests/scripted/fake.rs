//! A server whose every message is chosen by the test.

use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use weft_vpp::{Connection, Events, Timeouts};
use weft_vpp_wire::frame::MAX_MESSAGE_LEN;
use weft_vpp_wire::messages::interface::{WantInterfaceEvents, WantInterfaceEventsReply};
use weft_vpp_wire::messages::memclnt::{
    ControlPing, ControlPingReply, MessageTableEntry, SockclntCreate, SockclntCreateReply,
};
use weft_vpp_wire::{
    Details, Dump, FrameDecoder, Message, MessageTable, Reply, ReplyHeader, Request, RequestHeader,
    Retval, decode, encode,
};

/// No wait in these tests is longer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What the fake calls its client.
pub(crate) const CLIENT_INDEX: u32 = 0x8000_0001;

/// A listening socket in a directory of its own.
pub(crate) struct Fake {
    listener: UnixListener,
    path: PathBuf,
    _directory: tempfile::TempDir,
}

/// One connected client.
pub(crate) struct Peer {
    stream: UnixStream,
    decoder: FrameDecoder,
    pub(crate) table: MessageTable,
}

/// Timeouts that keep these tests short.
pub(crate) fn quick() -> Timeouts {
    Timeouts {
        connect: Duration::from_millis(500),
        idle: Duration::from_millis(50),
        silence: Duration::from_millis(400),
        answer: Duration::from_secs(5),
    }
}

impl Fake {
    pub(crate) fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("api.sock");
        Self::start_at(directory, path)
    }

    pub(crate) fn start_at(directory: tempfile::TempDir, path: PathBuf) -> Self {
        let listener = UnixListener::bind(&path).unwrap();
        Self {
            listener,
            path,
            _directory: directory,
        }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.path.clone()
    }

    /// The next client, before anything was exchanged.
    pub(crate) async fn accept(&self) -> Peer {
        let (stream, _) = bounded(self.listener.accept()).await.unwrap();
        Peer {
            stream,
            decoder: FrameDecoder::new(MAX_MESSAGE_LEN),
            table: MessageTable::serving(),
        }
    }

    /// A client that is connected and has its events, and this side of it.
    pub(crate) async fn connected(&self, timeouts: Timeouts) -> (Connection, Events, Peer) {
        let serve = async {
            let mut peer = self.accept().await;
            peer.welcome().await;
            peer
        };
        let path = self.path();
        let connect = Connection::connect(&path, "test", timeouts);
        let (peer, connected) = bounded(async { tokio::join!(serve, connect) }).await;
        let (connection, events) = connected.unwrap();
        (connection, events, peer)
    }
}

impl Peer {
    /// The handshake as VPP does it, and events switched on.
    pub(crate) async fn welcome(&mut self) {
        let entries = self.table.entries();
        self.shake_hands(entries).await;
        self.grant_events().await;
    }

    pub(crate) async fn shake_hands(&mut self, entries: Vec<MessageTableEntry>) {
        let message = self.message().await;
        let hello: SockclntCreate = decode::bare(&message).unwrap();
        let reply = SockclntCreateReply {
            client_index: 0,
            context: hello.context,
            response: 0,
            index: CLIENT_INDEX,
            message_table: entries.try_into().unwrap(),
        };
        let mut out = Vec::new();
        encode::bare(&mut out, self.id::<SockclntCreateReply>(), &reply);
        self.send(&out).await;
    }

    pub(crate) async fn grant_events(&mut self) {
        let (header, request) = self.request::<WantInterfaceEvents>().await;
        assert_eq!(request.enable_disable, 1);
        assert_eq!(header.client_index, CLIENT_INDEX);
        self.reply(header, Retval::OK, &WantInterfaceEventsReply {})
            .await;
    }

    /// The next message, whatever it is.
    pub(crate) async fn message(&mut self) -> Vec<u8> {
        bounded(async {
            loop {
                if let Some(message) = self.decoder.next_message().unwrap() {
                    return message.to_vec();
                }
                let mut chunk = vec![0; 4096];
                let read = self.stream.read(&mut chunk).await.unwrap();
                assert!(read > 0, "the client closed the connection");
                self.decoder.feed(&chunk[..read]);
            }
        })
        .await
    }

    /// Waits until the client closes the connection.
    pub(crate) async fn closed(&mut self) {
        bounded(async {
            let mut chunk = vec![0; 4096];
            while self
                .stream
                .read(&mut chunk)
                .await
                .is_ok_and(|read| read > 0)
            {}
        })
        .await;
    }

    /// The next message, which must be an `M`; pings that come before it, because this machine is
    /// slow, are answered.
    pub(crate) async fn request<M: Message>(&mut self) -> (RequestHeader, M) {
        loop {
            let message = self.message().await;
            let id = decode::id(&message).unwrap();
            let found = self.table.message(id).map(|message| message.name);
            if found == Some(ControlPing::NAME) && M::NAME != ControlPing::NAME {
                let (header, ControlPing {}) = decode::request(&message).unwrap();
                self.answer_ping(header).await;
                continue;
            }
            assert_eq!(found, Some(M::NAME));
            return decode::request(&message).unwrap();
        }
    }

    pub(crate) async fn reply<R: Reply>(&mut self, to: RequestHeader, retval: Retval, reply: &R) {
        let mut out = Vec::new();
        let header = ReplyHeader {
            context: to.context,
            retval,
        };
        encode::reply(&mut out, self.id::<R>(), header, reply);
        self.send(&out).await;
    }

    /// Takes an `R` and replies to it; answers what was asked.
    pub(crate) async fn answer<R: Request>(&mut self, retval: Retval, reply: R::Reply) -> R {
        let (header, request) = self.request::<R>().await;
        self.reply(header, retval, &reply).await;
        request
    }

    /// Takes an `R` and refuses it; answers what was asked.
    pub(crate) async fn refuse<R: Request>(&mut self, retval: Retval) -> R {
        self.answer(retval, R::Reply::default()).await
    }

    /// Takes an `R` and grants it, with a reply that says nothing more.
    pub(crate) async fn grant<R: Request>(&mut self) -> R {
        self.answer(Retval::OK, R::Reply::default()).await
    }

    /// Takes a dump and answers it with these.
    pub(crate) async fn dumped<D: Dump>(&mut self, details: &[D::Details]) -> D {
        let (header, request) = self.request::<D>().await;
        for details in details {
            self.details(header, details).await;
        }
        self.pong().await;
        request
    }

    pub(crate) async fn details<D: Details>(&mut self, to: RequestHeader, details: &D) {
        let mut out = Vec::new();
        encode::details(&mut out, self.id::<D>(), to.context, details);
        self.send(&out).await;
    }

    /// Takes and answers a ping.
    pub(crate) async fn pong(&mut self) {
        let (header, _) = self.request::<ControlPing>().await;
        self.answer_ping(header).await;
    }

    async fn answer_ping(&mut self, header: RequestHeader) {
        self.reply(header, Retval::OK, &ControlPingReply::default())
            .await;
    }

    pub(crate) async fn send(&mut self, bytes: &[u8]) {
        bounded(self.stream.write_all(bytes)).await.unwrap();
    }

    pub(crate) fn id<M: Message>(&self) -> u16 {
        self.table.id::<M>().unwrap()
    }
}

/// Fails the test instead of hanging.
pub(crate) async fn bounded<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .expect("nothing happened for too long")
}

/// A path where nobody listens.
pub(crate) fn nobody(directory: &Path) -> PathBuf {
    directory.join("nobody.sock")
}
