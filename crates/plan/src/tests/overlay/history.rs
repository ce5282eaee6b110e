//! Any history of machines that come, move and go, here and on other hosts, ends in exactly the
//! tunnels, static MACs and neighbours that the store's words make, and each plan on the way is sound.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use proptest::prelude::*;
use weft_model::{HostName, Mac, Network, OverlaySegment, PortId};

use super::{host, mac, network_status, overlay_network, overlay_port, remote, segment};
use crate::tests::world::{World, port, record};
use crate::{
    Address, HostNetwork, InterfaceKey, NetworkRecord, Object, ObjectKey, Observed, PortRecord,
    Reconciler, RemoteMac, StaticMac,
};

const SEGMENTS: [&str; 2] = ["gpe.7", "vxlan.7"];

#[derive(Clone, Debug)]
enum Step {
    /// Port `0` is on segment `1` (or on a VLAN) with MAC `2`.
    Set(u8, usize, u8),
    Unset(u8),
    /// Host `0` has MAC `2` of segment `1`, with so many addresses; all others have it no longer if
    /// the last says so.
    Say(u8, usize, u8, u8, bool),
    /// Host `0` says what nobody understands.
    Garble(u8, usize, u8),
    Unsay(u8, usize, u8),
    /// Nothing that the host said is left.
    Kill(u8),
    /// How segment `0` floods, if it is said.
    Flood(usize, Option<bool>),
    /// The agent reads what it needs, or only the first of it.
    Read(bool),
    Refuse(usize),
    RefuseNothing,
    Settle,
    Pass(u64),
    RestartAgent,
    RestartVpp,
    /// Somebody removes the n-th object, with all that hangs on it, or lets a static MAC lead
    /// elsewhere.
    Remove(usize),
    Mislead(usize),
    /// The uplink's address is another, or none.
    Readdress(u8),
}

fn step() -> impl Strategy<Value = Step> {
    let at = || 0..SEGMENTS.len();
    let id = || 0..3_u8;
    prop_oneof![
        6 => (id(), 0..=SEGMENTS.len(), 0..4_u8).prop_map(|(p, s, m)| Step::Set(p, s, m)),
        2 => id().prop_map(Step::Unset),
        12 => (id(), at(), 0..6_u8, 0..3_u8, any::<bool>())
            .prop_map(|(h, s, m, ips, alone)| Step::Say(h, s, m, ips, alone)),
        1 => (id(), at(), 0..6_u8).prop_map(|(h, s, m)| Step::Garble(h, s, m)),
        3 => (id(), at(), 0..6_u8).prop_map(|(h, s, m)| Step::Unsay(h, s, m)),
        1 => id().prop_map(Step::Kill),
        2 => (at(), any::<Option<bool>>()).prop_map(|(s, flood)| Step::Flood(s, flood)),
        8 => any::<bool>().prop_map(Step::Read),
        3 => (0..40_usize).prop_map(Step::Refuse),
        2 => Just(Step::RefuseNothing),
        8 => Just(Step::Settle),
        2 => (0..100_u64).prop_map(Step::Pass),
        2 => Just(Step::RestartAgent),
        1 => Just(Step::RestartVpp),
        2 => (0..40_usize).prop_map(Step::Remove),
        1 => (0..40_usize).prop_map(Step::Mislead),
        1 => (0..3_u8).prop_map(Step::Readdress),
    ]
}

fn network_record(network: Network) -> NetworkRecord {
    NetworkRecord {
        mod_revision: 1,
        network: Ok(network),
    }
}

type Words = BTreeMap<(HostName, Mac), RemoteMac>;

struct Run {
    world: World,
    /// Whether the address is that of the configuration.
    configured: bool,
    /// What the uplink has, if it is not ours to set.
    found: Option<IpAddr>,
    host: Reconciler,
    ports: BTreeMap<PortId, PortRecord>,
    words: BTreeMap<OverlaySegment, Words>,
    networks: BTreeMap<OverlaySegment, Network>,
    revision: i64,
}

impl Run {
    fn new(configured: bool) -> Self {
        let world = World::default();
        let mut run = Self {
            host: world.reconciler_of(Self::config(configured)),
            world,
            configured,
            found: (!configured).then(|| "192.0.2.1".parse().unwrap()),
            ports: BTreeMap::new(),
            words: BTreeMap::new(),
            networks: BTreeMap::new(),
            revision: 0,
        };
        run.host.connected(run.look());
        run
    }

    fn config(configured: bool) -> HostNetwork {
        overlay_network(configured.then_some("192.0.2.1"))
    }

