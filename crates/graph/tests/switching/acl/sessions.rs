//! Sessions: what a reflexive rule lets back, and until when.

use std::time::Duration;

use weft_graph::{
    AclAction::{Deny, Permit, PermitReflect},
    AclDirection, Error, SessionTimeout,
};

use super::packets::{icmp, ip4, ip6, tcp, transport, udp};
use super::{filtered, passes, port_rule, rule4, rule6};
use crate::lab::{Lab, outcome};

const AHEAD: (u8, u8) = (1, 2);
const BACK: (u8, u8) = (2, 1);

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;
const FIN: u8 = 0x01;

/// A machine at the first port that may ask and must not be asked.
fn guarded() -> (Lab, [weft_graph::SwIfIndex; 2]) {
    filtered(
        &[rule4(PermitReflect), rule6(PermitReflect)],
        &[rule4(Deny), rule6(Deny)],
    )
}

#[test]
fn answers_pass_and_questions_do_not() {
    let (mut lab, [a, b]) = guarded();
    assert!(!passes(&mut lab, b, &udp(BACK, (53, 1000))));
    let question = udp(AHEAD, (1000, 53));
    assert_eq!(
        lab.send(a, &[&question]),
        outcome(
            &[(b, &question)],
            &[(Error::AclInIp4NewSession, 1), (Error::AclInIp4Check, 1)]
        )
    );
    let answer = udp(BACK, (53, 1000));
    assert_eq!(
        lab.send(b, &[&answer]),
        outcome(
            &[(a, &answer)],
            &[
                (Error::AclOutIp4ExistSession, 1),
                (Error::AclOutIp4Check, 1)
            ]
        )
    );
    assert_eq!(
        lab.send(a, &[&question]),
        outcome(
            &[(b, &question)],
            &[(Error::AclInIp4ExistSession, 1), (Error::AclInIp4Check, 1)]
        )
    );
    for ports in [(53, 1001), (54, 1000), (1000, 53)] {
        assert!(!passes(&mut lab, b, &udp(BACK, ports)));
    }
    assert!(
        !passes(&mut lab, b, &tcp(BACK, (53, 1000), 0)),
        "another protocol"
    );
}

#[test]
fn packets_of_one_frame_share_the_session_of_the_first() {
    let (mut lab, [a, b]) = guarded();
    let question = udp(AHEAD, (1000, 53));
    let sent = [(b, &question[..]); 5];
    assert_eq!(
        lab.send(a, &[&question[..]; 5]),
        outcome(
            &sent,
            &[
                (Error::AclInIp4NewSession, 1),
                (Error::AclInIp4ExistSession, 4),
                (Error::AclInIp4Check, 5)
            ]
        )
    );
    assert_eq!(lab.tables.session_count(), 1);
}

#[test]
fn sessions_are_of_their_interface() {
    let (mut lab, [a, b]) = guarded();
    let c = lab.member(0);
    lab.learn(c, 3);
    for direction in AclDirection::ALL {
        super::apply(&mut lab, c, direction, &[rule4(Deny)]);
    }
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
    // The same flow, claimed by another port.
    assert!(!passes(&mut lab, c, &udp(AHEAD, (1, 2))));
    assert!(passes(&mut lab, b, &udp(BACK, (2, 1))));
}

#[test]
fn any_protocol_makes_sessions() {
    let (mut lab, [a, b]) = guarded();
    for (protocol, count) in [(132, 1), (50, 2), (47, 3)] {
        let payload = transport(1, 2, 0);
        assert!(!passes(&mut lab, b, &ip4(BACK, protocol, 0, &payload)));
        assert!(passes(&mut lab, a, &ip4(AHEAD, protocol, 0, &payload)));
        // Their ports are not read, so any answer is one.
        assert!(passes(
            &mut lab,
            b,
            &ip4(BACK, protocol, 0, &transport(7, 8, 0))
        ));
        assert_eq!(lab.tables.session_count(), count);
    }
    let payload = transport(1, 2, 0);
    assert!(passes(&mut lab, a, &ip6(AHEAD, 6, &payload)));
    assert!(passes(&mut lab, b, &ip6(BACK, 6, &transport(2, 1, 0))));
    assert!(!passes(&mut lab, b, &ip6(BACK, 6, &transport(1, 2, 0))));
}

#[test]
fn icmp_requests_let_their_replies_back() {
    for (request, reply) in [(8, 0), (13, 14), (15, 16), (17, 18)] {
        let (mut lab, [a, b]) = guarded();
        assert!(!passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(reply, 0))));
        assert!(passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(request, 0))));
        assert!(passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(reply, 0))));
        assert!(
            !passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(reply, 1))),
            "another code"
        );
        assert!(
            !passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(request, 0))),
            "a request back"
        );
    }
    for (request, reply) in [(128, 129), (139, 140)] {
        let (mut lab, [a, b]) = guarded();
        assert!(passes(&mut lab, a, &ip6(AHEAD, 58, &icmp(request, 0))));
        assert!(passes(&mut lab, b, &ip6(BACK, 58, &icmp(reply, 0))));
        assert!(!passes(&mut lab, b, &ip6(BACK, 58, &icmp(request, 0))));
    }
}

