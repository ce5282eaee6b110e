use crate::netfile::{NetFiles, Wanted};

fn read(text: &str) -> Result<Wanted, String> {
    let mut files = NetFiles::default();
    files.add("net.yaml", text);
    files.finish().map_err(|faults| {
        let faults: Vec<String> = faults.iter().map(ToString::to_string).collect();
        faults.join("\n")
    })
}

/// The rules of one group in words, those of ingress first.
fn rules(rules: &str) -> Vec<String> {
    let text = format!("security_groups:\n- id: g\n  rules:\n{rules}");
    let wanted = read(&text).unwrap();
    let group = weft_model::SecurityGroup::from_json(&wanted.security_groups[0].record).unwrap();
    let ingress = group.ingress_rules.iter().map(|rule| format!("in {rule}"));
    let egress = group.egress_rules.iter().map(|rule| format!("out {rule}"));
    ingress.chain(egress).collect()
}

#[test]
fn rules_are_what_people_mean_by_them() {
    assert_eq!(
        rules("  - {direction: ingress, protocol: tcp, ports: 22, remote: 10.1.2.3/8}\n"),
        ["in tcp port 22 with 10.0.0.0/8"]
    );
    assert_eq!(
        rules("  - {direction: egress}\n"),
        ["out any IPv4 with 0.0.0.0/0", "out any IPv6 with ::/0"]
    );
    assert_eq!(
        rules("  - {direction: ingress, protocol: udp, ports: 8000-8080, ethertype: IPv6}\n"),
        ["in udp port 8000-8080 with ::/0"]
    );
    assert_eq!(
        rules("  - {direction: ingress, protocol: icmp}\n").len(),
        2,
        "of both versions"
    );
    assert_eq!(
        rules("  - {direction: ingress, protocol: icmp, icmp_type: 8, icmp_code: 0}\n"),
        ["in icmp type 8 code 0 with 0.0.0.0/0"]
    );
    assert_eq!(
        rules("  - {direction: ingress, protocol: icmpv6, icmp_type: 128}\n").len(),
        1
    );
    assert_eq!(
        rules("  - {direction: ingress, protocol: 47, ethertype: ipv4, remote_group: g}\n"),
        ["in gre with IPv4 of group g"]
    );
    assert_eq!(
        rules("  - {direction: egress, protocol: tcp, remote_address_group: a, ethertype: ipv6}\n"),
        ["out tcp with IPv6 of address group a"]
    );
}

#[test]
fn groups_are_read_with_their_addresses() {
    let wanted = read(
        "address_groups:\n- {id: a, addresses: [10.1.2.3/8, 'fd00::1']}\n\
         security_groups:\n- {id: g, stateful: false}\n",
    )
    .unwrap();
    assert_eq!(
        wanted.address_groups[0].record,
        serde_json::json!({"addresses": ["10.0.0.0/8", "fd00::1"]})
    );
    assert_eq!(wanted.security_groups[0].record["stateful"], false);
}

#[test]
fn everything_that_is_wrong_with_rules_is_told_with_its_line() {
    let faults = read(
        "security_groups:
  - id: web
    rules:
      - {direction: in, protocol: tcp}
      - {direction: ingress, protocol: tpc}
      - direction: ingress
        protocol: icmp
        ports: 80
      - {direction: ingress, ports: 80}
      - {direction: ingress, protocol: tcp, ports: 90-80}
      - {direction: ingress, ethertype: ipv6, remote: 10.0.0.0/8}
      - {direction: ingress, remote: 10.0.0.0/8, remote_group: web}
      - {direction: egress, protocl: udp}
  - id: web
  - id: anti-spoofing
address_groups:
  - id: a
    addresses: [10.0.0.0/33]
",
    )
    .unwrap_err();
    let faults: Vec<&str> = faults.lines().collect();
    let wanted = [
        "net.yaml:4: security_groups[0].rules[0].direction: `in` is no direction",
        "net.yaml:5: security_groups[0].rules[1].protocol: `tpc` is no protocol",
        "net.yaml:6: security_groups[0].rules[2].ports: needs a `protocol` that has ports",
        "net.yaml:9: security_groups[0].rules[3].ports: needs a `protocol` that has ports",
        "net.yaml:10: security_groups[0].rules[4].ports: 90 to 80 is no range",
        "net.yaml:11: security_groups[0].rules[5].remote: is of IPv4, which contradicts `ethertype`",
        "net.yaml:12: security_groups[0].rules[6].remote: a rule has one of",
        "net.yaml:13: security_groups[0].rules[7].protocl: is not known",
        "net.yaml:14: security_groups[1].id: security group `web` stands already",
        "net.yaml:15: security_groups[2].id: `anti-spoofing` is a name that Weft uses itself",
        "net.yaml:18: address_groups[0].addresses[0]: ",
    ];
    // Lists are read in the order in which they are needed, not in that of the file.
    for wanted in wanted {
        assert!(
            faults.iter().any(|fault| fault.starts_with(wanted)),
            "{wanted}\nis none of\n{}",
            faults.join("\n")
        );
    }
    assert_eq!(faults.len(), wanted.len(), "{}", faults.join("\n"));
}
