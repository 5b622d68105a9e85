use proptest::prelude::*;

use super::*;

const VERBS: [TapeVerb; 4] = [
    TapeVerb::Start,
    TapeVerb::Pause,
    TapeVerb::Resume,
    TapeVerb::Stop,
];

fn command(verb: TapeVerb, number: usize) -> TapeCommand {
    TapeCommand {
        verb,
        name: format!("{verb:?}"),
        command: None,
        activity: number.to_string(),
        channels: None,
        metadata: None,
    }
}

fn judged(tape: &mut Tape, verb: TapeVerb) -> Result<u64, TapeRefusal> {
    match tape.command(command(verb, 0), true) {
        Judged::Do(order) => {
            assert_eq!(order.verb, verb);
            Ok(order.ticket)
        }
        Judged::Refused(_, why) => Err(why),
        Judged::Waits => panic!("it is open"),
    }
}

#[test]
fn every_command_in_every_state() {
    use TapeRefusal::{AlreadyInProgress, AlreadyPaused, NotStarted};
    let idle: &[TapeVerb] = &[];
    let running = &[TapeVerb::Start];
    let paused = &[TapeVerb::Start, TapeVerb::Pause];
    for (before, verb, outcome) in [
        (idle, TapeVerb::Start, Ok(())),
        (idle, TapeVerb::Pause, Err(NotStarted)),
        (idle, TapeVerb::Resume, Err(NotStarted)),
        (idle, TapeVerb::Stop, Err(NotStarted)),
        (running, TapeVerb::Start, Err(AlreadyInProgress)),
        (running, TapeVerb::Pause, Ok(())),
        (running, TapeVerb::Resume, Err(AlreadyInProgress)),
        (running, TapeVerb::Stop, Ok(())),
        (paused, TapeVerb::Start, Err(AlreadyInProgress)),
        (paused, TapeVerb::Pause, Err(AlreadyPaused)),
        (paused, TapeVerb::Resume, Ok(())),
        (paused, TapeVerb::Stop, Ok(())),
    ] {
        let mut tape = Tape::default();
        for verb in before {
            judged(&mut tape, *verb).expect("allowed");
        }
        assert_eq!(
            judged(&mut tape, verb).map(drop),
            outcome,
            "{verb:?} after {before:?}"
        );
    }
}

#[test]
fn what_comes_too_late_for_one_recording_says_nothing_of_the_next() {
    let mut tape = Tape::default();
    let first = judged(&mut tape, TapeVerb::Start).expect("idle");
    judged(&mut tape, TapeVerb::Stop).expect("running");
    judged(&mut tape, TapeVerb::Start).expect("idle");
    let (_, refusal) = tape.answered(first, false).expect("owed");
    assert_eq!(refusal, Some(TapeRefusal::NotWritten));
    judged(&mut tape, TapeVerb::Pause).expect("the second one runs");
}

#[test]
fn a_recording_that_breaks_can_be_started_again() {
    let mut tape = Tape::default();
    judged(&mut tape, TapeVerb::Start).expect("idle");
    tape.broken();
    assert_eq!(
        judged(&mut tape, TapeVerb::Pause),
        Err(TapeRefusal::NotStarted)
    );
    judged(&mut tape, TapeVerb::Start).expect("idle");
}

#[derive(Debug, Clone)]
enum Step {
    Command(usize),
    Answer { oldest: bool, is_done: bool },
    Breaks,
    Opens,
    CallEnds,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..VERBS.len()).prop_map(Step::Command),
        4 => (any::<bool>(), prop::bool::weighted(0.8))
            .prop_map(|(oldest, is_done)| Step::Answer { oldest, is_done }),
        1 => Just(Step::Breaks),
        1 => Just(Step::Opens),
        1 => Just(Step::CallEnds),
    ]
}

proptest! {
    /// Whatever comes in whatever order: every command has exactly one result, and the orders of a
    /// recording make sense to whoever writes it.
    #[test]
    fn every_command_has_one_result(steps in prop::collection::vec(step(), 0..120)) {
        let mut tape = Tape::default();
        let (mut sent, mut results, mut orders) = (0, Vec::new(), Vec::new());
        let mut is_open = false;
        let take = |judged, results: &mut Vec<String>, orders: &mut Vec<TapeOrder>| match judged {
            Judged::Do(order) => orders.push(order),
            Judged::Refused(command, _) => results.push(command.activity),
            Judged::Waits => {}
        };
        for step in steps.into_iter().chain([Step::CallEnds]) {
            match step {
                Step::Command(verb) => {
                    sent += 1;
                    let judged = tape.command(command(VERBS[verb], sent), is_open);
                    take(judged, &mut results, &mut orders);
                }
                Step::Answer { oldest, is_done } => {
                    let owed = match oldest {
                        true => tape.owed.front(),
                        false => tape.owed.back(),
                    };
                    if let Some(ticket) = owed.map(|owed| owed.ticket) {
                        let (command, _) = tape.answered(ticket, is_done).expect("it is owed");
                        results.push(command.activity);
                        prop_assert!(tape.answered(ticket, is_done).is_none());
                    }
                }
                Step::Breaks => tape.broken(),
                Step::Opens => {
                    is_open = true;
                    while let Some(judged) = tape.next_early() {
                        take(judged, &mut results, &mut orders);
                    }
                }
                Step::CallEnds => results.extend(tape.over().map(|command| command.activity)),
            }
            prop_assert!(tape.owed.len() + tape.early.len() <= limits::TAPE_COMMANDS_MAX);
        }
        let mut all: Vec<usize> = results.iter().map(|one| one.parse().expect("a number")).collect();
        all.sort_unstable();
        prop_assert_eq!(all, (1..=sent).collect::<Vec<_>>());
        // A recording is resumed only after a pause, and nothing but a start follows its stop.
        let mut before = TapeVerb::Stop;
        for order in orders {
            let fits = match order.verb {
                TapeVerb::Start => true,
                TapeVerb::Pause => matches!(before, TapeVerb::Start | TapeVerb::Resume),
                TapeVerb::Resume => before == TapeVerb::Pause,
                TapeVerb::Stop => before != TapeVerb::Stop,
            };
            prop_assert!(fits, "{:?} after {before:?}", order.verb);
            before = order.verb;
        }
    }
}