#[test]
fn other_icmp_lets_nothing_back() {
    let (mut lab, [a, b]) = guarded();
    for kind in [3, 5, 11] {
        let packet = ip4(AHEAD, 1, 0, &icmp(kind, 0));
        assert!(passes(&mut lab, a, &packet));
        let again = lab.send(a, &[&packet]);
        assert!(
            again.counted.contains(&(Error::AclInIp4ExistSession, 1)),
            "a session of its own"
        );
        assert!(!passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(kind, 0))));
    }
    // A reply that nobody asked for lets no request in.
    assert!(passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(0, 0))));
    assert!(!passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(8, 0))));
    // But an answer to a request is found afterwards, too.
    assert!(passes(&mut lab, a, &ip4(AHEAD, 1, 0, &icmp(8, 0))));
    assert!(passes(&mut lab, b, &ip4(BACK, 1, 0, &icmp(0, 0))));
}

#[test]
fn later_fragments_have_a_session_without_ports() {
    let (mut lab, [a, b]) = guarded();
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
    assert!(
        !passes(&mut lab, b, &ip4(BACK, 17, 5, &[0; 8])),
        "not that of the ports"
    );
    assert!(passes(&mut lab, a, &ip4(AHEAD, 17, 5, &[0; 8])));
    assert!(passes(&mut lab, b, &ip4(BACK, 17, 9, &[0; 8])));
    assert!(!passes(&mut lab, b, &ip4(BACK, 6, 9, &[0; 8])));
}

#[test]
fn sessions_end_when_nothing_comes() {
    for (packet, answer, seconds) in [
        (udp(AHEAD, (1, 2)), udp(BACK, (2, 1)), 600),
        (tcp(AHEAD, (1, 2), SYN), tcp(BACK, (2, 1), SYN | ACK), 120),
    ] {
        let (mut lab, [a, b]) = guarded();
        assert!(passes(&mut lab, a, &packet));
        for _ in 0..3 {
            lab.now += Duration::from_millis(seconds * 1000 - 1);
            assert!(passes(&mut lab, b, &answer), "each packet lets it live");
        }
        lab.now += Duration::from_secs(seconds);
        assert!(!passes(&mut lab, b, &answer), "{seconds} seconds are over");
        assert_eq!(lab.tables.session_count(), 0, "and it is cleaned up");
        assert!(passes(&mut lab, a, &packet), "it may be made again");
    }
}

#[test]
fn sessions_that_ended_are_cleaned_up_whoever_sends() {
    let (mut lab, [a, _]) = guarded();
    for port in 1..=5 {
        assert!(passes(&mut lab, a, &udp(AHEAD, (port, 53))));
    }
    lab.now += Duration::from_secs(400);
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 53))));
    lab.now += Duration::from_secs(300);
    let mut other = udp(AHEAD, (1, 2));
    other[12..14].copy_from_slice(&[0x08, 0x06]);
    assert!(passes(&mut lab, a, &other), "no list looks at it");
    assert_eq!(lab.tables.session_count(), 1, "the one that had a packet");
    let [session] = lab.tables.sessions(lab.now)[..] else {
        panic!("one session");
    };
    assert_eq!(session.ports, [1, 53]);
}

#[test]
fn tcp_lives_long_once_established_until_fin() {
    let (mut lab, [a, b]) = guarded();
    let ahead = |lab: &mut Lab, flags| passes(lab, a, &tcp(AHEAD, (1, 2), flags));
    let back = |lab: &mut Lab, flags| passes(lab, b, &tcp(BACK, (2, 1), flags));
    assert!(ahead(&mut lab, SYN));
    assert!(back(&mut lab, SYN | ACK));
    let established = lab.send(a, &[&tcp(AHEAD, (1, 2), ACK)]);
    assert!(
        established
            .counted
            .contains(&(Error::AclInIp4RestartTimer, 1))
    );
    lab.now += Duration::from_secs(24 * 3600 - 1);
    assert!(back(&mut lab, ACK));
    lab.now += Duration::from_secs(24 * 3600 - 1);
    assert!(ahead(&mut lab, ACK | FIN));
    lab.now += Duration::from_secs(119);
    assert!(back(&mut lab, ACK | FIN));
    lab.now += Duration::from_secs(120);
    assert!(!back(&mut lab, ACK));
}

#[test]
fn timeouts_can_be_set() {
    let (mut lab, [a, b]) = guarded();
    lab.tables.set_session_timeout(SessionTimeout::UdpIdle, 5);
    assert_eq!(lab.tables.session_timeout(SessionTimeout::UdpIdle), 5);
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
    lab.now += Duration::from_secs(5);
    assert!(!passes(&mut lab, b, &udp(BACK, (2, 1))));
}

