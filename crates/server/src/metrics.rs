//! What `/metrics` tells: counts of requests, and the cloud in numbers, in the text format of
//! Prometheus.
//!
//! Labels are of bounded number: the route is the pattern (`/v1/hosts/{host}`), never the path.

use std::fmt;
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use crate::desired::{DesiredResult, ResourceKind};
use crate::overview::Totals;

/// The media type of what [`Metrics::encode`] writes (OpenMetrics 1.0 §3.2).
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All metrics of the server.
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    durations: Family<RouteLabels, Histogram, fn() -> Histogram>,
    desired: Family<DesiredLabels, Counter>,
    /// Streams of `/v1/watch` that are open.
    pub(crate) watches: Gauge,
    /// Streams of `/v1/watch` that were ended because their reader was too slow.
    pub(crate) slow_consumers: Counter,
    store_revision: Gauge,
    store_connected: Gauge,
    hosts_alive: Gauge,
    ports: Family<StatusLabels, Gauge>,
    security_groups: Gauge,
    address_groups: Gauge,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    method: String,
    route: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    method: String,
    route: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DesiredLabels {
    kind: &'static str,
    result: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StatusLabels {
    status: String,
}

impl Metrics {
    pub(crate) fn new() -> Self {
        let metrics = Self {
            registry: Registry::with_prefix("weft"),
            requests: Family::default(),
            // 0.5 ms to 8 s: a read of the embedded store to a request that times out.
            durations: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.0005, 2.0, 15))
            }),
            desired: Family::default(),
            watches: Gauge::default(),
            slow_consumers: Counter::default(),
            store_revision: Gauge::default(),
            store_connected: Gauge::default(),
            hosts_alive: Gauge::default(),
            ports: Family::default(),
            security_groups: Gauge::default(),
            address_groups: Gauge::default(),
        };
        metrics.registered()
    }

    fn registered(mut self) -> Self {
        let registry = &mut self.registry;
        registry.register("http_requests", "Requests answered", self.requests.clone());
        registry.register_with_unit(
            "http_request_duration",
            "Time until the head of the reply was ready",
            Unit::Seconds,
            self.durations.clone(),
        );
        registry.register(
            "desired",
            "Resources written by /v1/desired, by what became of each",
            self.desired.clone(),
        );
        registry.register("watches", "Open streams of /v1/watch", self.watches.clone());
        registry.register(
            "slow_consumers",
            "Streams of /v1/watch ended because their reader was too slow",
            self.slow_consumers.clone(),
        );
        registry.register(
            "store_revision",
            "Revision of the store up to which the server has followed it",
            self.store_revision.clone(),
        );
        registry.register(
            "store_connected",
            "1 while the server follows the store, else 0",
            self.store_connected.clone(),
        );
        registry.register(
            "hosts_alive",
            "Hosts whose agent lives",
            self.hosts_alive.clone(),
        );
        registry.register("ports", "Ports wanted, by status", self.ports.clone());
        registry.register(
            "security_groups",
            "Security groups in the store",
            self.security_groups.clone(),
        );
        registry.register(
            "address_groups",
            "Address groups in the store",
            self.address_groups.clone(),
        );
        self
    }

    /// Counts one request.
    pub(crate) fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let (method, route) = (method.to_owned(), route.to_owned());
        let labels = RouteLabels {
            method: method.clone(),
            route: route.clone(),
        };
        self.durations
            .get_or_create(&labels)
            .observe(took.as_secs_f64());
        self.requests
            .get_or_create(&RequestLabels {
                method,
                route,
                status,
            })
            .inc();
    }

    /// Counts what became of a resource.
    pub(crate) fn desired(&self, kind: ResourceKind, result: DesiredResult) {
        let labels = DesiredLabels {
            kind: kind.word(),
            result: result.word(),
        };
        self.desired.get_or_create(&labels).inc();
    }

    /// Everything as text; `totals` is the cloud at this moment.
    pub(crate) fn encode(&self, totals: &Totals) -> Result<String, fmt::Error> {
        self.store_revision.set(totals.revision);
        self.store_connected.set(i64::from(totals.connected));
        self.hosts_alive.set(totals.hosts_alive);
        for (status, count) in &totals.ports {
            let labels = StatusLabels {
                status: (*status).to_owned(),
            };
            self.ports.get_or_create(&labels).set(*count);
        }
        self.security_groups.set(totals.security_groups);
        self.address_groups.set(totals.address_groups);
        let mut text = String::new();
        text::encode(&mut text, &self.registry)?;
        Ok(text)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}
