//! Neutron's API as a program uses it.

use std::net::SocketAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

/// How long one request may take; the machine may be busy with hundreds.
const LIMIT: Duration = Duration::from_secs(60);

/// Idle connections are not used again after this: gunicorn closes them after two seconds, and a request
/// that meets that is lost.
const IDLE: Duration = Duration::from_secs(1);

/// A client. Cheap to clone; all clones have the same token.
#[derive(Clone, Debug)]
pub struct Rest {
    http: reqwest::Client,
    base: String,
    token: Arc<RwLock<String>>,
}

impl Rest {
    /// A client of the server at `address`.
    pub(super) fn new(address: SocketAddr) -> Result<Self> {
        Ok(Self {
            http: reqwest::Client::builder()
                .timeout(LIMIT)
                .pool_idle_timeout(IDLE)
                .no_proxy()
                .build()?,
            base: format!("http://{address}"),
            token: Arc::default(),
        })
    }

    /// Gets a token of the administrator, for all further requests.
    pub(super) async fn authenticate(&self, keystone: &str) -> Result<()> {
        let user = json!({"name": "admin", "domain": {"id": "default"}, "password": "any"});
        let scope = json!({"project": {"name": "admin", "domain": {"id": "default"}}});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        let body = json!({"auth": {"identity": identity, "scope": scope}});
        let url = format!("{keystone}/v3/auth/tokens");
        let reply = self
            .http
            .post(url)
            .json(&body)
            .send()
            .await?
            .error_for_status()?;
        let token = reply
            .headers()
            .get("x-subject-token")
            .context("there is no token")?;
        let mut held = self.token.write().unwrap_or_else(PoisonError::into_inner);
        token.to_str()?.clone_into(&mut held);
        Ok(())
    }

    /// Sends a request; gives whatever comes.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Result<(StatusCode, Value)> {
        let url = format!("{}{path}", self.base);
        let token = self
            .token
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut request = self.http.request(method, url).header("X-Auth-Token", token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let reply = request.send().await?;
        let status = reply.status();
        let text = reply.text().await?;
        Ok((
            status,
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        ))
    }

    async fn expect(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value> {
        let name = method.to_string();
        let (status, value) = self.send(method, path, body).await?;
        ensure!(
            status.is_success() || status == StatusCode::MULTIPLE_CHOICES,
            "{name} {path} was answered {status}: {value}"
        );
        Ok(value)
    }

    /// Reads.
    pub async fn get(&self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None).await
    }

    /// Makes a thing of a kind such as `port` with these fields; gives it.
    pub async fn create(&self, kind: &str, fields: &Value) -> Result<Value> {
        let body = json!({ kind: fields });
        let mut made = self
            .expect(Method::POST, &collection(kind), Some(&body))
            .await?;
        Ok(made[kind].take())
    }

    /// Changes some fields of a thing; gives it.
    pub async fn update(&self, kind: &str, id: &str, fields: &Value) -> Result<Value> {
        let path = format!("{}/{id}", collection(kind));
        let body = json!({ kind: fields });
        let mut changed = self.expect(Method::PUT, &path, Some(&body)).await?;
        Ok(changed[kind].take())
    }

    /// Reads a thing.
    pub async fn show(&self, kind: &str, id: &str) -> Result<Value> {
        let path = format!("{}/{id}", collection(kind));
        Ok(self.get(&path).await?[kind].take())
    }

    /// All things of a kind; `query` as in a URL.
    pub async fn list(&self, kind: &str, query: &str) -> Result<Vec<Value>> {
        let path = format!("{}?{query}", collection(kind));
        let mut listed = self.get(&path).await?;
        match listed[plural(kind)].take() {
            Value::Array(all) => Ok(all),
            other => bail!("{path} gives no list: {other}"),
        }
    }

    /// Deletes a thing.
    pub async fn delete(&self, kind: &str, id: &str) -> Result<()> {
        let path = format!("{}/{id}", collection(kind));
        self.expect(Method::DELETE, &path, None).await?;
        Ok(())
    }
}

fn plural(kind: &str) -> String {
    format!("{kind}s")
}

fn collection(kind: &str) -> String {
    format!("/v2.0/{}", plural(kind).replace('_', "-"))
}
