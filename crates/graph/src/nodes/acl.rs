//! `acl-plugin-in-ip4-l2` and its three siblings: established flows pass, others as the first rule
//! of the interface's lists says that matches them (VPP `dataplane_node.c`).
//!
//! A packet that no rule matches is dropped, as is one whose network header is not whole.

use std::marker::PhantomData;

use weft_packet::{BufferIndex, Meta, SwIfIndex};

use super::{BATCH, l2_output};
use crate::{
    acl::{
        AclAction,
        classifier::OfFamily,
        session::{Candidate, Found, Handle, Origin, Session, SessionPacket, Validity},
        tuple::{Family, FiveTuple},
    },
    counters::WorkerInterfaceCounters,
    error::Error,
    feature::Bitmap,
    frame::FRAME_SIZE,
    node::{Context, Nexts, Node, NodeId, drop_for},
    tables::Binding,
    trace::{AclVerdict, Record},
};

/// The lists for packets of one family that an interface receives, or with `INPUT` false sends.
pub(crate) struct AclNode<A, const INPUT: bool>(PhantomData<A>);

/// The counters of one of the nodes.
struct Counters {
    drop: Error,
    permit: Error,
    new_session: Error,
    exist_session: Error,
    check: Error,
    restart_timer: Error,
    too_many_sessions: Error,
}

/// What a frame's packets came to.
#[derive(Default)]
struct Tally {
    permit: usize,
    new_session: usize,
    exist_session: usize,
    restart_timer: usize,
}

/// A packet on its way through a batch.
#[derive(Clone, Copy, Default)]
struct Flow<A> {
    tuple: FiveTuple<A>,
    session: SessionPacket,
    /// The network header is there.
    is_whole: bool,
}

/// What holds for all packets of one interface.
struct Lists<'run> {
    interface: SwIfIndex,
    binding: Option<&'run Binding>,
    validity: Validity,
    counters: Option<&'run WorkerInterfaceCounters>,
    /// Where packets go on output.
    after: NodeId,
}

impl Counters {
    const fn of(is_ip6: bool, is_input: bool) -> Self {
        match (is_input, is_ip6) {
            (true, false) => Self {
                drop: Error::AclInIp4Drop,
                permit: Error::AclInIp4Permit,
                new_session: Error::AclInIp4NewSession,
                exist_session: Error::AclInIp4ExistSession,
                check: Error::AclInIp4Check,
                restart_timer: Error::AclInIp4RestartTimer,
                too_many_sessions: Error::AclInIp4TooManySessions,
            },
            (true, true) => Self {
                drop: Error::AclInIp6Drop,
                permit: Error::AclInIp6Permit,
                new_session: Error::AclInIp6NewSession,
                exist_session: Error::AclInIp6ExistSession,
                check: Error::AclInIp6Check,
                restart_timer: Error::AclInIp6RestartTimer,
                too_many_sessions: Error::AclInIp6TooManySessions,
            },
            (false, false) => Self {
                drop: Error::AclOutIp4Drop,
                permit: Error::AclOutIp4Permit,
                new_session: Error::AclOutIp4NewSession,
                exist_session: Error::AclOutIp4ExistSession,
                check: Error::AclOutIp4Check,
                restart_timer: Error::AclOutIp4RestartTimer,
                too_many_sessions: Error::AclOutIp4TooManySessions,
            },
            (false, true) => Self {
                drop: Error::AclOutIp6Drop,
                permit: Error::AclOutIp6Permit,
                new_session: Error::AclOutIp6NewSession,
                exist_session: Error::AclOutIp6ExistSession,
                check: Error::AclOutIp6Check,
                restart_timer: Error::AclOutIp6RestartTimer,
                too_many_sessions: Error::AclOutIp6TooManySessions,
            },
        }
    }
}

impl<A: Family + OfFamily, const INPUT: bool> AclNode<A, INPUT> {
    const COUNTERS: Counters = Counters::of(A::IS_IP6, INPUT);
}

