//! Access lists and MACIP lists, and which interface has which (VPP `src/plugins/acl/acl.c`).
//!
//! A list is compiled once, however many interfaces have it, and replaced as a whole: the nodes find
//! lists by their index in the snapshot, so that packets see either the old rules or the new ones.

mod macip;
mod view;

use std::sync::Arc;

use weft_packet::SwIfIndex;

use super::Tables;
use crate::acl::{AclRule, SessionDetails, SessionTimeout, SessionTotals, classifier::Classifier};

pub use macip::{MacIpAcl, MacIpIndex};
pub(crate) use view::{AclView, Binding, InterfaceAclView, MacIpView};

/// An access list's place in the tables.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(transparent)]
pub struct AclIndex(pub u32);

/// Which packets a list is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AclDirection {
    /// Those that the interface receives.
    Input,
    /// Those that it sends.
    Output,
}

/// An access list.
#[derive(Clone, Debug)]
pub struct Acl {
    /// What its owner wrote on it.
    pub tag: Vec<u8>,
    /// Its rules: the first that matches counts.
    pub rules: Vec<AclRule>,
    /// Interfaces that have it, for input and for output, in VPP's order.
    pub applied: [Vec<SwIfIndex>; 2],
    /// Lookup contexts that name it.
    pub contexts: Vec<u32>,
}

/// What an interface has.
#[derive(Clone, Debug, Default)]
pub struct InterfaceAcls {
    /// Lists for input and for output, in the order in which they are looked at.
    pub acls: [Vec<AclIndex>; 2],
    /// The lookup context of each direction that has lists: what VPP shows as `lc_index`.
    pub contexts: [Option<u32>; 2],
    /// How often the rules of each direction changed, while sessions were to notice.
    pub epochs: [u16; 2],
    /// The MACIP list.
    pub macip: Option<MacIpIndex>,
    /// Bumped to forget the sessions of the interface.
    session_generation: u16,
}

/// A lookup context: a direction of an interface that has lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct LookupContext {
    /// The interface.
    pub sw_if_index: SwIfIndex,
    /// The direction.
    pub direction: AclDirection,
}

/// Packets and bytes that a rule let pass or dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct RuleMatches {
    /// Packets; not those of sessions that the rule made.
    pub packets: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// Why a change was refused. Nothing was changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum AclError {
    /// There is no such list.
    #[error("there is no list {0}")]
    NoSuchAcl(u32),
    /// Interfaces have the list for input.
    #[error("list {0} is in use for input")]
    InUseInbound(u32),
    /// Interfaces have the list for output.
    #[error("list {0} is in use for output")]
    InUseOutbound(u32),
    /// One list twice in one direction.
    #[error("list {0} is named twice")]
    NamedTwice(u32),
    /// There is no such interface.
    #[error("there is no interface with {0:?}")]
    NoInterface(SwIfIndex),
    /// The interface has no MACIP list.
    #[error("{0:?} has no MACIP list")]
    NoMacIp(SwIfIndex),
}

/// The control thread's side.
#[derive(Debug, Default)]
pub(super) struct AclTables {
    acls: Pool<Acl>,
    macips: Pool<MacIpAcl>,
    contexts: Pool<LookupContext>,
    interfaces: Vec<InterfaceAcls>,
    /// One more than the greatest index of an interface that ever had a MACIP list.
    macip_interfaces: usize,
    pub(super) reclassifies: bool,
    pub(super) sweeps: u64,
}

/// Elements by index; indices given back are used again, the last one first, as in VPP.
#[derive(Debug)]
struct Pool<T> {
    elements: Vec<Option<T>>,
    free: Vec<u32>,
}

/// Bits of a policy epoch (VPP `FA_POLICY_EPOCH_MASK`).
const EPOCH_MASK: u16 = 0x7fff;

// ===== impl AclDirection, Pool =====

impl AclDirection {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Input, Self::Output];
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self {
            elements: Vec::new(),
            free: Vec::new(),
        }
    }
}

