//! Tokens as they are checked: the good one, and one for every way to be bad.

use std::sync::LazyLock;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use offhook_identity::limits::{ACCESS_TOKEN_LIFETIME, CLOCK_SKEW};
use offhook_identity::{
    AccessGrant, AccessRules, KeySet, NotificationGrant, NotificationRules, SigningKey,
    SigningKeys, TokenFault, bearer,
};
use proptest::prelude::*;
use serde_json::json;

const ISSUER: &str = "https://login.example.org/the-tenant/v2.0";

static KEYS: LazyLock<SigningKeys> =
    LazyLock::new(|| SigningKeys::new(SigningKey::generate().expect("this machine makes keys")));

fn published() -> KeySet {
    KeySet::new(KEYS.public_keys())
}

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_790_000_000)
}

fn grant() -> AccessGrant {
    AccessGrant::new(
        ISSUER,
        "app",
        "tenant",
        vec!["Calls.AccessMedia.All".into()],
    )
}

fn rules() -> AccessRules {
    AccessRules::graph([ISSUER.to_owned()])
}

fn issue(grant: &AccessGrant) -> String {
    let minted = grant.issue(&KEYS, now()).expect("our key signs");
    minted.token.into_inner()
}

fn fault(token: &str, at: SystemTime) -> TokenFault {
    rules()
        .check(token, &published(), at)
        .expect_err("a bad token")
}

#[test]
fn a_good_token_says_what_was_granted() {
    let claims = rules().check(&issue(&grant()), &published(), now());
    let claims = claims.expect("a good token");
    assert_eq!(claims.app_id, "app");
    assert_eq!(claims.tenant, "tenant");
    assert!(claims.has_role("Calls.AccessMedia.All"));
    assert!(!claims.has_role("Calls.Initiate.All"));
}

#[test]
fn lifetimes_are_kept_with_five_minutes_of_allowance() {
    let token = issue(&grant());
    let end = now() + ACCESS_TOKEN_LIFETIME + CLOCK_SKEW;
    assert!(
        rules()
            .check(&token, &published(), end - Duration::from_secs(1))
            .is_ok()
    );
    assert_eq!(fault(&token, end), TokenFault::Expired);
    let early = now() - CLOCK_SKEW;
    assert!(rules().check(&token, &published(), early).is_ok());
    assert_eq!(
        fault(&token, early - Duration::from_secs(1)),
        TokenFault::NotYet
    );
}

#[test]
fn another_issuer_or_audience_is_refused() {
    let mut other = grant();
    other.issuer = "https://elsewhere.example.org".into();
    assert_eq!(fault(&issue(&other), now()), TokenFault::WrongIssuer);
    let mut other = grant();
    other.audience = "https://elsewhere.example.org".into();
    assert_eq!(fault(&issue(&other), now()), TokenFault::WrongAudience);
}

#[test]
fn another_key_is_unknown_and_another_signature_is_bad() {
    let theirs = SigningKeys::new(SigningKey::generate().expect("this machine makes keys"));
    let token = grant().issue(&theirs, now()).expect("their key signs");
    assert_eq!(fault(token.token.reveal(), now()), TokenFault::UnknownKey);

    let ours = issue(&grant());
    let (signed_part, _) = ours.rsplit_once('.').expect("a JWT has dots");
    let mut other = grant();
    other.app_id = "another".into();
    let others = issue(&other);
    let (_, their_signature) = others.rsplit_once('.').expect("a JWT has dots");
    let mixed = format!("{signed_part}.{their_signature}");
    assert_eq!(fault(&mixed, now()), TokenFault::BadSignature);
}

