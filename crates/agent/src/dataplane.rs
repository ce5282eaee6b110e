//! The VPP of this host: there or not, and what it tells.

use weft_plan::{Notice, Observed};
use weft_vpp::{CallError, Event, Events, Link, Session, Supervisor, Timeouts};
use weft_vpp_wire::messages::interface::SwInterfaceEvent;
use weft_vpp_wire::messages::vpe::ShowVersion;

use crate::config::VppConfig;

/// How we introduce ourselves to VPP (`show api clients`).
pub(crate) const CLIENT_NAME: &str = "weft-agent";

/// The VPP of this host.
#[derive(Debug)]
pub(crate) struct Dataplane {
    supervisor: Supervisor,
    up: Option<Up>,
}

/// A connection.
#[derive(Debug)]
struct Up {
    session: Session,
    events: Events,
    /// Events that have come and were not looked into yet.
    told: Vec<SwInterfaceEvent>,
    /// Its release, once it was asked for.
    version: Option<String>,
}

/// What happened to it.
#[derive(Debug)]
pub(crate) enum Happening {
    /// It is there, perhaps another one than before: nothing that was known of it counts.
    Up,
    /// It is gone, or not to be reached, for this reason.
    Down(String),
    /// It told something; [`Dataplane::notices`] says what.
    Told,
    /// It told more than could be taken in: what is known of it may be out of date.
    Overflow,
}

impl Dataplane {
    /// Begins to connect.
    pub(crate) fn start(config: &VppConfig) -> Self {
        let path = config.api_socket.clone();
        Self {
            supervisor: Supervisor::start(path, CLIENT_NAME.to_owned(), Timeouts::default()),
            up: None,
        }
    }

    /// VPP, if it is there.
    pub(crate) fn session(&mut self) -> Option<&mut Session> {
        self.up.as_mut().map(|up| &mut up.session)
    }

    /// The release of VPP, as far as it was asked for.
    pub(crate) fn version(&self) -> Option<&str> {
        self.up.as_ref()?.version.as_deref()
    }

    /// Looks at all that VPP holds of ours; with the first look at one, asks what VPP it is, too.
    /// `None` while VPP is not there.
    pub(crate) async fn observe(&mut self) -> Result<Option<Observed>, CallError> {
        let Some(Up {
            session, version, ..
        }) = &mut self.up
        else {
            return Ok(None);
        };
        let connection = session.connection().clone();
        let shown = async {
            match version {
                None => connection.request(ShowVersion {}).await.map(Some),
                Some(_) => Ok(None),
            }
        };
        let (observed, shown) = tokio::join!(session.observe(), shown);
        if let Some(shown) = shown? {
            *version = Some(shown.version.to_string());
        }
        observed.map(Some)
    }

    /// Gives the connection up; the next one is under way.
    pub(crate) fn disconnect(&mut self) {
        self.up = None;
    }

    /// What the events that have come mean. Asks VPP, since its events are mere hints.
    pub(crate) async fn notices(&mut self) -> Result<Vec<Notice>, CallError> {
        let Some(up) = &mut self.up else {
            return Ok(Vec::new());
        };
        if up.told.is_empty() {
            return Ok(Vec::new());
        }
        let told = std::mem::take(&mut up.told);
        up.session.notices(&told).await
    }

    /// Waits for what happens next. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Happening {
        let events = self.up.as_mut().map(|up| &mut up.events);
        let event = async {
            match events {
                Some(events) => events.next().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            event = event => self.take_event(event),
            link = self.supervisor.next() => match link {
                Some(Link::Up(connection, events)) => {
                    let session = Session::new(connection);
                    self.up = Some(Up { session, events, told: Vec::new(), version: None });
                    Happening::Up
                }
                Some(Link::Down(reason)) => {
                    self.up = None;
                    Happening::Down(format!("VPP is not connected: {reason}"))
                }
                // The runtime shuts down, and this with it.
                None => std::future::pending().await,
            },
        }
    }

    fn take_event(&mut self, event: Event) -> Happening {
        match event {
            Event::Interface(event) => {
                if let Some(up) = &mut self.up {
                    up.told.push(event);
                }
                Happening::Told
            }
            Event::Overflow => {
                if let Some(up) = &mut self.up {
                    up.told.clear();
                }
                Happening::Overflow
            }
            Event::Disconnected(reason) => {
                self.up = None;
                Happening::Down(format!("the connection to VPP is lost: {reason}"))
            }
        }
    }

    /// Ends the connection and the attempts at one.
    pub(crate) async fn close(mut self) {
        if let Some(up) = self.up.take() {
            up.events.close().await;
        }
        self.supervisor.stop().await;
    }
}
