//! What the nodes read of lists.

use std::sync::Arc;

use super::RuleMatches;
use crate::{
    acl::{classifier::Classifier, macip::MacIpFilter},
    counters::Counter,
    feature::{Bitmap, InputFeature},
};

/// A list.
#[derive(Debug)]
pub(crate) struct AclView {
    pub(crate) classifier: Classifier,
    /// By worker, then by rule.
    counters: Box<[Box<[RuleCounters]>]>,
}

/// What one worker counts of a rule.
#[derive(Debug, Default)]
struct RuleCounters {
    packets: Counter,
    bytes: Counter,
}

/// A MACIP list; `None` if it has no rules.
pub(crate) type MacIpView = Option<Arc<MacIpFilter>>;

/// What an interface has.
#[derive(Clone, Debug, Default)]
pub(crate) struct InterfaceAclView {
    pub(crate) input: Option<Arc<Binding>>,
    pub(crate) output: Option<Arc<Binding>>,
    /// A list that has rules.
    pub(crate) macip: Option<u32>,
    pub(crate) session_generation: u16,
}

/// The lists of one direction.
#[derive(Debug)]
pub(crate) struct Binding {
    /// The lookup context, for traces.
    pub(crate) context: u32,
    pub(crate) epoch: u16,
    pub(crate) acls: Box<[u32]>,
}

impl InterfaceAclView {
    /// The features that a packet received visits.
    pub(crate) fn input_features(&self) -> Bitmap {
        let on = |is_on: bool, feature: InputFeature| {
            if is_on {
                feature.bit()
            } else {
                Bitmap::default()
            }
        };
        on(self.input.is_some(), InputFeature::FeatureArc)
            .with(on(self.macip.is_some(), InputFeature::Acl))
    }
}

impl AclView {
    pub(super) fn new(classifier: Classifier, rules: usize, workers: usize) -> Self {
        let of_worker = || -> Box<[RuleCounters]> {
            std::iter::repeat_with(RuleCounters::default)
                .take(rules)
                .collect()
        };
        Self {
            classifier,
            counters: std::iter::repeat_with(of_worker).take(workers).collect(),
        }
    }

    /// Counts a packet that a rule matched.
    #[inline]
    pub(crate) fn count(&self, worker: usize, rule: u32, bytes: u32) {
        let counters = self.counters.get(worker);
        if let Some(own) = counters.and_then(|own| own.get(rule as usize)) {
            own.packets.add(1);
            own.bytes.add(u64::from(bytes));
        }
    }

    pub(super) fn matches(&self) -> Vec<RuleMatches> {
        let rules = self.counters.first().map_or(0, |own| own.len());
        let mut all = vec![RuleMatches::default(); rules];
        for of_worker in &self.counters {
            for (sum, own) in all.iter_mut().zip(of_worker) {
                sum.packets += own.packets.get();
                sum.bytes += own.bytes.get();
            }
        }
        all
    }
}
