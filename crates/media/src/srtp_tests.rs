use super::*;
use proptest::prelude::*;
use sipx_rtp::srtp::{Context, Profile};

const A: [u8; KEY_BYTES] = *b"0123456789abcdefsalt-salt-salt";
const B: [u8; KEY_BYTES] = *b"fedcba9876543210atlas-atlas-at";

fn pair(suite: Suite) -> (Srtp, Srtp) {
    let (ours, theirs) = (Key::from_bytes(A), Key::from_bytes(B));
    (
        Srtp::new(Protection {
            suite,
            ours,
            theirs,
        }),
        Srtp::new(Protection {
            suite,
            ours: theirs,
            theirs: ours,
        }),
    )
}

fn other(key: [u8; KEY_BYTES]) -> Context {
    Context::new(Profile::AesCm128HmacSha1_80, &key[..16], &key[16..]).unwrap()
}

fn packet(sequence: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0; 12];
    crate::rtp::write_header(
        &mut packet,
        false,
        0,
        sequence,
        u32::from(sequence) * 160,
        7,
    );
    packet.extend_from_slice(payload);
    packet
}

fn protected(srtp: &mut Srtp, plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + TAG_BYTES_MAX, 0);
    let length = srtp.protect(&mut bytes, plain.len(), 12);
    bytes.truncate(length);
    bytes
}

fn opened(srtp: &mut Srtp, packet: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = packet.to_vec();
    let length = srtp.open(&mut bytes, 12)?;
    bytes.truncate(length);
    Some(bytes)
}

fn reports(srtp: &mut Srtp, plain: &[u8]) -> Vec<u8> {
    let mut bytes = plain.to_vec();
    bytes.resize(plain.len() + REPORT_BYTES_ADDED, 0);
    let length = srtp.protect_reports(&mut bytes, plain.len());
    bytes.truncate(length);
    bytes
}

fn opened_reports(srtp: &mut Srtp, packet: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = packet.to_vec();
    let length = srtp.open_reports(&mut bytes)?;
    bytes.truncate(length);
    Some(bytes)
}

#[test]
fn the_key_derivation_of_the_standard_holds() {
    // RFC 3711 appendix B.3.
    let mut key = [0; KEY_BYTES];
    let words: [u128; 2] = [
        0xE1F9_7A0D_3E01_8BE0_D64F_A32C_06DE_4139,
        0x0EC6_75AD_498A_FEEB_B696_0B3A_ABE6 << 16,
    ];
    key[..16].copy_from_slice(&words[0].to_be_bytes());
    key[16..].copy_from_slice(&words[1].to_be_bytes()[..14]);
    let keys = KeySet::derive(&Key::from_bytes(key), 0);
    let salt = 0x30CB_BC08_863D_8C85_D49D_B34A_9AE1_u128 << 16;
    assert_eq!(keys.salt, salt.to_be_bytes()[..14]);
    let mut block = Block::from([0; 16]);
    keys.cipher.encrypt_block(&mut block);
    let mut expected = Block::from([0; 16]);
    Aes128::new(
        &0xC61E_7A93_744F_39EE_1073_4AFE_3FF7_A087_u128
            .to_be_bytes()
            .into(),
    )
    .encrypt_block(&mut expected);
    assert_eq!(block, expected);
}

#[test]
fn another_implementation_understands_us_and_we_it_through_a_rollover() {
    let (mut ours, _) = pair(Suite::AesCm128HmacSha1_80);
    let (mut hears_us, mut says) = (other(A), other(B));
    for n in 0..200_u16 {
        let plain = packet(65_500_u16.wrapping_add(n), &[n as u8; 160]);
        let secret = protected(&mut ours, &plain);
        assert_ne!(secret[12..172], plain[12..]);
        assert_eq!(hears_us.unprotect(&secret).unwrap(), plain);
        let secret = says.protect(&plain).unwrap();
        assert_eq!(opened(&mut ours, &secret).unwrap(), plain);
    }
    let mut report = vec![0x80, 201, 0, 7];
    report.extend_from_slice(&[5; 28]);
    for _ in 0..3 {
        let secret = reports(&mut ours, &report);
        assert_eq!(hears_us.unprotect_rtcp(&secret).unwrap(), report);
        let secret = says.protect_rtcp(&report).unwrap();
        assert_eq!(opened_reports(&mut ours, &secret).unwrap(), report);
    }
}

#[test]
fn both_suites_lose_reorder_and_refuse_what_was_heard_or_altered() {
    for suite in Suite::ALL {
        let (mut a, mut b) = pair(suite);
        let secret: Vec<Vec<u8>> = (0..400_u16)
            .map(|n| protected(&mut a, &packet(65_400_u16.wrapping_add(n), &[n as u8; 50])))
            .collect();
        assert_eq!(secret[0].len(), 62 + suite.tag_bytes());
        for n in (0..400).step_by(2) {
            // Every other pair in the wrong order, every tenth lost.
            for at in [n + 1, n] {
                if at % 10 == 7 {
                    continue;
                }
                let plain = opened(&mut b, &secret[at]).unwrap();
                assert_eq!(plain[12..], [at as u8; 50]);
                assert_eq!(opened(&mut b, &secret[at]), None, "{at} again");
            }
        }
        for at in 0..secret[399].len() {
            let (_, mut fresh) = pair(suite);
            // A first packet has no round before it.
            let mut altered = protected(&mut pair(suite).0, &packet(9, &[1; 50]));
            altered[at % 62] ^= 1;
            assert_eq!(opened(&mut fresh, &altered), None, "{at}");
        }
        assert_eq!(opened(&mut b, &secret[0]), None, "too old");
        let report = reports(&mut a, &[0x80, 201, 0, 1, 0, 0, 0, 7]);
        assert!(opened_reports(&mut b, &report).is_some());
        assert_eq!(opened_reports(&mut b, &report), None);
    }
}

#[test]
fn a_stranger_with_another_stream_does_not_disturb() {
    let (mut a, mut b) = pair(Suite::AesCm128HmacSha1_80);
    for n in 0..100_u16 {
        let secret = protected(&mut a, &packet(n, &[1; 20]));
        let mut noise = secret.clone();
        noise[8..12].copy_from_slice(&(1_000 + u32::from(n)).to_be_bytes());
        assert_eq!(opened(&mut b, &noise), None);
        assert!(opened(&mut b, &secret).is_some());
    }
}

#[test]
fn what_goes_on_under_the_same_key_goes_on_where_it_was() {
    let (mut a, mut b) = pair(Suite::AesCm128HmacSha1_80);
    for n in [65_534, 65_535, 0, 1] {
        let secret = protected(&mut a, &packet(n, &[1; 20]));
        assert!(opened(&mut b, &secret).is_some());
    }
    let mut again = Srtp::new(a.protection);
    again.go_on(&mut a);
    let renewed = Protection {
        ours: Key::fresh(),
        ..b.protection
    };
    let mut hears = Srtp::new(renewed);
    hears.go_on(&mut b);
    let secret = protected(&mut again, &packet(2, &[1; 20]));
    assert!(opened(&mut hears, &secret).is_some());
}

proptest! {
    #[test]
    fn no_packet_panics(bytes in proptest::collection::vec(any::<u8>(), 0..120), header in 0_usize..100) {
        let (mut a, _) = pair(Suite::AesCm128HmacSha1_32);
        let _ = a.open(&mut bytes.clone(), header);
        let _ = a.open_reports(&mut bytes.clone());
    }
}
