//! Bytes that no honest client would send.

use weft_vpp_wire::messages::declared;
use weft_vpp_wire::{Kind, RequestHeader};

use super::{CONTEXT, Client, INDEX};
use crate::testing::TestNamespace;

/// Messages of each number.
const MESSAGES: u32 = 200;

/// Numbers that look random and are the same every time (Numerical Recipes' generator).
struct Noise(u32);

impl Noise {
    fn next(&mut self) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        self.0 >> 8
    }

    /// Mostly zeros and small numbers, so that some fields make sense.
    fn byte(&mut self) -> u8 {
        match self.next() % 8 {
            0 => self.next().to_le_bytes()[0],
            1 => 0xff,
            2 | 3 => self.next().to_le_bytes()[0] % 4,
            _ => 0,
        }
    }
}

#[test]
fn no_message_makes_the_switch_panic_or_answer_out_of_form() {
    let namespace = TestNamespace::new();
    namespace.enter(|| {
        let mut client = Client::new();
        for index in 0..3 {
            let port = client.loopback();
            client.vlan(port, 100 + index);
        }
        let mut noise = Noise(7);
        for message in declared().filter(|message| message.kind == Kind::Request) {
            let entries = client.api.table().entries();
            let number = entries
                .iter()
                .find(|entry| entry.name == message.name_crc().as_str())
                .map(|entry| entry.index);
            for _ in 0..MESSAGES {
                let header = RequestHeader {
                    client_index: INDEX,
                    context: CONTEXT,
                };
                let mut bytes = number.expect("served").to_be_bytes().to_vec();
                bytes.extend_from_slice(&header.client_index.to_be_bytes());
                bytes.extend_from_slice(&header.context.to_be_bytes());
                let length = noise.next() % 400;
                bytes.extend((0..length).map(|_| noise.byte()));
                // `call_raw` checks that the answers are whole frames.
                client.call_raw(&bytes);
            }
        }
        client.control.publish();
        assert!(client.names("local").contains(&"local0".to_owned()));
    });
}
