use super::*;
use proptest::prelude::*;

fn session() -> Session {
    Session::new(
        IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
        40_000,
        40_001,
        4 << 2,
    )
}

fn offer(body: &str) -> String {
    format!("v=0\r\no=alice 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n{body}")
}

fn tones(payload_type: u8) -> Option<TonesAs> {
    let clock = 8_000;
    Some(TonesAs {
        payload_type,
        clock,
    })
}

fn wide_tones() -> Option<TonesAs> {
    Some(TonesAs {
        payload_type: 100,
        clock: 48_000,
    })
}

const PHONE: &str = "m=audio 5004 RTP/AVP 8 0 96\r\na=rtpmap:96 telephone-event/8000\r\na=fmtp:96 0-16\r\na=ptime:20\r\n";

#[test]
fn an_ordinary_offer_is_answered_with_the_callers_first_choice() {
    let (answer, agreed) = session().answer(&offer(PHONE)).unwrap();
    assert_eq!(
        answer,
        "v=0\r\no=- 4 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
         m=audio 40000 RTP/AVP 8 96\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:96 telephone-event/8000\r\n\
         a=fmtp:96 0-15\r\na=ptime:20\r\na=rtcp:40001\r\na=sendrecv\r\n"
    );
    assert_eq!(agreed.codec, Codec::Pcma);
    assert_eq!(agreed.hears, [None, None, Some(0), Some(8)]);
    assert_eq!(agreed.tones_heard_as, [tones(96), None]);
    assert_eq!(agreed.remote, "192.0.2.9:5004".parse().unwrap());
    assert_eq!(agreed.remote_rtcp, "192.0.2.9:5005".parse().unwrap());
    assert!(!agreed.on_hold());
}

#[test]
fn the_wider_codec_is_chosen_wherever_the_caller_names_it() {
    let wide = "m=audio 5004 RTP/AVP 0 8 9 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    let (answer, agreed) = session().answer(&offer(wide)).unwrap();
    assert!(answer.contains("m=audio 40000 RTP/AVP 9 101\r\na=rtpmap:9 G722/8000\r\n"));
    assert_eq!(agreed.codec, Codec::G722);
    assert_eq!(agreed.packet_units, 160);
    let mut narrow = session().with_codecs(&[Codec::Pcmu, Codec::G722]);
    let (_, agreed) = narrow.answer(&offer(wide)).unwrap();
    assert_eq!(agreed.codec, Codec::Pcmu);
    assert!(
        session()
            .offer()
            .contains("m=audio 40000 RTP/AVP 96 9 0 8 101 100\r\na=rtpmap:96 opus/48000/2\r\n")
    );
}

#[test]
fn opus_is_agreed_with_tones_by_its_clock() {
    let browser = "m=audio 5004 RTP/AVP 0 111 126 110\r\na=rtpmap:111 opus/48000/2\r\n\
         a=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:126 telephone-event/8000\r\n\
         a=rtpmap:110 telephone-event/48000\r\na=ptime:60\r\n";
    let (answer, agreed) = session().answer(&offer(browser)).unwrap();
    assert!(answer.contains("m=audio 40000 RTP/AVP 111 110\r\na=rtpmap:111 opus/48000/2\r\n"));
    assert!(answer.contains("a=rtpmap:110 telephone-event/48000\r\n"));
    assert_eq!((agreed.codec, agreed.payload_type), (Codec::Opus, 111));
    let tones = TonesAs {
        payload_type: 110,
        clock: 48_000,
    };
    assert_eq!(agreed.tones_sent_as, Some(tones));
    assert_eq!(agreed.packet_units, 160);
    // One channel is not Opus as it is described.
    let mono = "m=audio 5004 RTP/AVP 111\r\na=rtpmap:111 opus/48000\r\n";
    assert_eq!(
        session().answer(&offer(mono)).unwrap_err(),
        SdpRefusal::NoCommonCodec
    );
    let mut ours = session();
    let text = ours.offer();
    let (answer, heard) = session().answer(&text).unwrap();
    let agreed = ours.accept(&answer).unwrap();
    assert_eq!((agreed.codec, heard.codec), (Codec::Opus, Codec::Opus));
    assert_eq!(agreed.tones_sent_as, wide_tones());
    assert!(agreed.hears_codec(Codec::Opus) && !agreed.hears_codec(Codec::G722));
}

const KEY: &str = "inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR";

