//! The part of a configuration file that says where the store is.

use std::path::PathBuf;
use std::time::Duration;

use weft_config::Table;

use super::{ClientIdentity, Credentials, Endpoint, StoreConfig, TlsConfig};

impl StoreConfig {
    /// Reads `endpoints`, `user`, `password`, `request_timeout` and the table `tls` (`ca`,
    /// `certificate`, `key`, `server_name`); `None` if a fault was noted.
    pub fn read(section: &Table<'_>) -> Option<Self> {
        let endpoints = section.texts::<Endpoint>("endpoints").try_map(|endpoints| {
            if endpoints.is_empty() {
                Err("name at least one endpoint")
            } else {
                Ok(endpoints)
            }
        });
        let endpoints = endpoints.required();
        let mut sound = true;

        let user: Option<String> = section.text("user").optional();
        let password: Option<String> = section.text("password").optional();
        let auth = match (user, password) {
            (Some(user), Some(password)) => Some(Credentials { user, password }),
            (None, None) => None,
            (Some(_), None) => {
                section.refuse("user", "`user` needs a `password` beside it");
                sound = false;
                None
            }
            (None, Some(_)) => {
                section.refuse("password", "`password` needs a `user` beside it");
                sound = false;
                None
            }
        };

        let tls = match section.table("tls").map(|table| tls(&table)) {
            None => None,
            Some(Some(tls)) => Some(tls),
            Some(None) => {
                sound = false;
                None
            }
        };
        let encrypted = |endpoint: &Endpoint| matches!(endpoint, Endpoint::Https(_));
        if tls.is_none() && sound && endpoints.iter().flatten().any(encrypted) {
            section.refuse(
                "endpoints",
                "`https` endpoints need a table `tls` with the `ca` that signed their certificates",
            );
            sound = false;
        }
        let timeouts = Duration::from_millis(100)..=Duration::from_mins(1);
        let request_timeout = section.duration("request_timeout", timeouts).optional();
        let mut config = Self::new(endpoints?);
        config.auth = auth;
        config.tls = tls;
        config.request_timeout = request_timeout.unwrap_or(config.request_timeout);
        sound.then_some(config)
    }
}

fn tls(table: &Table<'_>) -> Option<TlsConfig> {
    let ca = table.text::<PathBuf>("ca").required();
    let certificate = table.text::<PathBuf>("certificate").optional();
    let key = table.text::<PathBuf>("key").optional();
    let server_name = table.text::<String>("server_name").optional();
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) => Some(ClientIdentity { certificate, key }),
        (None, None) => None,
        (Some(_), None) => {
            table.refuse("certificate", "`certificate` needs its `key` beside it");
            return None;
        }
        (None, Some(_)) => {
            table.refuse("key", "`key` needs its `certificate` beside it");
            return None;
        }
    };
    Some(TlsConfig {
        ca: ca?,
        identity,
        server_name,
    })
}
