//! The main thread: serves API clients, and does what is slow and not urgent.
//!
//! One loop owns [`Control`] and all clients. Messages of a client are answered in their order; all
//! changes of one turn are published to the workers before any of its answers leaves.

#[cfg(test)]
mod tests;

use std::time::{Duration, Instant};

use weft_vpp_wire::messages::interface::SwInterfaceEvent;

use crate::api::{Api, Session};
use crate::client::{Client, ClientEnd, READ_CHUNK};
use crate::control::{Control, Pool};
use crate::error::SwitchError;
use crate::poller::{Interest, Poller, Ready, Waker};
use crate::socket::ApiSocket;

/// Tokens of the epoll set; clients count from `CLIENTS`.
const STOP: u64 = 0;
const LISTENER: u64 = 1;
const PEERS: u64 = 2;
const NEWS: u64 = 3;
const CLIENTS: u64 = 4;

/// Most clients at a time; further ones are closed at once.
const MAX_CLIENTS: usize = 256;
/// VPP marks the index of a socket client so (`SOCK_API_REG_HANDLE_BIT`).
const SOCKET_CLIENT: u32 = 1 << 31;

/// How often the MAC table is looked at for entries that are too old.
const SCAN_INTERVAL: Duration = Duration::from_secs(5);
/// Slots of the MAC table looked at in one step: well below a millisecond.
const SCAN_STEP: usize = 16 << 10;

/// The main thread's state.
pub(crate) struct Server {
    poller: Poller,
    socket: ApiSocket,
    stop: Waker,
    api: Api,
    control: Control,
    clients: Pool<Connection>,
    chunk: Box<[u8]>,
    next_scan: Instant,
}

/// A client and who it is.
struct Connection {
    client: Client,
    session: Session,
    interest: Interest,
}

impl Server {
    pub(crate) fn new(
        socket: ApiSocket,
        control: Control,
        stop: Waker,
    ) -> Result<Self, SwitchError> {
        let poller = Poller::new().map_err(SwitchError::system("create an epoll instance"))?;
        let added = poller
            .add(&stop, STOP, Interest::Read)
            .and_then(|()| poller.add(&socket, LISTENER, Interest::Read))
            .and_then(|()| poller.add(control.peers(), PEERS, Interest::Read))
            .and_then(|()| poller.add(control.workers.news(), NEWS, Interest::Read));
        added.map_err(SwitchError::system("wait for API clients"))?;
        Ok(Self {
            poller,
            socket,
            stop,
            api: Api::new(),
            control,
            clients: Pool::default(),
            chunk: vec![0; READ_CHUNK].into_boxed_slice(),
            next_scan: Instant::now() + SCAN_INTERVAL,
        })
    }

    /// Serves until told to stop. Then clients are disconnected, the socket's file goes, the ports
    /// and the workers end, in this order.
    pub(crate) fn run(mut self) -> Result<(), SwitchError> {
        tracing::info!(socket = %self.socket.path().display(), "serving");
        let mut ready = Vec::new();
        loop {
            let timeout = self.slow_work();
            let waited = self.poller.wait(Some(timeout), &mut ready);
            waited.map_err(SwitchError::system("wait for API clients"))?;
            for event in ready.drain(..) {
                match event.token {
                    STOP => {
                        self.stop.drain();
                        if self.control.workers.has_lost_one() {
                            return Err(SwitchError::WorkerLost);
                        }
                        tracing::info!("stopping");
                        return Ok(());
                    }
                    LISTENER => self.accept(),
                    PEERS => {
                        self.control.attend_peers();
                        self.control.publish();
                        self.tell_events();
                    }
                    NEWS => {
                        self.control.workers.news().drain();
                        self.control.learn_neighbours();
                        self.control.publish();
                    }
                    _ => self.serve(event),
                }
            }
        }
    }

    /// Ages the MAC table a little; returns when to be called again at the latest.
    fn slow_work(&mut self) -> Duration {
        let now = Instant::now();
        if self.control.scan_is_due || now >= self.next_scan {
            let clock = self.control.started.elapsed();
            let is_finished = self.control.tables.age_scan(clock, SCAN_STEP);
            self.control.scan_is_due = !is_finished;
            self.next_scan = now + SCAN_INTERVAL;
            if !is_finished {
                return Duration::ZERO;
            }
        }
        self.next_scan.saturating_duration_since(now)
    }