impl<T> Pool<T> {
    fn get(&self, index: u32) -> Option<&T> {
        self.elements.get(index as usize)?.as_ref()
    }

    fn get_mut(&mut self, index: u32) -> Option<&mut T> {
        self.elements.get_mut(index as usize)?.as_mut()
    }

    fn insert(&mut self, element: T) -> u32 {
        if let Some(index) = self.free.pop()
            && let Some(slot) = self.elements.get_mut(index as usize)
        {
            *slot = Some(element);
            return index;
        }
        self.elements.push(Some(element));
        self.elements.len() as u32 - 1
    }

    fn remove(&mut self, index: u32) -> Option<T> {
        let element = self.elements.get_mut(index as usize)?.take()?;
        self.free.push(index);
        Some(element)
    }

    fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let numbered = self.elements.iter().enumerate();
        numbered.filter_map(|(index, element)| Some((index as u32, element.as_ref()?)))
    }
}

// ===== impl Tables: lists =====

impl Tables {
    /// Adds a list, or replaces one; its counters start anew. Established sessions stay, unless
    /// [they are to notice](Self::set_reclassify_sessions).
    pub fn set_acl(
        &mut self,
        index: Option<AclIndex>,
        tag: &[u8],
        rules: Vec<AclRule>,
    ) -> Result<AclIndex, AclError> {
        let view = AclView::new(Classifier::new(&rules), rules.len(), self.shared.workers());
        let index = if let Some(AclIndex(index)) = index {
            let acl = self.acl.acls.get_mut(index);
            let acl = acl.ok_or(AclError::NoSuchAcl(index))?;
            acl.rules = rules;
            tag.clone_into(&mut acl.tag);
            if self.acl.reclassifies {
                let applied = acl.applied.clone();
                for (direction, interfaces) in AclDirection::ALL.into_iter().zip(applied) {
                    for interface in interfaces {
                        self.bump_epoch(interface, direction);
                    }
                }
            }
            index
        } else {
            self.acl.acls.insert(Acl {
                tag: tag.to_vec(),
                rules,
                applied: [Vec::new(), Vec::new()],
                contexts: Vec::new(),
            })
        };
        *self.acl_views.get_mut(index) = Some(Arc::new(view));
        Ok(AclIndex(index))
    }

    /// Removes a list that no interface has.
    pub fn delete_acl(&mut self, AclIndex(index): AclIndex) -> Result<(), AclError> {
        let acl = self.acl.acls.get(index).ok_or(AclError::NoSuchAcl(index))?;
        let [input, output] = &acl.applied;
        if !input.is_empty() {
            return Err(AclError::InUseInbound(index));
        }
        if !output.is_empty() {
            return Err(AclError::InUseOutbound(index));
        }
        self.acl.acls.remove(index);
        *self.acl_views.get_mut(index) = None;
        Ok(())
    }

    /// A list.
    pub fn acl(&self, AclIndex(index): AclIndex) -> Option<&Acl> {
        self.acl.acls.get(index)
    }

    /// All lists by index.
    pub fn acls(&self) -> impl Iterator<Item = (AclIndex, &Acl)> {
        let all = self.acl.acls.iter();
        all.map(|(index, acl)| (AclIndex(index), acl))
    }

    /// What each rule of a list matched since the list was set.
    pub fn acl_matches(&self, AclIndex(index): AclIndex) -> Option<Vec<RuleMatches>> {
        Some(self.acl_views.get(index).as_ref()?.matches())
    }

    /// Gives an interface its lists for one direction, in the order in which they are looked at, at
    /// once; none lets all packets pass. If other lists come of it than were there, the sessions of
    /// the interface are forgotten.
    pub fn set_acl_list(
        &mut self,
        interface: SwIfIndex,
        direction: AclDirection,
        list: &[AclIndex],
    ) -> Result<(), AclError> {
        self.interface(interface)
            .ok_or(AclError::NoInterface(interface))?;
        for (place, own) in list.iter().enumerate() {
            if self.acl(*own).is_none() {
                return Err(AclError::NoSuchAcl(own.0));
            }
            if list.iter().take(place).any(|other| other == own) {
                return Err(AclError::NamedTwice(own.0));
            }
        }
        if !list.is_empty() {
            self.shared.sessions.prepare();
        }
        self.apply(interface, direction, list);
        Ok(())
    }

