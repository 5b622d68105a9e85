//! What a stranger's INVITE carries: an offer to answer, or an answer to our offer.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};

use libfuzzer_sys::fuzz_target;
use offhook_media::{Agreed, Encryption};
use offhook_media::sdp::Session;

fuzz_target!(|text: &str| {
    let kinds = [
        Encryption::Off,
        Encryption::Accept,
        Encryption::Offer,
        Encryption::Require,
    ];
    let encryption = kinds[text.len() % kinds.len()];
    let ours = |id| {
        let session = Session::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 40_000, 40_001, id);
        session.with_encryption(encryption)
    };
    let mut session = ours(1);
    if let Ok((answer, agreed)) = session.answer(text) {
        can_be_sent_to(&agreed);
        // A peer with the same ears understands what we answered to it.
        let mut peer = Session::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000, 50_001, 2);
        let _ = peer.answer(&answer);
        // The next offer keeps the lines of this one, and is a description too.
        let again = session.offer();
        let _ = peer.answer(&again);
    }
    let mut session = ours(3);
    let _ = session.offer();
    if let Ok(agreed) = session.accept(text) {
        can_be_sent_to(&agreed);
    }
});

fn can_be_sent_to(agreed: &Agreed) {
    assert_ne!(agreed.remote.port(), 0, "audio to port 0");
    assert!(!agreed.remote.ip().is_multicast(), "audio to a group");
    assert!(
        !matches!(agreed.remote.ip(), IpAddr::V4(Ipv4Addr::BROADCAST)),
        "audio to everybody"
    );
    assert!(
        agreed.payload_type < 128,
        "a payload type of more than seven bits"
    );
    assert!(agreed.packet_units > 0, "packets of no length");
}