#[test]
fn keys_are_exchanged_where_both_sides_encrypt() {
    for (ours, theirs, encrypted) in [
        (Encryption::Off, Encryption::Offer, Some(false)),
        (Encryption::Offer, Encryption::Off, Some(false)),
        (Encryption::Offer, Encryption::Offer, Some(true)),
        (Encryption::Offer, Encryption::Require, Some(true)),
        (Encryption::Require, Encryption::Offer, Some(true)),
        (Encryption::Require, Encryption::Require, Some(true)),
        (Encryption::Require, Encryption::Off, None),
        (Encryption::Off, Encryption::Require, None),
        (Encryption::Off, Encryption::Accept, Some(false)),
        (Encryption::Accept, Encryption::Require, None),
        (Encryption::Accept, Encryption::Offer, Some(false)),
        (Encryption::Offer, Encryption::Accept, Some(true)),
        (Encryption::Require, Encryption::Accept, Some(true)),
    ] {
        let mut a = session().with_encryption(ours);
        let mut b = session().with_encryption(theirs);
        let offer = a.offer();
        assert_eq!(offer.contains("RTP/SAVP"), ours == Encryption::Require);
        let Some(encrypted) = encrypted else {
            let refusal = b.answer(&offer).unwrap_err();
            let of_keys = matches!(
                refusal,
                SdpRefusal::EncryptedOnly | SdpRefusal::NotEncrypted
            );
            assert!(of_keys, "{ours:?} {theirs:?}: {refusal}");
            continue;
        };
        let (answer, at_b) = b.answer(&offer).unwrap();
        let at_a = a.accept(&answer).unwrap();
        assert_eq!(at_a.protection.is_some(), encrypted, "{ours:?} {theirs:?}");
        let (Some(at_a), Some(at_b)) = (at_a.protection, at_b.protection) else {
            assert_eq!(at_b.protection, None);
            continue;
        };
        assert_eq!((at_a.ours, at_a.theirs), (at_b.theirs, at_b.ours));
        assert_ne!(at_a.ours, at_a.theirs);
        assert!(!format!("{a:?}").contains("inline"), "a key in a log");
        // Again, as for a hold: the same keys. The other way round, too.
        let (answer, again) = b.answer(&a.offer()).unwrap();
        assert_eq!(again.protection, Some(at_b));
        assert_eq!(a.accept(&answer).unwrap().protection, Some(at_a));
        let (_, turned) = a.answer(&b.offer()).unwrap();
        assert_eq!(turned.protection.unwrap().suite, at_a.suite);
    }
}

#[test]
fn a_renewed_key_is_answered_with_a_renewed_one() {
    let with = |key: &str| {
        offer(&format!(
            "m=audio 5004 RTP/SAVP 0\r\na=crypto:7 AES_CM_128_HMAC_SHA1_32 {key}\r\n"
        ))
    };
    let mut session = session().with_encryption(Encryption::Offer);
    let (answer, first) = session.answer(&with(KEY)).unwrap();
    assert!(answer.contains("RTP/SAVP 0\r\n"));
    assert!(answer.contains("a=crypto:7 AES_CM_128_HMAC_SHA1_32 inline:"));
    let other = KEY.replace("PS1u", "QS1u");
    let (_, second) = session.answer(&with(&other)).unwrap();
    let (first, second) = (first.protection.unwrap(), second.protection.unwrap());
    assert!(first.theirs != second.theirs && first.ours != second.ours);
    // What was agreed encrypted is offered so again.
    assert!(session.offer().contains("RTP/SAVP"));
}

#[test]
fn an_answer_with_a_key_we_did_not_ask_for_is_no_protection() {
    let mut ours = session().with_encryption(Encryption::Require);
    ours.offer();
    let with = |line: &str| {
        offer(&format!(
            "m=audio 5004 RTP/SAVP 0\r\na=crypto:{line} {KEY}\r\n"
        ))
    };
    for line in ["3 AES_CM_128_HMAC_SHA1_80", "2 AES_CM_128_HMAC_SHA1_80"] {
        assert_eq!(ours.accept(&with(line)), Err(SdpRefusal::NotEncrypted));
    }
    assert!(ours.accept(&with("2 AES_CM_128_HMAC_SHA1_32")).is_ok());
}

#[test]
fn hold_and_resume_mirror_and_raise_the_version() {
    let mut session = session();
    session.answer(&offer(PHONE)).unwrap();
    for (theirs, ours, version) in [
        ("a=sendonly\r\n", Direction::RecvOnly, 2),
        ("a=inactive\r\n", Direction::Inactive, 3),
        ("a=inactive\r\n", Direction::Inactive, 3),
        ("a=recvonly\r\n", Direction::SendOnly, 4),
        ("a=sendrecv\r\n", Direction::SendRecv, 5),
        ("", Direction::SendRecv, 5),
    ] {
        let (answer, agreed) = session.answer(&offer(&format!("{PHONE}{theirs}"))).unwrap();
        assert_eq!(agreed.direction, ours, "{theirs}");
        assert_eq!(agreed.on_hold(), !ours.sends());
        assert!(answer.contains(&format!("o=- 4 {version} IN")), "{answer}");
        assert!(answer.contains(ours.as_str()));
    }
}