    fn apply(&mut self, interface: SwIfIndex, direction: AclDirection, list: &[AclIndex]) {
        let old = std::mem::take(&mut self.acl.of_mut(interface).acls[direction as usize]);
        let context = self.acl.of_mut(interface).contexts[direction as usize];
        let mut is_same_set = true;
        for AclIndex(gone) in old.iter().filter(|own| !list.contains(own)) {
            is_same_set = false;
            if let Some(acl) = self.acl.acls.get_mut(*gone) {
                swap_out(&mut acl.applied[direction as usize], interface);
            }
        }
        for AclIndex(new) in list.iter().filter(|own| !old.contains(own)) {
            is_same_set = false;
            if let Some(acl) = self.acl.acls.get_mut(*new) {
                acl.applied[direction as usize].push(interface);
            }
        }
        for AclIndex(index) in &old {
            if let (Some(acl), Some(context)) = (self.acl.acls.get_mut(*index), context) {
                swap_out(&mut acl.contexts, context);
            }
        }
        let context = match (context, list.is_empty()) {
            (Some(context), true) => {
                self.acl.contexts.remove(context);
                None
            }
            (None, false) => Some(self.acl.contexts.insert(LookupContext {
                sw_if_index: interface,
                direction,
            })),
            (context, _) => context,
        };
        for AclIndex(index) in list {
            if let (Some(acl), Some(context)) = (self.acl.acls.get_mut(*index), context) {
                acl.contexts.push(context);
            }
        }
        let own = self.acl.of_mut(interface);
        own.acls[direction as usize] = list.to_vec();
        own.contexts[direction as usize] = context;
        let has_none = own.acls.iter().all(Vec::is_empty);
        if self.acl.reclassifies {
            self.bump_epoch(interface, direction);
        }
        if !self.acl.reclassifies && !is_same_set || has_none {
            self.clear_sessions(Some(interface));
        }
        self.refresh(interface);
    }

    /// What an interface has.
    pub fn interface_acls(&self, interface: SwIfIndex) -> Option<&InterfaceAcls> {
        self.acl.interfaces.get(interface.0 as usize)
    }

    /// All lookup contexts by index.
    pub fn lookup_contexts(&self) -> impl Iterator<Item = (u32, LookupContext)> {
        let all = self.acl.contexts.iter();
        all.map(|(index, context)| (index, *context))
    }

    /// Takes all lists from an interface that goes.
    pub(super) fn forget_acls(&mut self, interface: SwIfIndex) {
        if self.interface_acls(interface).is_none() {
            return;
        }
        for direction in AclDirection::ALL {
            self.apply(interface, direction, &[]);
        }
        // Without one there is nothing to take.
        let _ = self.set_interface_macip(interface, None);
    }

    fn bump_epoch(&mut self, interface: SwIfIndex, direction: AclDirection) {
        let epoch = &mut self.acl.of_mut(interface).epochs[direction as usize];
        *epoch = epoch.wrapping_add(1) & EPOCH_MASK;
        self.refresh(interface);
    }

    // ===== sessions =====

    /// Whether a change of rules also decides anew over established sessions, when their next packet
    /// comes in the direction in which they were made. Off, as in VPP.
    pub fn set_reclassify_sessions(&mut self, on: bool) {
        self.acl.reclassifies = on;
    }

    /// See [`Self::set_reclassify_sessions`].
    pub fn reclassifies_sessions(&self) -> bool {
        self.acl.reclassifies
    }

