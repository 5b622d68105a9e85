//! The words hold what they promise.

use offhook_terms::{LegId, Tone};

#[test]
fn both_spellings_of_an_id_are_the_same_id() {
    let plain: LegId = "57DAB8B1894C409AB240BD8BEAE78896"
        .parse()
        .expect("32 digits");
    let dashed: LegId = "57dab8b1-894c-409a-b240-bd8beae78896"
        .parse()
        .expect("dashed");
    assert_eq!(plain, dashed);
    assert!("57dab8b1".parse::<LegId>().is_err());
    assert!(
        "57DAB8B1894C409AB240BD8BEAE788960"
            .parse::<LegId>()
            .is_err()
    );
    assert!("57DAB8B1894C409AB240BD8BEAE7889Z".parse::<LegId>().is_err());
}

#[test]
fn tones_know_their_keys() {
    for symbol in "0123456789*#ABCD".chars() {
        assert_eq!(Tone::from_symbol(symbol).expect("a key").symbol(), symbol);
    }
    assert_eq!(Tone::from_symbol('d').map(Tone::event), Some(15));
    assert_eq!(Tone::from_symbol('e'), None);
    assert_eq!(Tone::from_event(16), None);
    assert_eq!(
        format!("{:?}", Tone::from_event(5)),
        "Some(Tone(<private>))"
    );
}