#[test]
fn zeros_are_the_old_hold() {
    let held = offer(&format!("{PHONE}c=IN IP4 0.0.0.0\r\n"));
    let (answer, agreed) = session().answer(&held).unwrap();
    assert!(agreed.on_hold());
    assert!(answer.contains("a=recvonly"));
}

#[test]
fn our_offer_and_its_answer_agree() {
    let mut ours = session();
    let text = ours.offer();
    let mut theirs = Session::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 50_000, 50_001, 9)
        .with_codecs(&[Codec::Pcma]);
    let (answer, heard) = theirs.answer(&text).unwrap();
    let agreed = ours.accept(&answer).unwrap();
    assert_eq!(agreed.codec, Codec::Pcma);
    assert_eq!(heard.codec, Codec::Pcma);
    assert_eq!(agreed.remote.port(), 50_000);
    assert_eq!(agreed.tones_sent_as, tones(101));
    assert_eq!(agreed.tones_heard_as, [tones(101), wide_tones()]);
    assert_eq!(heard.remote_rtcp.port(), 40_001);
}

#[test]
fn an_answer_with_another_tone_number_is_sent_its_own() {
    let mut ours = session();
    ours.offer();
    let agreed = ours
        .accept(&offer(
            "m=audio 7000 RTP/AVP 0 97\r\na=rtpmap:97 telephone-event/8000\r\n",
        ))
        .unwrap();
    assert_eq!(
        (agreed.tones_sent_as, agreed.tones_heard_as),
        (tones(97), [tones(101), wide_tones()])
    );
}

#[test]
fn holding_the_peer_is_a_new_version() {
    let mut ours = session();
    assert!(ours.offer().contains("o=- 4 1 "));
    ours.set_direction(Direction::SendOnly);
    let held = ours.offer();
    assert!(held.contains("o=- 4 2 ") && held.contains("a=sendonly"));
}

#[test]
fn packets_are_as_long_as_the_peer_likes_within_reason() {
    for (attributes, samples) in [
        ("a=ptime:30\r\n", 240),
        ("a=ptime:25\r\n", 160),
        ("a=ptime:60\r\na=maxptime:40\r\n", 320),
        ("a=ptime:5\r\n", 80),
        ("a=ptime:200\r\n", 480),
        ("a=ptime:nonsense\r\n", 160),
        ("a=maxptime:10\r\n", 80),
    ] {
        let (_, agreed) = session()
            .answer(&offer(&format!("m=audio 5004 RTP/AVP 0\r\n{attributes}")))
            .unwrap();
        assert_eq!(agreed.packet_units, samples, "{attributes}");
    }
}

#[test]
fn other_media_are_declined_in_their_places() {
    let text = offer(
        "m=video 6000 RTP/AVP 99\r\nm=audio 5004 RTP/AVP 0\r\nm=application 7000 UDP/BFCP *\r\n",
    );
    let mut session = session();
    let (answer, _) = session.answer(&text).unwrap();
    let lines: Vec<&str> = answer.lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(
        lines,
        [
            "m=video 0 RTP/AVP 99",
            "m=audio 40000 RTP/AVP 0",
            "m=application 0 UDP/BFCP *"
        ]
    );
    let again = session.offer();
    let lines: Vec<&str> = again.lines().filter(|l| l.starts_with("m=")).collect();
    assert_eq!(lines[0], "m=video 0 RTP/AVP 99");
    assert!(lines[1].starts_with("m=audio 40000"));
}

