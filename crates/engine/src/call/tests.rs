//! What cannot be seen from outside yet, or needs two calls by the hand.

use std::time::Instant;

use offhook_terms::{AppId, CallId, LegId, OperationId, Private, Tone};

use super::{Call, Output};
use crate::limits::ENDED_OPERATIONS_KEPT;
use crate::{
    Arrival, AtOnce, Command, Description, Ending, Fact, LegState, MediaEvent, MediaRequest, Party,
    Prompt, Refusal, Signal,
};

const PHONE: LegId = LegId::from_bits(1);
const BOT: LegId = LegId::from_bits(2);

/// Any instant will do for zero, and there is no other way to come by one.
#[allow(clippy::disallowed_methods)]
fn zero() -> Instant {
    Instant::now()
}

fn ringing() -> Call {
    let arrival = Arrival {
        call: CallId::from_bits(1),
        caller_leg: PHONE,
        caller: Party::Guest {
            name: Private::new("Ada".into()),
        },
        offer: Some(Description::new("offer")),
        bot_leg: BOT,
        bot: AppId::from_bits(1),
    };
    let mut call = Call::arrived(arrival, zero());
    let description = Description::new("ours");
    let opened = MediaEvent::Opened {
        leg: PHONE,
        description,
    };
    call.handle_media(opened, zero());
    drain(&mut call);
    call
}

fn talking() -> Call {
    let mut call = ringing();
    let answered = call.handle_command(
        BOT,
        Command::Answer {
            hosting: crate::Hosting::Service,
        },
        zero(),
    );
    answered.expect("an incoming call can be answered");
    call.handle_signal(PHONE, Signal::Confirmed { answer: None }, zero());
    drain(&mut call);
    call
}

fn drain(call: &mut Call) -> Vec<Output> {
    std::iter::from_fn(|| call.poll()).collect()
}

/// The bot asks for tones. The number is out of the way of others.
fn subscribe(call: &mut Call) {
    let command = Command::AtOnce {
        operation: OperationId::from_bits(1_000),
        what: AtOnce::SubscribeToTones,
        context: None,
    };
    call.handle_command(BOT, command, zero())
        .expect("it stands");
    drain(call);
}

/// The tones a bot is told of, as their numbers and symbols.
fn tones(outputs: Vec<Output>) -> Vec<(u64, char)> {
    let facts = outputs.into_iter().filter_map(|output| match output {
        Output::Event(event) => Some(event.fact),
        _ => None,
    });
    let tones = facts.filter_map(|fact| match fact {
        Fact::ToneHeard { sequence, tone } => Some((sequence, tone.symbol())),
        _ => None,
    });
    tones.collect()
}

fn press(call: &mut Call, symbol: char, in_audio: bool) {
    let tone = Tone::from_symbol(symbol).expect("it is a key");
    match in_audio {
        true => call.handle_media(MediaEvent::ToneHeard { leg: PHONE, tone }, zero()),
        false => call.handle_signal(PHONE, Signal::ToneHeard(tone), zero()),
    }
}

#[test]
fn a_key_press_that_comes_both_ways_is_told_once() {
    let mut call = talking();
    subscribe(&mut call);
    for symbol in ['4', '2'] {
        press(&mut call, symbol, true);
        press(&mut call, symbol, false);
    }
    assert_eq!(tones(drain(&mut call)), [(1, '4'), (2, '2')]);
}

#[test]
fn a_phone_that_signals_its_tones_is_heard_too() {
    let mut call = talking();
    subscribe(&mut call);
    press(&mut call, '*', false);
    press(&mut call, '*', false);
    assert_eq!(tones(drain(&mut call)), [(1, '*'), (2, '*')]);
}

/// The tones the audio is told of, because it cannot hear them itself.
fn handed_on(outputs: Vec<Output>) -> Vec<char> {
    let tones = outputs.into_iter().filter_map(|output| match output {
        Output::Media(MediaRequest::ToneSignalled { leg: PHONE, tone }) => Some(tone.symbol()),
        _ => None,
    });
    tones.collect()
}

#[test]
fn a_recording_hears_of_signalled_tones_whoever_listens_to_them() {
    let mut call = talking();
    press(&mut call, '#', false);
    assert_eq!(handed_on(drain(&mut call)), ['#']);
}

#[test]
fn a_recording_is_not_told_of_what_it_hears_itself() {
    let mut call = talking();
    press(&mut call, '#', true);
    press(&mut call, '#', false);
    assert_eq!(handed_on(drain(&mut call)), []);
}

#[test]
fn a_bot_that_did_not_ask_for_tones_is_told_none() {
    let mut call = talking();
    press(&mut call, '1', true);
    assert_eq!(drain(&mut call), []);
}

#[test]
fn a_phone_that_was_not_answered_cannot_be_released() {
    let mut call = ringing();
    assert!(call.release(PHONE, zero()).is_none());
    assert_eq!(drain(&mut call), []);
}

#[test]
fn a_fault_of_ours_ends_the_call() {
    let mut call = talking();
    call.handle_fault(zero());
    assert!(drain(&mut call).contains(&Output::Over {
        ending: Ending::Fault,
        was_established: true,
    }));
    assert_eq!(
        call.leg(BOT).map(|leg| leg.state),
        Some(LegState::Terminated)
    );
}

#[test]
fn a_bot_has_no_leg_before_it_is_told() {
    let arrival = Arrival {
        call: CallId::from_bits(1),
        caller_leg: PHONE,
        caller: Party::Phone {
            number: Private::new("+14255550100".into()),
        },
        offer: None,
        bot_leg: BOT,
        bot: AppId::from_bits(1),
    };
    let mut call = Call::arrived(arrival, zero());
    assert_eq!(call.leg(BOT), None);
    let answered = call.handle_command(
        BOT,
        Command::Answer {
            hosting: crate::Hosting::Service,
        },
        zero(),
    );
    assert_eq!(answered, Err(Refusal::NoSuchLeg));
}

#[test]
fn ended_operations_are_remembered_up_to_a_bound() {
    let mut call = talking();
    for number in 0..=ENDED_OPERATIONS_KEPT {
        let operation = OperationId::from_bits(number as u128);
        let play = Command::Play {
            operation,
            prompts: vec![Prompt {
                uri: "http://bot.example/prompt.wav".into(),
                resource_id: None,
            }],
            for_ever: false,
            context: None,
        };
        call.handle_command(BOT, play, zero()).expect("it stands");
        let prepared = MediaEvent::Prepared {
            operation,
            index: 0,
        };
        call.handle_media(prepared, zero());
        call.handle_media(MediaEvent::Played { operation }, zero());
    }
    let oldest = OperationId::from_bits(0);
    assert_eq!(call.operation(BOT, oldest), None);
    let remembered = call.operations(BOT);
    assert_eq!(remembered.len(), ENDED_OPERATIONS_KEPT);
    assert_eq!(remembered[0].operation, OperationId::from_bits(1));
}
