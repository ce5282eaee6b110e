//! A Keystone in memory (Identity API v3), with what Neutron's `auth_token` middleware, the OpenStack
//! client and Tempest's dynamic credentials ask for, and no more. Every password is right; tokens do
//! not expire.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Result;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use serde_json::{Value, json};

use super::served::Served;

/// A date that is always far away.
const NEVER: &str = "2099-01-01T00:00:00.000000Z";

/// A Keystone; it ends when this is dropped.
#[derive(Debug)]
pub struct Keystone {
    served: Served,
}

/// Who may do what where.
#[derive(Debug, Default)]
struct Identity {
    /// Where Keystone itself is.
    url: String,
    /// Where it and the services are.
    catalog: Value,
    /// Domains, projects, users, roles by kind and identifier.
    entities: BTreeMap<String, BTreeMap<String, Value>>,
    grants: BTreeSet<Grant>,
    tokens: BTreeMap<String, Value>,
    last: u64,
}

/// That a user has a role in a scope: `projects`, `domains` or `system`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Grant {
    kind: String,
    scope: String,
    user: String,
    role: String,
}

/// Each role implies those behind it.
const ROLES: [&str; 4] = ["admin", "manager", "member", "reader"];

impl Keystone {
    /// Starts one in whose catalogue Neutron is at `neutron`. There are the users `admin` and
    /// `neutron`, and the projects `admin` and `service`.
    pub async fn start(neutron: SocketAddr) -> Result<Self> {
        let identity = Arc::new(Mutex::new(Identity::default()));
        let router = Router::new().fallback(answer).with_state(identity.clone());
        let served = Served::start(router).await?;
        lock(&identity).populate(&format!("http://{}", served.address()), neutron);
        Ok(Self { served })
    }

    /// Where it is, without the version.
    pub fn url(&self) -> String {
        format!("http://{}", self.served.address())
    }
}

fn lock(identity: &Mutex<Identity>) -> MutexGuard<'_, Identity> {
    identity.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request, be it known or not.
async fn answer(
    State(identity): State<Arc<Mutex<Identity>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    let path: Vec<&str> = uri
        .path()
        .split('/')
        .filter(|part| !part.is_empty())
        .collect();
    let query = uri.query().unwrap_or_default();
    let request = Request {
        method: &method,
        path: &path,
        query: query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .collect(),
        token: text_of(&headers, "x-auth-token"),
        subject: text_of(&headers, "x-subject-token"),
        body: &body,
    };
    let response = lock(&identity).answer(&request);
    response.unwrap_or_else(|| {
        let message = format!("{method} {uri} is not known here");
        refusal(StatusCode::NOT_FOUND, &message)
    })
}

struct Request<'r> {
    method: &'r Method,
    path: &'r [&'r str],
    query: Vec<(&'r str, &'r str)>,
    token: String,
    subject: String,
    body: &'r Value,
}

impl Identity {
    fn populate(&mut self, own: &str, neutron: SocketAddr) {
        let endpoint = |url: &str| {
            let at = |interface: &str| {
                json!({"id": format!("{interface}-{url}"), "interface": interface,
                       "region": "RegionOne", "region_id": "RegionOne", "url": url})
            };
            ["public", "internal", "admin"].map(at)
        };
        own.clone_into(&mut self.url);
        self.catalog = json!([
            {"id": "identity", "type": "identity", "name": "keystone",
             "endpoints": endpoint(&format!("{own}/v3"))},
            {"id": "network", "type": "network", "name": "neutron",
             "endpoints": endpoint(&format!("http://{neutron}"))},
        ]);
        self.insert("domains", json!({"id": "default", "name": "Default"}));
        for role in ROLES.into_iter().chain(["service"]) {
            self.insert(
                "roles",
                json!({"id": format!("role-{role}"), "name": role, "domain_id": null}),
            );
        }
        for project in ["admin", "service"] {
            self.insert(
                "projects",
                json!({"id": format!("{project}-project"), "name": project}),
            );
        }
        for (user, project, role) in [
            ("admin", "admin", "admin"),
            ("neutron", "service", "admin"),
            ("neutron", "service", "service"),
        ] {
            self.insert("users", json!({"id": format!("{user}-user"), "name": user}));
            self.grants.insert(Grant {
                kind: "projects".to_owned(),
                scope: format!("{project}-project"),
                user: format!("{user}-user"),
                role: format!("role-{role}"),
            });
        }
    }

    /// Adds a domain, project, user or role, with what each has.
    fn insert(&mut self, kind: &str, given: Value) -> Value {
        let mut entity = json!({"enabled": true, "domain_id": "default", "links": {}});
        merge(&mut entity, &given);
        if entity["id"].is_null() {
            entity["id"] = self.unique().into();
        }
        let id = entity["id"].as_str().unwrap_or_default().to_owned();
        let entities = self.entities.entry(kind.to_owned()).or_default();
        entities.insert(id, entity.clone());
        entity
    }

    /// A new identifier, 32 digits as Keystone's are.
    fn unique(&mut self) -> String {
        self.last += 1;
        format!("{:032x}", self.last)
    }