impl<A: Family + OfFamily, const INPUT: bool> Node for AclNode<A, INPUT> {
    const ID: NodeId = match (INPUT, A::IS_IP6) {
        (true, false) => NodeId::AclInIp4,
        (true, true) => NodeId::AclInIp6,
        (false, false) => NodeId::AclOutIp4,
        (false, true) => NodeId::AclOutIp6,
    };

    #[inline]
    fn process<const TRACE: bool>(
        cx: &mut Context<'_>,
        packets: &[BufferIndex],
        nexts: &mut Nexts,
    ) {
        let sessions = cx.sessions;
        let index = sessions.index();
        let mut lists = Lists::of(cx, SwIfIndex::NONE, INPUT);
        let mut tally = Tally::default();
        let mut verdicts = [AclVerdict::NONE; FRAME_SIZE];
        let mut flows = [Flow::<A>::default(); BATCH];
        let mut candidates = [Candidate::Absent; BATCH];
        for ((packets, nexts), verdicts) in packets
            .chunks(BATCH)
            .zip(nexts.chunks_mut(BATCH))
            .zip(verdicts.chunks_mut(BATCH))
        {
            let buffers = cx.pool.buffers();
            for (&packet, flow) in packets.iter().zip(&mut flows) {
                let meta = buffers.meta(packet);
                let interface = faced::<INPUT>(meta);
                let l3 = usize::from(meta.l2.l2_len);
                let Some(tuple) = A::tuple(buffers.data(packet), l3) else {
                    *flow = Flow::default();
                    continue;
                };
                // Field by field, as a whole would be made first and then copied.
                flow.session = SessionPacket::new(&tuple, interface, INPUT, sessions.seed());
                index.prefetch(flow.session.hash);
                flow.tuple = tuple;
                flow.is_whole = true;
            }
            let made_before = tally.new_session;
            for (flow, candidate) in flows.iter().zip(&mut candidates).take(packets.len()) {
                *candidate = sessions.candidate(index, flow.session.hash);
            }
            for ((((&packet, flow), candidate), next), kept) in packets
                .iter()
                .zip(&flows)
                .zip(&candidates)
                .zip(nexts)
                .zip(verdicts)
            {
                let meta = cx.pool.meta(packet);
                let (interface, bytes) = (faced::<INPUT>(meta), meta.total_length());
                if interface != lists.interface {
                    lists = Lists::of(cx, interface, INPUT);
                }
                let established = match *candidate {
                    Candidate::Likely(handle, session)
                        if sessions.is_valid(session, &flow.session, &lists.validity) =>
                    {
                        Some((handle, session))
                    }
                    // Unless a packet before it in the batch made one.
                    Candidate::Absent if tally.new_session == made_before => None,
                    _ if flow.is_whole => find(cx, flow, &lists),
                    _ => None,
                };
                let verdict = if let Some((handle, session)) = established {
                    tally.exist_session += 1;
                    track(cx, flow, (handle, session), &lists, &mut tally);
                    AclVerdict::session(handle.number())
                } else {
                    decide(cx, flow, bytes, &lists, &mut tally)
                };
                let meta = cx.pool.meta_mut(packet);
                *next = if verdict.passes() {
                    if INPUT {
                        Bitmap(meta.l2.feature_bitmap).next_node()
                    } else {
                        lists.after
                    }
                } else if verdict.is_for_want_of_room {
                    drop_for(meta, Self::COUNTERS.too_many_sessions)
                } else {
                    drop_for(meta, Self::COUNTERS.drop)
                };
                if TRACE {
                    *kept = verdict;
                }
            }
        }
        cx.count(Self::COUNTERS.check, packets.len());
        cx.count(Self::COUNTERS.permit, tally.permit);
        cx.count(Self::COUNTERS.new_session, tally.new_session);
        cx.count(Self::COUNTERS.exist_session, tally.exist_session);
        cx.count(Self::COUNTERS.restart_timer, tally.restart_timer);
        if TRACE {
            for (&packet, &verdict) in packets.iter().zip(&verdicts) {
                let interface = faced::<INPUT>(cx.pool.meta(packet));
                let lists = Lists::of(cx, interface, INPUT);
                let context = lists.binding.map(|binding| binding.context);
                cx.trace(Self::ID, packet, |pool| {
                    Record::acl::<A>((interface, INPUT), context, verdict, pool, packet)
                });
            }
        }
    }
}