#[test]
fn what_cannot_be_agreed_is_refused_by_its_reason() {
    let refusal = |body: &str| session().answer(&offer(body)).unwrap_err();
    assert_eq!(refusal("m=video 5004 RTP/AVP 99\r\n"), SdpRefusal::NoAudio);
    assert_eq!(refusal(""), SdpRefusal::NoAudio);
    assert_eq!(refusal("m=audio 0 RTP/AVP 0\r\n"), SdpRefusal::NoAudio);
    assert_eq!(
        refusal("m=audio 5004 RTP/AVP 4 18\r\n"),
        SdpRefusal::NoCommonCodec
    );
    assert_eq!(
        refusal("m=audio 5004 RTP/AVP 96\r\na=rtpmap:96 telephone-event/8000\r\n"),
        SdpRefusal::NoCommonCodec
    );
    assert_eq!(
        refusal("m=audio 5004 RTP/SAVP 0\r\n"),
        SdpRefusal::EncryptedOnly
    );
    assert_eq!(
        refusal("m=audio 5004 RTP/AVP 0\r\nc=IN IP4 224.0.0.5\r\n"),
        SdpRefusal::UnusableAddress
    );
    assert_eq!(
        refusal("m=audio 5004 RTP/AVP 0\r\nc=IN IP4 phone.example\r\n"),
        SdpRefusal::UnusableAddress
    );
    assert_eq!(
        refusal("m=audio 5004 RTP/AVP 0\r\nc=IN IP6 2001:db8::1\r\n"),
        SdpRefusal::UnusableAddress
    );
    assert!(matches!(
        session().answer("hello"),
        Err(SdpRefusal::Unreadable(_))
    ));
    assert!(matches!(
        session().answer(&"a=x\r\n".repeat(9_000)),
        Err(SdpRefusal::Unreadable(_))
    ));
    assert!(matches!(
        session().answer(&offer(&"m=audio 1 RTP/AVP 0\r\n".repeat(40))),
        Err(SdpRefusal::Unreadable(_))
    ));
    let mut ours = session();
    ours.offer();
    assert_eq!(
        ours.accept(&offer("m=audio 0 RTP/AVP 0\r\n")),
        Err(SdpRefusal::Declined)
    );
    assert_eq!(ours.accept(&offer("")), Err(SdpRefusal::NotAnAnswer));
}

#[test]
fn rtcp_shares_the_port_only_when_offered() {
    let (answer, agreed) = session()
        .answer(&offer("m=audio 5004 RTP/AVP 0\r\na=rtcp-mux\r\n"))
        .unwrap();
    assert!(agreed.rtcp_mux && answer.contains("a=rtcp-mux"));
    assert_eq!(agreed.remote_rtcp, agreed.remote);
    let (_, agreed) = session()
        .answer(&offer(
            "m=audio 5004 RTP/AVP 0\r\na=rtcp:9999 IN IP4 203.0.113.7\r\n",
        ))
        .unwrap();
    assert_eq!(agreed.remote_rtcp, "192.0.2.9:9999".parse().unwrap());
}

#[test]
fn an_answer_after_crossed_offers_is_refused_without_harm() {
    let mut session = session();
    session.offer();
    let before = "m=video 5002 RTP/AVP 96\r\n";
    session.answer(&offer(&format!("{before}{PHONE}"))).unwrap();
    assert_eq!(session.accept(&offer(PHONE)), Err(SdpRefusal::NotAnAnswer));
}

/// Where a description may lead us: to one host, at a port, or nowhere.
fn is_proper(to: SocketAddr) -> bool {
    let broadcast = matches!(to.ip(), IpAddr::V4(ip) if ip.is_broadcast());
    !broadcast && !to.ip().is_multicast() && to.port() != 0
}

#[test]
fn hostile_descriptions_are_refused_or_made_the_best_of() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../fixtures/sdp-hostile/");
    let index = std::fs::read_to_string(format!("{folder}index.tsv")).unwrap();
    let mut tried = 0;
    for line in index.lines().skip(1) {
        let (file, rest) = line.split_once('\t').unwrap();
        let class = rest.split('\t').next().unwrap();
        let bytes = std::fs::read(format!("{folder}{file}")).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        let as_offer = session().answer(&text).map(|(_, agreed)| agreed);
        let mut offering = session();
        offering.offer();
        let as_answer = offering.accept(&text);
        assert!(session().accept(&text).is_err(), "{file} answers no offer");
        match class {
            "refuse" => {
                assert!(as_offer.is_err(), "{file}");
                assert!(as_answer.is_err(), "{file}");
            }
            "either" => {}
            other => panic!("{file} is of no known class: {other}"),
        }
        for agreed in [as_offer, as_answer].into_iter().flatten() {
            assert!(is_proper(agreed.remote), "{file}: {}", agreed.remote);
            assert!(
                is_proper(agreed.remote_rtcp),
                "{file}: {}",
                agreed.remote_rtcp
            );
            assert!(
                usize::from(agreed.packet_units) <= crate::limits::PACKET_UNITS_MAX,
                "{file}"
            );
        }
        tried += 1;
    }
    assert!(tried > 60, "{tried}");
}

proptest! {
    #[test]
    fn no_text_panics(text in "(?s).{0,400}") {
        let _ = session().answer(&text);
        let mut ours = session();
        ours.offer();
        let _ = ours.accept(&text);
    }

    #[test]
    fn no_mutation_of_an_offer_panics(at in 0_usize..200, byte in any::<u8>(), cut in 0_usize..200) {
        let mut bytes = offer(PHONE).into_bytes();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut % bytes.len());
        let text = String::from_utf8_lossy(&bytes);
        if let Ok((answer, _)) = session().answer(&text) {
            prop_assert!(sipx_sdp::parse(&answer).is_ok());
        }
    }
}
