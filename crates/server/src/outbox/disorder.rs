//! Notifications as production sends them, and not as its documentation says: for bots that want to
//! be tested against it.
//!
//! ```text
//!   establishing  established  roster  …  terminated       as decided
//!   Established  establishing  Established  roster  …  terminated
//!   └── each may come once more, and may be overtaken by the one behind it ──┘
//! ```
//!
//! Words change their case, ids lose their dashes, one of the two forms of a path is left out. What
//! happens is told by a seed: the same seed and the same events make the same sequence. What ends
//! something is told once, and after everything that was decided before it.

use serde_json::Value;

use super::queue::Weight;

/// What one leg's notifications go through.
#[derive(Debug)]
pub(super) struct Disorder {
    /// SplitMix64: small, and good enough to be unpredictable for a bot.
    state: u64,
    /// An update that waits for the next one to overtake it.
    held: Option<Value>,
}

impl Disorder {
    /// The disorder of a bot's leg that is the `nth`.
    pub(super) fn new(seed: u64, nth: u64) -> Self {
        Self {
            state: seed ^ nth.wrapping_mul(0x9e37_79b9_7f4a_7c15),
            held: None,
        }
    }

    /// What is to be sent now that this was decided.
    pub(super) fn next(&mut self, told: Value, weight: Weight) -> Vec<(Value, Weight)> {
        let again = (is_established(&told) && self.chance()).then(|| told.clone());
        let told = self.reworded(told);
        let mut out = Vec::with_capacity(3);
        match (weight, self.held.take()) {
            (Weight::Update, Some(held)) => {
                out.push((told, weight));
                out.push((held, Weight::Update));
            }
            (Weight::Update, None) if again.is_none() && self.chance() => {
                self.held = Some(told);
            }
            (_, held) => {
                out.extend(held.map(|held| (held, Weight::Update)));
                out.push((told, weight));
            }
        }
        if let Some(again) = again {
            let again = self.reworded(again);
            out.push((again, Weight::Update));
        }
        out
    }

    /// Whether something waits to be overtaken.
    pub(super) fn is_holding(&self) -> bool {
        self.held.is_some()
    }

    /// Nothing has come: what was held is sent.
    pub(super) fn release(&mut self) -> Option<Value> {
        self.held.take()
    }

    fn reworded(&mut self, mut told: Value) -> Value {
        for path in [
            "/changeType",
            "/resourceData/state",
            "/resourceData/mediaState/audio",
        ] {
            if self.chance()
                && let Some(Value::String(word)) = told.pointer_mut(path)
            {
                *word = capitalised(word);
            }
        }
        match self.roll() % 4 {
            0 => drop(
                told.as_object_mut()
                    .and_then(|told| told.remove("resource")),
            ),
            1 => undash(&mut told, "resourceUrl"),
            2 => undash(&mut told, "resource"),
            _ => {}
        }
        told
    }

    fn chance(&mut self) -> bool {
        self.roll() & 1 == 1
    }