#[test]
fn a_full_table_lets_go_of_tcp_that_is_not_established() {
    let (mut lab, [a, b]) = guarded();
    lab.tables.set_session_limit(3);
    for port in 1..=3 {
        assert!(passes(&mut lab, a, &udp(AHEAD, (port, 53))));
    }
    let packet = udp(AHEAD, (4, 53));
    assert_eq!(
        lab.send(a, &[&packet]),
        outcome(
            &[],
            &[
                (Error::AclInIp4Check, 1),
                (Error::AclInIp4TooManySessions, 1)
            ]
        ),
        "no session gives way"
    );
    lab.tables.set_session_limit(5);
    assert!(passes(&mut lab, a, &tcp(AHEAD, (1, 80), SYN)));
    assert!(passes(&mut lab, a, &tcp(AHEAD, (2, 80), SYN)));
    assert!(passes(&mut lab, a, &packet));
    assert!(
        !passes(&mut lab, b, &tcp(BACK, (80, 1), ACK)),
        "the oldest gave way"
    );
    assert!(passes(&mut lab, b, &tcp(BACK, (80, 2), ACK)));
    assert_eq!(lab.tables.session_count(), 5);
    let totals = lab.tables.session_totals(a, 0);
    assert_eq!((totals.added, totals.deleted), (6, 1));
}

#[test]
fn replaced_rules_leave_sessions_unless_they_are_to_notice() {
    for notices in [false, true] {
        let (mut lab, [a, b]) = guarded();
        lab.tables.set_reclassify_sessions(notices);
        let acls: Vec<_> = lab.tables.acls().map(|(index, _)| index).collect();
        assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
        lab.tables
            .set_acl(Some(acls[0]), b"", vec![rule4(Deny)])
            .unwrap();
        assert!(
            passes(&mut lab, b, &udp(BACK, (2, 1))),
            "the answer's direction does not look"
        );
        assert_eq!(passes(&mut lab, a, &udp(AHEAD, (1, 2))), !notices);
        assert_eq!(passes(&mut lab, b, &udp(BACK, (2, 1))), !notices);
        assert_eq!(
            lab.tables.session_totals(a, 0).epoch_changes,
            u64::from(notices)
        );
        // The output's list was not the one that let the flow in.
        lab.tables
            .set_acl(Some(acls[0]), b"", vec![rule4(PermitReflect)])
            .unwrap();
        assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
        lab.tables
            .set_acl(Some(acls[1]), b"", vec![port_rule(Deny, 6, 1, 1)])
            .unwrap();
        let again = lab.send(a, &[&udp(AHEAD, (1, 2))]);
        assert!(again.counted.contains(&(Error::AclInIp4ExistSession, 1)));
        assert!(passes(&mut lab, b, &udp(BACK, (2, 1))));
    }
}

#[test]
fn other_lists_forget_the_sessions_of_the_interface() {
    let (mut lab, [a, b]) = guarded();
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 2))));
    let input = lab.tables.interface_acls(a).unwrap().acls[0].clone();
    lab.tables
        .set_acl_list(a, AclDirection::Input, &input)
        .unwrap();
    assert!(
        passes(&mut lab, b, &udp(BACK, (2, 1))),
        "the same list again"
    );
    let other = lab.tables.set_acl(None, b"", vec![rule4(Permit)]).unwrap();
    lab.tables
        .set_acl_list(a, AclDirection::Input, &[input[0], other])
        .unwrap();
    assert!(!passes(&mut lab, b, &udp(BACK, (2, 1))));
    assert_eq!(lab.tables.session_count(), 0);
}

#[test]
fn sessions_go_with_their_interface_and_when_cleared() {
    let (mut lab, [a, b]) = guarded();
    for port in 1..=300 {
        assert!(passes(&mut lab, a, &udp(AHEAD, (port, 53))));
    }
    assert_eq!(lab.tables.sessions(lab.now).len(), 300);
    lab.tables.clear_sessions(None);
    assert_eq!(lab.tables.sessions(lab.now).len(), 0);
    assert!(!passes(&mut lab, b, &udp(BACK, (53, 1))));
    assert!(!passes(&mut lab, b, &udp(BACK, (53, 1))));
    assert_eq!(lab.tables.session_count(), 0, "swept in steps");
    assert!(passes(&mut lab, a, &udp(AHEAD, (1, 53))));
    lab.tables.delete_interface(a).unwrap();
    let a = lab.member(0);
    lab.learn(a, 1);
    super::apply(&mut lab, a, AclDirection::Output, &[rule4(Deny)]);
    assert!(
        !passes(&mut lab, b, &udp(BACK, (53, 1))),
        "the index has another owner"
    );
}

#[test]
fn a_session_can_be_seen() {
    let (mut lab, [a, _]) = guarded();
    assert!(passes(&mut lab, a, &tcp(AHEAD, (1, 2), SYN)));
    lab.now += Duration::from_millis(1500);
    let sessions = lab.tables.sessions(lab.now);
    let [session] = sessions[..] else {
        panic!("{sessions:?}")
    };
    assert_eq!(
        (session.sw_if_index, session.protocol, session.ports),
        (a, 6, [1, 2])
    );
    assert_eq!(session.source.to_string(), "10.0.0.1");
    assert_eq!(session.destination.to_string(), "10.0.0.2");
    assert_eq!(session.tcp_flags_seen, [0, SYN]);
    assert_eq!(
        (session.timeout, session.idle_ms),
        (SessionTimeout::TcpTransient, 1500)
    );
}
