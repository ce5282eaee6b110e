//! The REST API as the command line uses it.

mod watch;

use std::fmt;
use std::time::Duration;

use reqwest::{Method, RequestBuilder, Response, Url};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use weft_model::{AddressGroupId, HostName, PortId, SecurityGroupId};
use weft_server::{
    AddressGroupView, AddressGroupsReply, ApplyReply, ApplyRequest, ErrorBody, ErrorCode,
    ErrorDetail, GroupDeleteReply, GroupPutReply, HostView, HostsReply, NetworksReply, PortsReply,
    SecurityGroupView, SecurityGroupsReply, StateReply,
};

use crate::exit::{Exit, Failure};

pub(crate) use watch::{Heard, Watch};

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(5);

/// How long a whole reply may take; one to thousands of ports is a matter of seconds.
const REPLY: Duration = Duration::from_secs(60);

const SECURITY_GROUPS: &str = "security-groups";
const ADDRESS_GROUPS: &str = "address-groups";
const NETWORKS: &str = "networks";

/// A server, as its URL names it. Nothing is connected until something is asked.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    base: Url,
}

/// What there is besides ports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupKind {
    /// Rules.
    Security,
    /// Addresses.
    Address,
    /// How an overlay network forwards; its id is its segment, such as `gpe.1007`.
    Network,
}

/// Which ports to list.
#[derive(Debug, Default, Serialize)]
pub(crate) struct PortFilter {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) host: Option<HostName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) physnet: Option<String>,
}

impl Client {
    /// A client of the server at `server`, such as `http://127.0.0.1:7090`.
    pub(crate) fn new(server: &str) -> anyhow::Result<Self> {
        let wrong = |reason: &str| Failure {
            exit: Exit::Usage,
            ..Failure::new(format!("`{server}` is no URL of a server: {reason}"))
                .hint("write it as `http://127.0.0.1:7090`, after --server or in WEFT_SERVER")
        };
        let mut base = Url::parse(server).map_err(|error| wrong(&error.to_string()))?;
        if base.scheme() != "http" {
            return Err(wrong("`http://` is wanted").into());
        }
        if !base.path().ends_with('/') {
            base.set_path(&format!("{}/", base.path()));
        }
        // A proxy of the environment is for the world outside, not for the cloud's own network.
        let http = reqwest::Client::builder()
            .no_proxy()
            .connect_timeout(CONNECT)
            .build()?;
        Ok(Self { http, base })
    }

    pub(crate) async fn ports(&self, filter: &PortFilter) -> anyhow::Result<PortsReply> {
        self.read(self.request(Method::GET, &["ports"])?.query(filter))
            .await
    }

    /// A port on whichever hosts have it.
    pub(crate) async fn port(&self, id: &PortId) -> anyhow::Result<PortsReply> {
        self.read(self.request(Method::GET, &["ports", id.as_str()])?)
            .await
    }

    pub(crate) async fn hosts(&self) -> anyhow::Result<HostsReply> {
        self.read(self.request(Method::GET, &["hosts"])?).await
    }

    pub(crate) async fn host(&self, name: &HostName) -> anyhow::Result<HostView> {
        self.read(self.request(Method::GET, &["hosts", name.as_str()])?)
            .await
    }

    /// What the agents report; `kinds` empty means all.
    pub(crate) async fn state(
        &self,
        host: Option<&HostName>,
        kinds: &[String],
    ) -> anyhow::Result<StateReply> {
        let mut request = self.request(Method::GET, &["state"])?;
        if let Some(host) = host {
            request = request.query(&[("host", host.as_str())]);
        }
        if !kinds.is_empty() {
            request = request.query(&[("kind", kinds.join(","))]);
        }
        self.read(request).await
    }

    pub(crate) async fn apply(&self, wanted: &ApplyRequest) -> anyhow::Result<ApplyReply> {
        self.read(self.request(Method::POST, &["apply"])?.json(wanted))
            .await
    }

    pub(crate) async fn security_groups(&self) -> anyhow::Result<SecurityGroupsReply> {
        self.read(self.request(Method::GET, &[SECURITY_GROUPS])?)
            .await
    }

    pub(crate) async fn security_group(
        &self,
        id: &SecurityGroupId,
    ) -> anyhow::Result<SecurityGroupView> {
        self.read(self.request(Method::GET, &[SECURITY_GROUPS, id.as_str()])?)
            .await
    }

    pub(crate) async fn address_groups(&self) -> anyhow::Result<AddressGroupsReply> {
        self.read(self.request(Method::GET, &[ADDRESS_GROUPS])?)
            .await
    }

    pub(crate) async fn address_group(
        &self,
        id: &AddressGroupId,
    ) -> anyhow::Result<AddressGroupView> {
        self.read(self.request(Method::GET, &[ADDRESS_GROUPS, id.as_str()])?)
            .await
    }

    pub(crate) async fn networks(&self) -> anyhow::Result<NetworksReply> {
        self.read(self.request(Method::GET, &[NETWORKS])?).await
    }

