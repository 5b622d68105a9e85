//! What cannot be seen from outside yet, or needs two calls by the hand.

use std::time::Instant;

use offhook_terms::{AppId, CallId, LegId, OperationId, Private, Tone};

use super::{Call, Output};
use crate::limits::{ENDED_OPERATIONS_KEPT, RINGS_FOR};
use crate::{
    Arrival, AtOnce, Command, Description, Ending, Fact, Invitee, LegState, MediaEvent,
    MediaRequest, Party, Placement, Prompt, Purpose, Refusal, Signal, SignalRequest,
};

const PHONE: LegId = LegId::from_bits(1);
const BOT: LegId = LegId::from_bits(2);
const OTHER_PHONE: LegId = LegId::from_bits(3);
const OTHER_BOT: LegId = LegId::from_bits(4);

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

/// A call whose phone is on its way to another one, and that other one.
fn moving() -> (Call, crate::ReleasedLeg) {
    let mut call = talking();
    let command = Command::TransferTo {
        transferee: None,
        replaces: OTHER_BOT,
    };
    call.handle_command(BOT, command, zero())
        .expect("the phone can go");
    assert!(drain(&mut call).contains(&Output::HandOver {
        leg: PHONE,
        to: OTHER_BOT,
        purpose: Purpose::Transfer,
    }));
    let released = call.release(PHONE, zero()).expect("it talks");
    drain(&mut call);
    (call, released)
}

#[test]
fn a_leg_that_nobody_asked_to_hand_over_stays() {
    let mut call = talking();
    assert!(call.release(PHONE, zero()).is_none());
    assert_eq!(drain(&mut call), []);
}

#[test]
fn a_call_that_everybody_has_left_waits_for_the_phone_that_is_on_its_way() {
    let (mut call, released) = moving();
    call.handle_command(BOT, Command::HangUp, zero())
        .expect("a bot may leave");
    let outputs = drain(&mut call);
    assert!(!outputs.iter().any(|one| matches!(one, Output::Over { .. })));

    call.take_back(released, zero());
    let outputs = drain(&mut call);
    let [
        Output::Signal(signal),
        Output::Media(media),
        Output::Over { .. },
    ] = outputs.as_slice()
    else {
        panic!("the phone is hung up and nothing else: {outputs:?}")
    };
    assert!(matches!(signal, SignalRequest::HangUp { leg: PHONE, .. }));
    assert_eq!(*media, MediaRequest::Close { leg: PHONE });
}

#[test]
fn a_call_that_is_stopped_ends_when_the_phone_on_its_way_has_arrived() {
    let (mut call, _released) = moving();
    call.handle_stop(zero());
    let outputs = drain(&mut call);
    assert!(!outputs.iter().any(|one| matches!(one, Output::Over { .. })));
    call.handle_taken(PHONE, zero());
    assert!(matches!(
        drain(&mut call).as_slice(),
        [Output::Over {
            ending: Ending::PlatformStopping,
            ..
        }]
    ));
}

#[test]
fn a_call_gives_back_what_it_has_no_use_for() {
    let (mut first, released) = moving();
    let mut over = talking();
    over.handle_stop(zero());
    drain(&mut over);
    let back = over.adopt(released, BOT, Purpose::Transfer, zero());
    let back = back.expect_err("nobody is there");
    assert_eq!(drain(&mut over), []);
    let mut ringing = ringing();
    let back = ringing.adopt(back, BOT, Purpose::Transfer, zero());
    let back = back.expect_err("nobody talks there");
    assert_eq!(drain(&mut ringing), []);

    first.take_back(back, zero());
    assert!(matches!(
        drain(&mut first).as_slice(),
        [Output::Event(event), ..]
            if matches!(event.fact, Fact::TransferFailed { consultative: true, .. })
    ));
}

/// A proposal that was being looked at when the leg moved is answered by its new call.
#[test]
fn a_leg_moves_with_its_open_proposal() {
    let mut first = talking();
    let offer = Some(Description::new("hold"));
    first.handle_signal(PHONE, Signal::Reoffered { offer }, zero());
    let command = Command::TransferTo {
        transferee: None,
        replaces: OTHER_BOT,
    };
    first
        .handle_command(BOT, command, zero())
        .expect("the phone can go");
    let released = first.release(PHONE, zero()).expect("it talks");
    let mut second = Call::placed(
        Placement {
            call: CallId::from_bits(2),
            bot_leg: OTHER_BOT,
            bot: AppId::from_bits(1),
            hosting: crate::Hosting::Service,
            targets: vec![Invitee::new(
                OTHER_PHONE,
                Party::Phone {
                    number: Private::new("+14255550100".into()),
                },
            )],
            is_group: false,
            ring_for: RINGS_FOR,
        },
        zero(),
    );
    let description = Description::new("our offer");
    let opened = MediaEvent::Opened {
        leg: OTHER_PHONE,
        description,
    };
    second.handle_media(opened, zero());
    let answer = Description::new("answer");
    second.handle_signal(OTHER_PHONE, Signal::Answered { answer }, zero());
    drain(&mut second);
    let adopted = second.adopt(released, OTHER_BOT, Purpose::Transfer, zero());
    adopted.expect("it stands");
    drain(&mut second);

    let description = Description::new("ours");
    let reopened = MediaEvent::Reopened {
        leg: PHONE,
        description,
        held: true,
    };
    second.handle_media(reopened, zero());
    assert!(matches!(
        drain(&mut second).as_slice(),
        [Output::Signal(SignalRequest::AcceptOffer {
            leg: PHONE,
            ..
        })]
    ));
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
            prompts: vec![Prompt::File {
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