    /// What a dump shows.
    fn look(&self) -> Observed {
        let mut observed = self.world.holds.clone();
        if let Some(address) = self.found {
            observed.insert(Object::Address(Address {
                interface: InterfaceKey::Uplink("physnet1".parse().unwrap()),
                address,
                prefix_len: 24,
            }));
        }
        observed
    }

    fn say(&mut self, on: OverlaySegment, name: HostName, mac: Mac, word: Option<RemoteMac>) {
        let words = self.words.entry(on).or_default();
        match &word {
            Some(word) => words.insert((name.clone(), mac), word.clone()),
            None => words.remove(&(name.clone(), mac)),
        };
        if !self.host.unread().advertisements.contains(&on) {
            self.host.set_remote_mac(on, &name, mac, word);
        }
    }

    fn read(&mut self, all: bool) {
        let unread = self.host.unread();
        let most = if all { usize::MAX } else { 1 };
        for on in unread.networks.iter().take(most) {
            let record = self.networks.get(on).copied().map(network_record);
            self.host.set_network(*on, record);
        }
        for on in unread.advertisements.iter().take(most) {
            let words = self.words.get(on).cloned().unwrap_or_default();
            self.host.set_remote_macs(*on, words);
        }
    }

    fn take(&mut self, step: Step) {
        self.revision += 1;
        let revision = self.revision;
        let name = |h: u8| host(&format!("host{}", h + 2));
        match step {
            Step::Set(p, s, m) => {
                let mut record = match SEGMENTS.get(s) {
                    Some(on) => overlay_port(on, m, revision),
                    None => record(100, m, revision),
                };
                let id = port(&format!("p{p}"));
                if let Some(old) = self.ports.get(&id) {
                    record.create_revision = old.create_revision;
                }
                self.ports.insert(id.clone(), record.clone());
                self.host.set_port(&id, Some(record));
            }
            Step::Unset(p) => {
                let id = port(&format!("p{p}"));
                self.ports.remove(&id);
                self.host.set_port(&id, None);
            }
            Step::Say(h, s, m, how_many, alone) => {
                let on = segment(SEGMENTS[s]);
                // The last address is shared by all that have it.
                let ips = ["10.0.0.100".to_owned(), format!("fd00::{m}")];
                let ips: Vec<&str> = ips
                    .iter()
                    .map(String::as_str)
                    .take(usize::from(how_many))
                    .collect();
                let word = remote(&format!("192.0.2.{}", h + 2), &ips, revision);
                if alone {
                    let all = self.words.get(&on).cloned().unwrap_or_default();
                    for (other, has) in all.into_keys() {
                        if has == mac(m) && other != name(h) {
                            self.say(on, other, has, None);
                        }
                    }
                }
                self.say(on, name(h), mac(m), Some(word));
            }
            Step::Garble(h, s, m) => {
                let word = RemoteMac {
                    mod_revision: revision,
                    advertisement: weft_model::decode_mac_advertisement(b"{"),
                };
                self.say(segment(SEGMENTS[s]), name(h), mac(m), Some(word));
            }
            Step::Unsay(h, s, m) => self.say(segment(SEGMENTS[s]), name(h), mac(m), None),
            Step::Kill(h) => {
                for on in SEGMENTS.map(segment) {
                    let all = self.words.get(&on).cloned().unwrap_or_default();
                    for (other, has) in all.into_keys() {
                        if other == name(h) {
                            self.say(on, other, has, None);
                        }
                    }
                }
            }
            Step::Flood(s, flood) => {
                let on = segment(SEGMENTS[s]);
                let record = flood.map(|flood| Network {
                    flood,
                    ..Network::default()
                });
                match record {
                    Some(record) => self.networks.insert(on, record),
                    None => self.networks.remove(&on),
                };
                if !self.host.unread().networks.contains(&on) {
                    self.host.set_network(on, record.map(network_record));
                }
            }
            Step::Read(all) => self.read(all),
            Step::Refuse(at) => {
                let key = self.host.compiler().keys().nth(at).cloned();
                self.world.refuses.extend(key);
            }
            Step::RefuseNothing => self.world.refuses.clear(),
            Step::Settle => self.world.settle(&mut self.host),
            Step::Pass(seconds) => self.world.pass(Duration::from_secs(seconds)),
            Step::RestartAgent => {
                self.host =
                    Reconciler::new(Self::config(self.configured), crate::Backoff::default());
                self.host.connected(self.look());
                self.host.replace_ports(self.ports.clone());
            }
            Step::RestartVpp => {
                self.host.disconnected("gone");
                self.world.holds = Observed::default();
                self.host.connected(self.look());
            }
            Step::Remove(at) => {
                let Some(key) = self.world.holds.keys().nth(at).cloned() else {
                    return;
                };
                let mut gone = vec![key];
                while let Some(key) = gone.pop() {
                    gone.extend(self.world.holds.dependents(&key));
                    self.world.holds.remove(&key);
                }
                self.host.refreshed(self.look());
            }
            Step::Mislead(at) => {
                let object = self.world.holds.objects().nth(at).cloned();
                if let Some(Object::StaticMac(entry)) = object {
                    self.world.holds.insert(Object::StaticMac(StaticMac {
                        interface: None,
                        ..entry
                    }));
                    self.host.refreshed(self.look());
                }
            }
            Step::Readdress(last) if !self.configured => {
                self.found = match last {
                    0 => None,
                    1 => "192.0.2.1".parse().ok(),
                    _ => "2001:db8::1".parse().ok(),
                };
                self.host.refreshed(self.look());
            }
            Step::Readdress(_) => {}
        }
    }