    fn roll(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// Production announces this one several times; never those with news of their own.
fn is_established(told: &Value) -> bool {
    let data = &told["resourceData"];
    data["state"] == "established" && data["toneInfo"].is_null() && data["resultInfo"].is_null()
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

/// The ids of a path as older clients were sent them: `57DAB8B1894C409AB240BD8BEAE78896`.
fn undash(told: &mut Value, name: &str) {
    let Some(Value::String(path)) = told.get_mut(name) else {
        return;
    };
    let segments = path
        .split('/')
        .map(|segment| match segment.parse::<offhook_terms::LegId>() {
            Ok(_) => segment.replace('-', "").to_ascii_uppercase(),
            Err(_) => segment.to_owned(),
        });
    *path = segments.collect::<Vec<_>>().join("/");
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const ID: &str = "57dab8b1-894c-409a-b240-bd8beae78896";

    fn update(number: usize, state: &str) -> (Value, Weight) {
        let told = json!({"changeType": "updated", "resource": format!("/app/calls/{ID}"),
            "resourceUrl": format!("/communications/calls/{ID}"),
            "resourceData": {"state": state, "etag": number}});
        (told, Weight::Update)
    }

    fn ending(number: usize, weight: Weight) -> (Value, Weight) {
        let (mut told, _) = update(number, "terminated");
        told["changeType"] = json!("deleted");
        (told, weight)
    }

    fn number(told: &Value) -> usize {
        let number = told["resourceData"]["etag"].as_u64().expect("a number");
        usize::try_from(number).expect("small")
    }

    fn sent(seed: u64, nth: u64, told: &[(Value, Weight)]) -> Vec<(Value, Weight)> {
        let mut disorder = Disorder::new(seed, nth);
        let told = told.iter().cloned();
        let mut sent: Vec<_> = told
            .flat_map(|(told, weight)| disorder.next(told, weight))
            .collect();
        sent.extend(disorder.release().map(|held| (held, Weight::Update)));
        sent
    }

    fn course() -> Vec<(Value, Weight)> {
        vec![
            update(1, "establishing"),
            update(2, "established"),
            update(3, "established"),
            ending(4, Weight::Ending),
            update(5, "terminating"),
            ending(6, Weight::Last),
        ]
    }

    #[test]
    fn the_same_seed_makes_the_same_sequence() {
        assert_eq!(sent(7, 1, &course()), sent(7, 1, &course()));
        let others = (0..20).map(|seed| sent(seed, 1, &course()));
        assert!(others.clone().any(|other| other != sent(7, 1, &course())));
        let legs = (0..20).map(|nth| sent(7, nth, &course()));
        assert!(legs.clone().any(|other| other != sent(7, 1, &course())));
    }

    type Does<'a> = &'a dyn Fn(&[(Value, Weight)]) -> bool;

    #[test]
    fn everything_production_does_is_done() {
        let all: Vec<_> = (0..100).map(|seed| sent(seed, 0, &course())).collect();
        let numbers = |sent: &[(Value, Weight)]| -> Vec<usize> {
            sent.iter().map(|(told, _)| number(told)).collect()
        };
        let some = |does: Does<'_>| all.iter().any(|sent| does(sent));
        assert!(some(&|sent| numbers(sent).starts_with(&[2, 1])), "swapped");
        assert!(some(&|sent| sent.len() > course().len()), "repeated");
        for (what, does) in [
            ("changeType", "Updated"),
            ("changeType", "Deleted"),
            ("changeType", "updated"),
        ] {
            assert!(
                some(&|sent| sent.iter().any(|(told, _)| told[what] == does)),
                "{does}"
            );
        }
        let of = |told: &Value, path| told.pointer(path).cloned().unwrap_or_default();
        assert!(some(&|sent| sent
            .iter()
            .any(
                |(told, _)| of(told, "/resourceData/state") == "Established"
            )));
        assert!(some(&|sent| sent
            .iter()
            .any(|(told, _)| told.get("resource").is_none())));
        let undashed = "/communications/calls/57DAB8B1894C409AB240BD8BEAE78896";
        assert!(some(&|sent| sent
            .iter()
            .any(|(told, _)| told["resourceUrl"] == undashed)));
    }

    proptest! {
        #[test]
        fn nothing_is_lost_and_endings_keep_their_place(
            seed: u64,
            kinds in prop::collection::vec(0..4_u8, 0..40),
        ) {
            let mut told: Vec<_> = kinds
                .iter()
                .enumerate()
                .map(|(number, kind)| match kind {
                    0 => update(number, "establishing"),
                    1 => update(number, "established"),
                    2 => update(number, "hold"),
                    _ => ending(number, Weight::Ending),
                })
                .collect();
            told.push(ending(told.len(), Weight::Last));
            let sent = sent(seed, 0, &told);
            for (number, (_, weight)) in told.iter().enumerate() {
                let at = |sent: &[(Value, Weight)]| sent.iter().position(|(told, _)| super::tests::number(told) == number);
                let first = at(&sent);
                prop_assert!(first.is_some(), "{number} was lost");
                let first = first.unwrap_or_default();
                let before: Vec<_> = sent[..first].iter().map(|(told, _)| super::tests::number(told)).collect();
                if *weight != Weight::Update {
                    // Everything older is out, and of the newer nothing.
                    prop_assert!((0..number).all(|older| before.contains(&older)));
                    prop_assert!(before.iter().all(|other| *other < number));
                    prop_assert_eq!(sent.iter().filter(|(told, _)| super::tests::number(told) == number).count(), 1);
                } else {
                    // Overtaken by the one behind it at most.
                    prop_assert!(before.iter().all(|other| *other <= number + 1));
                }
            }
        }
    }
}