    fn accept(&mut self) {
        loop {
            let stream = match self.socket.accept() {
                Ok(Some(stream)) => stream,
                Ok(None) => return,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept an API client");
                    return;
                }
            };
            if self.clients.iter().count() >= MAX_CLIENTS {
                tracing::warn!(max = MAX_CLIENTS, "too many API clients");
                continue;
            }
            let interest = Interest::Read;
            let client = Client::new(stream);
            let session = Session::default();
            let place = self.clients.insert(Connection {
                client,
                session,
                interest,
            });
            let Some(connection) = self.clients.get_mut(place) else {
                return;
            };
            // Never more than MAX_CLIENTS, so the number fits.
            connection.session.index = u32::try_from(place).unwrap_or(0) | SOCKET_CLIENT;
            let token = place as u64 + CLIENTS;
            if let Err(error) = self.poller.add(&connection.client, token, interest) {
                tracing::warn!(%error, "cannot wait for an API client");
                self.clients.remove(place);
            }
        }
    }

    /// One turn of one client.
    fn serve(&mut self, event: Ready) {
        let Ok(place) = usize::try_from(event.token - CLIENTS) else {
            return;
        };
        let Some(connection) = self.clients.get_mut(place) else {
            return;
        };
        let outcome = connection.turn(event, &self.api, &mut self.control, &mut self.chunk);
        self.control.publish();
        self.tell_events();
        let flushed = match self.clients.get_mut(place) {
            Some(connection) if outcome.is_ok() => connection.flush(&self.poller, event.token),
            _ => Ok(()),
        };
        if let Err(end) = outcome.and(flushed) {
            self.disconnect(place, &end);
        }
    }

    /// Sends what happened to interfaces to the clients that want to know.
    fn tell_events(&mut self) {
        let events = self.control.events.take();
        if events.is_empty() {
            return;
        }
        let Ok(id) = self.api.table().id::<SwInterfaceEvent>() else {
            return;
        };
        let listeners: Vec<_> = self
            .clients
            .iter()
            .filter(|(_, connection)| connection.session.events.is_some())
            .map(|(place, _)| place)
            .collect();
        for place in listeners {
            let Some(connection) = self.clients.get_mut(place) else {
                continue;
            };
            let client_index = connection.session.index;
            let pid = connection.session.events.unwrap_or(0);
            let header = weft_vpp_wire::EventHeader { client_index, pid };
            for event in &events {
                let out = connection.client.output();
                weft_vpp_wire::encode::event(out, id, header, &event.to_wire());
            }
            if let Err(end) = connection.flush(&self.poller, place as u64 + CLIENTS) {
                self.disconnect(place, &end);
            }
        }
    }

    fn disconnect(&mut self, place: usize, end: &ClientEnd) {
        let Some(connection) = self.clients.remove(place) else {
            return;
        };
        let _ = self.poller.remove(&connection.client);
        tracing::debug!(client = %connection.session.name, %end, "disconnected");
    }
}

impl Connection {
    /// Takes what has arrived, or goes on with what had to wait, and answers it.
    fn turn(
        &mut self,
        event: Ready,
        api: &Api,
        control: &mut Control,
        chunk: &mut [u8],
    ) -> Result<(), ClientEnd> {
        let Self {
            client, session, ..
        } = self;
        let mut handle = |message: &[u8], out: &mut Vec<u8>| {
            api.handle(control, session, message, out);
            if session.has_left {
                Err(ClientEnd::Deleted)
            } else {
                Ok(())
            }
        };
        if event.writable {
            client.flush()?;
        }
        // An error on the socket is found by reading.
        let outcome = if event.readable || event.failed {
            client.receive(chunk, &mut handle)
        } else {
            client.process(&mut handle)
        };
        if let Err(ClientEnd::Deleted) = &outcome {
            // Its last answer.
            client.flush()?;
        }
        outcome
    }

    /// Sends what the client takes, and waits for what it then needs.
    fn flush(&mut self, poller: &Poller, token: u64) -> Result<(), ClientEnd> {
        self.client.flush()?;
        let interest = self.client.interest();
        if interest != self.interest {
            poller.change(&self.client, token, interest)?;
            self.interest = interest;
        }
        Ok(())
    }
}