/// The interface whose lists are asked.
#[inline]
fn faced<const INPUT: bool>(meta: &Meta) -> SwIfIndex {
    if INPUT {
        meta.rx_sw_if_index
    } else {
        meta.tx_sw_if_index
    }
}

impl<'run> Lists<'run> {
    #[inline(never)]
    fn of(cx: &Context<'run>, interface: SwIfIndex, is_input: bool) -> Self {
        let view = cx.interface(interface);
        let binding = if is_input {
            view.acl.input.as_deref()
        } else {
            view.acl.output.as_deref()
        };
        Self {
            interface,
            binding,
            validity: Validity {
                is_input,
                generation: view.acl.session_generation,
                epoch: binding.map_or(0, |binding| binding.epoch),
                reclassifies: cx.tables.reclassifies,
                now: cx.millisecond,
            },
            counters: cx.of_interface(view),
            after: l2_output::after_lists(view),
        }
    }
}

/// The session of a packet whose candidate was not it.
#[inline(never)]
fn find<'run, A>(
    cx: &mut Context<'run>,
    flow: &Flow<A>,
    lists: &Lists<'run>,
) -> Option<(Handle, &'run Session)> {
    for found in cx.sessions.find(&flow.session, &lists.validity) {
        match found {
            Found::Valid(handle, session) => return Some((handle, session)),
            Found::OtherEpoch(..) => {
                if let Some(counters) = lists.counters {
                    counters.sessions_of_other_epochs.add(1);
                }
            }
            Found::Ended(..) => {}
        }
        cx.owner.discard(cx.sessions, found);
    }
    None
}

#[inline]
fn track<A>(
    cx: &mut Context<'_>,
    flow: &Flow<A>,
    session: (Handle, &Session),
    lists: &Lists<'_>,
    tally: &mut Tally,
) {
    let seen = (lists.validity.is_input, flow.tuple.tcp_flags);
    let is_restarted = cx.owner.track(cx.sessions, session, seen, cx.millisecond);
    tally.restart_timer += usize::from(is_restarted);
}

/// What the rules say of a packet of no session.
#[inline(never)]
fn decide<A: OfFamily>(
    cx: &mut Context<'_>,
    flow: &Flow<A>,
    bytes: u32,
    lists: &Lists<'_>,
    tally: &mut Tally,
) -> AclVerdict {
    let Some(binding) = lists.binding else {
        return AclVerdict::PASS;
    };
    if !flow.is_whole {
        return AclVerdict::NONE;
    }
    let found = binding.acls.iter().find_map(|&acl| {
        let list = cx.tables.acl(acl)?;
        let (rule, action) = list.classifier.find(&flow.tuple)?;
        list.count(cx.worker, rule, bytes);
        Some((acl, rule, action))
    });
    let Some((acl, rule, action)) = found else {
        return AclVerdict::NONE;
    };
    match action {
        AclAction::Deny => {}
        AclAction::Permit => tally.permit += 1,
        AclAction::PermitReflect => {
            let Validity {
                is_input,
                epoch,
                generation,
                now,
                ..
            } = lists.validity;
            let origin = Origin {
                is_input,
                is_one_way: flow.session.is_one_way,
                epoch,
                generation,
            };
            let Ok(handle) = cx.owner.add(cx.sessions, &flow.session, origin, now) else {
                return AclVerdict::without_room(acl, rule);
            };
            if let Some(counters) = lists.counters {
                counters.sessions_added.add(1);
            }
            tally.new_session += 1;
            if let Some(session) = cx.sessions.session(handle) {
                track(cx, flow, (handle, session), lists, tally);
            }
        }
    }
    AclVerdict::rule(acl, rule, action)
}