#[test]
fn claims_are_needed_in_their_form() {
    let cases = [
        (
            json!({"iss": ISSUER, "aud": "https://graph.microsoft.com", "appid": "a", "tid": "t"}),
            TokenFault::Malformed,
        ),
        (
            json!({"iss": ISSUER, "aud": "https://graph.microsoft.com", "appid": "a", "tid": "t", "exp": "soon"}),
            TokenFault::Malformed,
        ),
        (
            json!({"iss": ISSUER, "appid": "a", "tid": "t", "exp": 1_790_000_100}),
            TokenFault::WrongAudience,
        ),
        (
            json!({"aud": "https://graph.microsoft.com", "appid": "a", "tid": "t", "exp": 1_790_000_100}),
            TokenFault::WrongIssuer,
        ),
        (
            json!({"iss": ISSUER, "aud": "https://graph.microsoft.com", "appid": "a", "exp": 1_790_000_100}),
            TokenFault::MissingTenant,
        ),
        (
            json!({"iss": ISSUER, "aud": "https://graph.microsoft.com", "tid": "t", "exp": 1_790_000_100}),
            TokenFault::MissingApp,
        ),
    ];
    for (claims, expected) in cases {
        let token = KEYS.sign(&claims).expect("our key signs");
        assert_eq!(fault(&token, now()), expected, "{claims}");
    }
    let several = json!({"iss": ISSUER, "aud": ["x", "https://graph.microsoft.com/"], "azp": "a",
        "tid": "t", "exp": 1_790_000_100.5});
    let token = KEYS.sign(&several).expect("our key signs");
    let claims = rules().check(&token, &published(), now());
    assert_eq!(claims.expect("a good token").app_id, "a");
}

#[test]
fn what_the_key_before_signed_stays_good() {
    let mut keys = KEYS.clone();
    let token = issue(&grant());
    keys.rotate(SigningKey::generate().expect("this machine makes keys"));
    let both = KeySet::new(keys.public_keys());
    assert!(rules().check(&token, &both, now()).is_ok());
    let newer = grant().issue(&keys, now()).expect("our key signs");
    assert!(rules().check(newer.token.reveal(), &both, now()).is_ok());
    assert_eq!(fault(newer.token.reveal(), now()), TokenFault::UnknownKey);
}

#[test]
fn a_notification_token_must_name_its_tenant() {
    let rules = NotificationRules::new("app");
    let minted = NotificationGrant::new("app", "tenant").issue(&KEYS, now());
    let minted = minted.expect("our key signs");
    let claims = rules.check(minted.token.reveal(), &published(), now());
    assert_eq!(claims.expect("a good token").tenant, "tenant");
    assert!(!minted.is_due(now()));
    assert!(minted.is_due(now() + Duration::from_secs(56 * 60)));

    let nameless = NotificationGrant::new("app", "").issue(&KEYS, now());
    let nameless = nameless.expect("our key signs");
    let fault = rules.check(nameless.token.reveal(), &published(), now());
    assert_eq!(fault, Err(TokenFault::MissingTenant));
}

#[test]
fn the_header_line_is_read_as_the_rfc_says() {
    assert_eq!(bearer(Some("Bearer abc")), Ok("abc"));
    assert_eq!(bearer(Some("bearer  abc ")), Ok("abc"));
    assert_eq!(bearer(None), Err(TokenFault::Missing));
    assert_eq!(bearer(Some("")), Err(TokenFault::Missing));
    assert_eq!(bearer(Some("Bearer ")), Err(TokenFault::Malformed));
    assert_eq!(bearer(Some("Basic abc")), Err(TokenFault::Malformed));
}

#[test]
fn unsigned_and_symmetric_tokens_are_refused() {
    // {"alg":"none"} and {"alg":"HS256"}, with a body that would be good.
    for header in ["eyJhbGciOiJub25lIn0", "eyJhbGciOiJIUzI1NiJ9"] {
        assert_eq!(
            fault(&format!("{header}.e30."), now()),
            TokenFault::Malformed
        );
    }
}

proptest! {
    #[test]
    fn no_text_is_a_panic(text in ".{0,200}") {
        let _ = bearer(Some(&text));
        prop_assert!(rules().check(&text, &published(), now()).is_err());
    }

    #[test]
    fn no_change_of_one_byte_passes(at in 0usize..600, to in "[A-Za-z0-9_.-]") {
        let token = issue(&grant());
        let at = at % token.len();
        let mut changed = token.clone();
        changed.replace_range(at..=at, &to);
        // The last letter of base64 may carry bits that nobody reads.
        prop_assume!(changed != token && at + 1 < token.len());
        prop_assert!(rules().check(&changed, &published(), now()).is_err());
    }
}