    /// Makes a group what `record` says; with `dry_run` only says what that would change.
    pub(crate) async fn put_group(
        &self,
        kind: GroupKind,
        id: &str,
        record: &Value,
        dry_run: bool,
    ) -> anyhow::Result<GroupPutReply> {
        let request = self.request(Method::PUT, &kind.path(id))?;
        self.read(request.query(&[("dry_run", dry_run)]).json(record))
            .await
    }

    /// Deletes a group; `None` if there was none.
    pub(crate) async fn delete_group(
        &self,
        kind: GroupKind,
        id: &str,
    ) -> anyhow::Result<Option<GroupDeleteReply>> {
        let request = self.request(Method::DELETE, &kind.path(id))?;
        match self.read(request).await {
            Ok(reply) => Ok(Some(reply)),
            Err(error) if is_absent(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether there is such a group.
    pub(crate) async fn group_exists(&self, kind: GroupKind, id: &str) -> anyhow::Result<bool> {
        let request = self.request(Method::GET, &kind.path(id))?;
        match self.read::<Value>(request).await {
            Ok(_) => Ok(true),
            Err(error) if is_absent(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn request(&self, method: Method, path: &[&str]) -> anyhow::Result<RequestBuilder> {
        let mut url = self.base.clone();
        url.path_segments_mut()
            .map_err(|()| Failure::new(format!("{} cannot have a path", self.base)))?
            .pop_if_empty()
            .push("v1")
            .extend(path);
        Ok(self.http.request(method, url))
    }

    /// Sends a request; what is no success is an error that a person understands.
    async fn send(&self, request: RequestBuilder) -> anyhow::Result<Response> {
        let response = request
            .send()
            .await
            .map_err(|error| self.unreachable(&error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = response.bytes().await.unwrap_or_default();
        let Ok(ErrorBody { error }) = serde_json::from_slice(&body) else {
            let message = format!(
                "{} answered {status}, and not as a Weft server does",
                self.base
            );
            return Err(Failure::new(message)
                .hint("is --server (or WEFT_SERVER) right?")
                .into());
        };
        Err(refusal(error).into())
    }

    async fn read<T: DeserializeOwned>(&self, request: RequestBuilder) -> anyhow::Result<T> {
        let body = self.send(request.timeout(REPLY)).await?.bytes().await;
        let body = body.map_err(|error| self.unreachable(&error))?;
        serde_json::from_slice(&body).map_err(|error| {
            Failure::new(format!(
                "the reply of {} cannot be understood: {error}",
                self.base
            ))
            .hint("is the server of another version than this command?")
            .into()
        })
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut reason: &dyn std::error::Error = error;
        while let Some(source) = reason.source() {
            reason = source;
        }
        Failure::new(format!(
            "cannot reach the server at {}: {reason}",
            self.base
        ))
        .hint("start `weft server`, or say where it is with --server or WEFT_SERVER")
    }
}

/// Whether the server says that there is no such thing.
fn is_absent(error: &anyhow::Error) -> bool {
    error.downcast_ref::<Failure>().is_some_and(|f| f.is_absent)
}

impl GroupKind {
    /// The path of one of them.
    fn path(self, id: &str) -> Vec<&str> {
        match self {
            Self::Security => vec![SECURITY_GROUPS, id],
            Self::Address => vec![ADDRESS_GROUPS, id],
            Self::Network => std::iter::once(NETWORKS).chain(id.split('.')).collect(),
        }
    }
}

impl fmt::Display for GroupKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Security => "security group",
            Self::Address => "address group",
            Self::Network => "network",
        })
    }
}

fn refusal(error: ErrorDetail) -> Failure {
    let is_absent = error.code == ErrorCode::NotFound;
    let message = match error.field {
        // Errors of records name the field themselves.
        Some(field) if !error.message.contains(&field) => format!("{field}: {}", error.message),
        _ => error.message,
    };
    // Hints of the server speak of requests; whoever is here types commands.
    let hint = error.hint.map(|hint| match hint.as_str() {
        hint if hint.contains("GET /v1/ports lists") => "`weft get ports` lists all".to_owned(),
        hint if hint.contains("GET /v1/security-groups lists") => {
            "`weft get security-groups` lists all".to_owned()
        }
        hint if hint.contains("GET /v1/address-groups lists") => {
            "`weft get address-groups` lists all".to_owned()
        }
        hint if hint.contains("GET /v1/hosts lists") => "`weft get hosts` lists all".to_owned(),
        _ => hint,
    });
    Failure {
        hint,
        is_absent,
        ..Failure::new(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_url_that_can_be_reached_is_taken() {
        assert!(Client::new("http://h:7090").is_ok());
        assert!(Client::new("http://h/behind/a/proxy").is_ok());
        for server in ["", "h:7090", "https://h", "unix:///s"] {
            let error = Client::new(server).unwrap_err();
            assert_eq!(crate::exit::of_error(&error), Exit::Usage, "{server}");
        }
    }

    #[test]
    fn paths_are_built_under_the_base() {
        let url = |base: &str| {
            let client = Client::new(base).unwrap();
            let request = client.request(Method::GET, &["ports", "a b"]).unwrap();
            request.build().unwrap().url().to_string()
        };
        assert_eq!(url("http://h:7090"), "http://h:7090/v1/ports/a%20b");
        assert_eq!(url("http://h/weft/"), "http://h/weft/v1/ports/a%20b");
    }
}