    /// Where each remote MAC address is to be, reckoned from the store's words alone.
    fn places(&self) -> BTreeMap<(OverlaySegment, Mac), IpAddr> {
        let Some(local) = self.host.underlay() else {
            return BTreeMap::new();
        };
        let compiled = self
            .ports
            .iter()
            .filter(|(id, _)| matches!(self.host.compiler().objects_of(id), Some(Ok(_))));
        let mut here: BTreeMap<OverlaySegment, BTreeMap<Mac, i64>> = BTreeMap::new();
        for (_, record) in compiled {
            let binding = record.binding.as_ref().unwrap();
            if let Some(on) = binding.segment.overlay() {
                here.entry(on)
                    .or_default()
                    .insert(binding.mac, record.mod_revision);
            }
        }
        let mut places = BTreeMap::new();
        for (on, own) in &here {
            let words = self.words.get(on).into_iter().flatten();
            let mut newest: BTreeMap<Mac, (i64, IpAddr)> = BTreeMap::new();
            for ((_, mac), word) in words {
                let Ok(said) = &word.advertisement else {
                    continue;
                };
                let entry = (said.revision, said.host);
                let best = newest.entry(*mac).or_insert(entry);
                *best = (*best).max(entry);
            }
            for (mac, (revision, at)) in newest {
                let stays = own.get(&mac).is_some_and(|own| *own > revision);
                if !stays && at.is_ipv4() == local.is_ipv4() {
                    places.insert((*on, mac), at);
                }
            }
        }
        places
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_history_ends_as_the_words_say(
        configured in any::<bool>(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut run = Run::new(configured);
        for step in steps {
            run.take(step);
            prop_assert_eq!(run.host.overlooked(), []);
        }
        run.world.refuses.clear();
        run.read(true);
        run.world.pass(Duration::from_secs(1000));
        run.world.settle(&mut run.host);

        let names = |objects: &[&Object]| -> Vec<String> {
            objects.iter().map(ToString::to_string).collect()
        };
        let wanted: Vec<&Object> = run.host.compiler().entries().map(|(_, object)| object).collect();
        let holds: Vec<&Object> = run.world.holds.objects().collect();
        prop_assert_eq!(names(&holds), names(&wanted));
        prop_assert_eq!(&holds, &wanted);
        prop_assert_eq!(run.host.next_try(), None);

        let places = run.places();
        let tunnels: BTreeSet<(OverlaySegment, IpAddr)> =
            places.iter().map(|((on, _), at)| (*on, *at)).collect();
        let mut macs = BTreeMap::new();
        let mut there = BTreeSet::new();
        for object in holds {
            match object {
                Object::Tunnel(tunnel) => {
                    prop_assert_eq!(Some(tunnel.local), run.host.underlay());
                    there.insert((tunnel.key.segment, tunnel.key.remote));
                }
                Object::StaticMac(StaticMac { segment, mac, interface: Some(InterfaceKey::Tunnel(to)) }) => {
                    prop_assert_eq!(to.segment, *segment);
                    macs.insert((*segment, *mac), to.remote);
                }
                _ => {}
            }
        }
        prop_assert_eq!(macs, places);
        prop_assert_eq!(there, tunnels);

        // Compiled anew from the store alone it is the same, and there is nothing to do.
        let last = run.host.underlay();
        if run.found.is_some() || run.configured {
            run.host = Reconciler::new(Run::config(run.configured), crate::Backoff::default());
            run.host.connected(run.look());
            run.host.replace_ports(run.ports.clone());
            run.read(true);
            prop_assert_eq!(run.host.underlay(), last);
            let now = run.world.now();
            let plan = run.host.plan(now);
            prop_assert!(plan.is_empty(), "{}", plan);
        }
        for on in SEGMENTS.map(segment) {
            let bridge = ObjectKey::BridgeDomain(on.into());
            prop_assert_eq!(
                network_status(&run.host, on).is_some(),
                run.world.holds.get(&bridge).is_some()
            );
        }
    }
}