    fn answer(&mut self, request: &Request<'_>) -> Option<Response> {
        match request.path {
            [] => Some(reply(
                StatusCode::MULTIPLE_CHOICES,
                json!({"versions": {"values": [self.version()]}}),
            )),
            ["v3"] => Some(ok(json!({"version": self.version()}))),
            ["v3", "auth", "tokens"] => Some(self.token(request)),
            ["v3", "auth", "catalog"] => Some(ok(json!({"catalog": self.catalog}))),
            ["v3", kind @ ("services" | "endpoints" | "regions")] => {
                Some(ok(json!({*kind: [], "links": {}})))
            }
            ["v3", "role_assignments"] => Some(self.assignments(request)),
            [
                "v3",
                kind @ ("projects" | "domains"),
                scope,
                "users",
                user,
                "roles",
                rest @ ..,
            ] => Some(self.grant(request.method, kind, scope, user, rest)),
            ["v3", "system", "users", user, "roles", rest @ ..] => {
                Some(self.grant(request.method, "system", "all", user, rest))
            }
            ["v3", "users", _, "password"] => Some(empty()),
            ["v3", "users", user, "projects"] => {
                let projects = self.grants.iter().filter(|grant| grant.user == *user);
                let projects: Vec<_> = projects
                    .filter_map(|grant| self.get("projects", &grant.scope))
                    .collect();
                Some(ok(json!({"projects": projects, "links": {}})))
            }
            ["v3", kind @ ("domains" | "projects" | "users" | "roles")] => {
                Some(self.collection(kind, request))
            }
            [
                "v3",
                kind @ ("domains" | "projects" | "users" | "roles"),
                id,
            ] => self.entity(kind, id, request),
            _ => None,
        }
    }

    /// What tells clients where the API is.
    fn version(&self) -> Value {
        let link = json!({"rel": "self", "href": format!("{}/v3/", self.url)});
        json!({"id": "v3.14", "status": "stable", "updated": "2020-04-07T00:00:00Z",
               "links": [link], "media-types": []})
    }

    // ===== entities =====

    fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.entities.get(kind)?.get(id)
    }

    fn all(&self, kind: &str) -> impl Iterator<Item = &Value> {
        self.entities
            .get(kind)
            .into_iter()
            .flat_map(BTreeMap::values)
    }

    fn collection(&mut self, kind: &str, request: &Request<'_>) -> Response {
        let single = kind.trim_end_matches('s');
        if *request.method == Method::POST {
            let mut given = request.body[single].clone();
            if let Some(fields) = given.as_object_mut() {
                fields.remove("password");
            }
            if self.all(kind).any(|known| known["name"] == given["name"]) {
                return refusal(StatusCode::CONFLICT, "the name is taken");
            }
            let entity = self.insert(kind, given);
            return reply(StatusCode::CREATED, json!({ single: entity }));
        }
        let asked: Vec<_> = request
            .query
            .iter()
            .filter(|(field, _)| *field == "name")
            .collect();
        let found = self
            .all(kind)
            .filter(|entity| asked.iter().all(|(_, name)| entity["name"] == *name));
        let found: Vec<_> = found.collect();
        ok(json!({kind: found, "links": {"next": null, "previous": null, "self": ""}}))
    }

    fn entity(&mut self, kind: &str, id: &str, request: &Request<'_>) -> Option<Response> {
        let single = kind.trim_end_matches('s');
        let entities = self.entities.get_mut(kind)?;
        let entity = entities.get_mut(id)?;
        if *request.method == Method::DELETE {
            entities.remove(id);
            return Some(empty());
        }
        if *request.method == Method::PATCH {
            merge(entity, &request.body[single]);
        }
        Some(ok(json!({ single: entity })))
    }

    // ===== roles =====

    fn grant(
        &mut self,
        method: &Method,
        kind: &str,
        scope: &str,
        user: &str,
        role: &[&str],
    ) -> Response {
        let [role] = role else {
            let roles = self.grants.iter().filter(|grant| {
                (
                    grant.kind.as_str(),
                    grant.scope.as_str(),
                    grant.user.as_str(),
                ) == (kind, scope, user)
            });
            let roles: Vec<_> = roles
                .filter_map(|grant| self.get("roles", &grant.role))
                .collect();
            return ok(json!({"roles": roles, "links": {}}));
        };
        let grant = Grant {
            kind: kind.to_owned(),
            scope: scope.to_owned(),
            user: user.to_owned(),
            role: (*role).to_owned(),
        };
        if *method == Method::PUT {
            self.grants.insert(grant);
        } else if *method == Method::DELETE {
            self.grants.remove(&grant);
        } else if !self.grants.contains(&grant) {
            return refusal(StatusCode::NOT_FOUND, "there is no such grant");
        }
        empty()
    }

    fn assignments(&self, request: &Request<'_>) -> Response {
        let is_asked = |grant: &&Grant| {
            request.query.iter().all(|(field, value)| match *field {
                "scope.project.id" => grant.scope == *value,
                "user.id" => grant.user == *value,
                _ => true,
            })
        };
        let shown = self.grants.iter().filter(is_asked).map(|grant| {
            let scope = grant.kind.trim_end_matches('s');
            json!({"role": {"id": grant.role}, "user": {"id": grant.user},
                   "scope": {scope: {"id": grant.scope}}})
        });
        ok(json!({"role_assignments": shown.collect::<Vec<_>>(), "links": {}}))
    }

    // ===== tokens =====

    fn token(&mut self, request: &Request<'_>) -> Response {
        if *request.method == Method::POST {
            return self.authenticate(&request.body["auth"]);
        }
        let id = [&request.subject, &request.token]
            .into_iter()
            .find(|id| !id.is_empty());
        let id = id.cloned().unwrap_or_default();
        if *request.method == Method::DELETE {
            self.tokens.remove(&id);
            return empty();
        }
        match self.tokens.get(&id) {
            Some(token) => ok(json!({ "token": token })),
            None => refusal(StatusCode::NOT_FOUND, "there is no such token"),
        }
    }

    fn authenticate(&mut self, auth: &Value) -> Response {
        let identity = &auth["identity"];
        let user = self
            .find("users", &identity["password"]["user"])
            .or_else(|| {
                let token = self.tokens.get(identity["token"]["id"].as_str()?)?;
                self.get("users", token["user"]["id"].as_str()?)
            });
        let Some(user) = user.cloned() else {
            return refusal(StatusCode::UNAUTHORIZED, "there is no such user");
        };
        let default = json!({"id": "default", "name": "Default"});
        let mut token = json!({
            "methods": identity["methods"], "audit_ids": ["audit"], "expires_at": NEVER,
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "user": {"id": user["id"], "name": user["name"], "domain": default, "password_expires_at": null},
        });
        let scope = &auth["scope"];
        let place = if !scope["project"].is_null() {
            let Some(project) = self.find("projects", &scope["project"]) else {
                return refusal(StatusCode::UNAUTHORIZED, "there is no such project");
            };
            token["project"] =
                json!({"id": project["id"], "name": project["name"], "domain": default});
            token["is_domain"] = false.into();
            Some((
                "projects",
                project["id"].as_str().unwrap_or_default().to_owned(),
            ))
        } else if !scope["system"].is_null() {
            token["system"] = json!({"all": true});
            Some(("system", "all".to_owned()))
        } else if !scope["domain"].is_null() {
            token["domain"] = default;
            Some(("domains", "default".to_owned()))
        } else {
            None
        };
        if let Some((kind, scope)) = place {
            let roles = self.roles(kind, &scope, user["id"].as_str().unwrap_or_default());
            if roles.is_empty() {
                return refusal(StatusCode::UNAUTHORIZED, "the user has no role there");
            }
            token["roles"] = roles.into();
            token["catalog"] = self.catalog.clone();
        }
        let id = format!("token-{}", self.unique());
        self.tokens.insert(id.clone(), token.clone());
        let header = [(HeaderName::from_static("x-subject-token"), id)];
        (StatusCode::CREATED, header, Json(json!({ "token": token }))).into_response()
    }

    /// What a user, project or domain is by its identifier or name.
    fn find(&self, kind: &str, named: &Value) -> Option<&Value> {
        let by_id = named["id"].as_str().and_then(|id| self.get(kind, id));
        by_id.or_else(|| {
            let name = named["name"].as_str()?;
            self.all(kind).find(|entity| entity["name"] == name)
        })
    }

    /// The roles of a user in a scope, with those that they imply. Who is `admin` anywhere is so
    /// in the whole system, too.
    fn roles(&self, kind: &str, scope: &str, user: &str) -> Vec<Value> {
        let granted = self.grants.iter().filter(|grant| {
            grant.user == user
                && (kind != "projects" || (grant.kind == kind && grant.scope == scope))
        });
        let granted: BTreeSet<&str> = granted
            .filter_map(|grant| self.get("roles", &grant.role)?["name"].as_str())
            .collect();
        let implied = ROLES.iter().skip_while(|role| !granted.contains(*role));
        let names: BTreeSet<&str> = granted.iter().chain(implied).copied().collect();
        let role = |name: &&str| self.all("roles").find(|role| role["name"] == **name);
        names.iter().filter_map(role).cloned().collect()
    }
}

fn merge(into: &mut Value, from: &Value) {
    if let (Some(into), Some(from)) = (into.as_object_mut(), from.as_object()) {
        into.extend(from.clone());
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

fn reply(status: StatusCode, body: Value) -> Response {
    (status, Json(body)).into_response()
}

fn ok(body: Value) -> Response {
    reply(StatusCode::OK, body)
}

fn empty() -> Response {
    StatusCode::NO_CONTENT.into_response()
}

fn refusal(status: StatusCode, message: &str) -> Response {
    let error = json!({"code": status.as_u16(), "message": message, "title": status.as_str()});
    reply(status, json!({ "error": error }))
}