    /// Forgets the sessions of an interface, or all.
    pub fn clear_sessions(&mut self, interface: Option<SwIfIndex>) {
        let all = 0..self.acl.interfaces.len() as u32;
        let these = match interface {
            Some(SwIfIndex(index)) => index..index.saturating_add(1),
            None => all,
        };
        for index in these.map(SwIfIndex) {
            let own = self.acl.of_mut(index);
            own.session_generation = own.session_generation.wrapping_add(1);
            self.refresh(index);
        }
        self.acl.sweeps += 1;
    }

    /// Sets how long a session lives without packets: at most 20 days. Takes effect at once.
    pub fn set_session_timeout(&self, timeout: SessionTimeout, seconds: u32) {
        self.shared.sessions.set_timeout(timeout, seconds);
    }

    /// How long a session lives without packets, seconds.
    pub fn session_timeout(&self, timeout: SessionTimeout) -> u32 {
        self.shared.sessions.timeout_seconds(timeout)
    }

    /// Sets how many sessions there may be, at most 500,000. Takes effect at once.
    pub fn set_session_limit(&self, limit: u32) {
        self.shared.sessions.set_limit(limit);
    }

    /// How many sessions there may be.
    pub fn session_limit(&self) -> u32 {
        self.shared.sessions.limit()
    }

    /// How many sessions there are; some of them may have ended and not be cleaned up yet.
    pub fn session_count(&self) -> u32 {
        self.shared.sessions.live()
    }

    /// What a worker did with the sessions of an interface.
    pub fn session_totals(&self, interface: SwIfIndex, worker: usize) -> SessionTotals {
        let counters = self.interface(interface).map(|own| &own.counters);
        let Some(own) = counters.and_then(|own| own.of(worker)) else {
            return SessionTotals::default();
        };
        SessionTotals {
            added: own.sessions_added.get(),
            deleted: own.sessions_deleted.get(),
            epoch_changes: own.sessions_of_other_epochs.get(),
        }
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.shared.workers()
    }

    /// All sessions, in the order of workers and numbers; `now` is the workers' clock.
    pub fn sessions(&self, now: std::time::Duration) -> Vec<SessionDetails> {
        let now = crate::clock::milliseconds(now);
        let all = self.shared.sessions.details(now);
        all.filter(|(details, origin)| {
            let own = self.interface_acls(details.sw_if_index);
            own.is_some_and(|own| own.session_generation == origin.generation)
        })
        .map(|(details, _)| details)
        .collect()
    }
}

// ===== impl AclTables =====

impl AclTables {
    fn of_mut(&mut self, interface: SwIfIndex) -> &mut InterfaceAcls {
        let at = interface.0 as usize;
        if self.interfaces.len() <= at {
            self.interfaces.resize_with(at + 1, InterfaceAcls::default);
        }
        &mut self.interfaces[at]
    }

    /// What the nodes read of an interface.
    pub(super) fn view(&self, interface: SwIfIndex) -> InterfaceAclView {
        let Some(own) = self.interfaces.get(interface.0 as usize) else {
            return InterfaceAclView::default();
        };
        let bound = |direction: AclDirection| {
            let context = own.contexts[direction as usize]?;
            Some(Arc::new(Binding {
                context,
                epoch: own.epochs[direction as usize],
                acls: own.acls[direction as usize]
                    .iter()
                    .map(|acl| acl.0)
                    .collect(),
            }))
        };
        let macip = own.macip.filter(|index| {
            let macip = self.macips.get(index.0);
            macip.is_some_and(|macip| !macip.rules.is_empty())
        });
        InterfaceAclView {
            input: bound(AclDirection::Input),
            output: bound(AclDirection::Output),
            macip: macip.map(|index| index.0),
            session_generation: own.session_generation,
        }
    }
}

/// Removes an element as VPP's `vec_del1` does: the last one takes its place.
fn swap_out<T: PartialEq>(elements: &mut Vec<T>, element: T) {
    if let Some(at) = elements.iter().position(|own| *own == element) {
        elements.swap_remove(at);
    }
}
