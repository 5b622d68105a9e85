//! Tokens and key sets of strangers. The first octet says how far the rest gets: it is a whole
//! header line, the claims of a token that is properly signed, or the key set of an issuer.

#![no_main]

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use libfuzzer_sys::fuzz_target;
use offhook_identity::{
    AccessRules, KeySet, NotificationRules, PublicKey, SigningKey, SigningKeys, bearer,
};
use offhook_wire::openid::JsonWebKeySet;

/// Past the signature is where the claims are read, and a fuzzer cannot sign.
static KEYS: LazyLock<SigningKeys> =
    LazyLock::new(|| SigningKeys::new(SigningKey::generate().expect("a key can be made")));

static PUBLISHED: LazyLock<KeySet> = LazyLock::new(|| KeySet::new(KEYS.public_keys()));

fuzz_target!(|bytes: &[u8]| {
    let Some((what, rest)) = bytes.split_first() else {
        return;
    };
    let Ok(text) = str::from_utf8(rest) else {
        return;
    };
    match what % 3 {
        0 => {
            if let Ok(token) = bearer(Some(text)) {
                judge(token, &PUBLISHED);
            }
        }
        1 => {
            let Ok(claims) = serde_json::from_str::<serde_json::Value>(text) else {
                return;
            };
            if let Ok(token) = KEYS.sign(&claims) {
                judge(&token, &PUBLISHED);
            }
        }
        _ => {
            let Ok(published) = serde_json::from_str::<JsonWebKeySet>(text) else {
                return;
            };
            let keys = KeySet::new(published.keys.into_iter().filter_map(|key| {
                Some(PublicKey {
                    kid: key.kid?,
                    n: key.n?,
                    e: key.e?,
                    endorsements: Vec::new(),
                })
            }));
            // A token that names whichever key this set has.
            judge("eyJhbGciOiJSUzI1NiIsImtpZCI6ImsifQ.e30.c2ln", &keys);
        }
    }
});

fn judge(token: &str, keys: &KeySet) {
    for now in [UNIX_EPOCH, now(), now() + Duration::from_secs(1 << 40)] {
        let _ = AccessRules::graph([ISSUER.to_owned()]).check(token, keys, now);
        let _ = NotificationRules::new("bot").check(token, keys, now);
    }
}

const ISSUER: &str = "https://issuer.example";

/// A moment of our own, so that a finding can be repeated.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_800_000_000)
}
