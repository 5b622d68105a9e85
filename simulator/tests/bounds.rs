//! How much one command may ask for: as much as the limit, and not one more.

use std::time::Duration;

use offhook_engine::{
    Accepted, Command, Invitee, Party, Prompt, Refusal, RouteChange, RoutingGroup, RoutingMode,
    limits,
};
use offhook_simulator::{World, ms, secs};
use offhook_terms::{LegId, OperationId, PersonId, Private, Tone};

const OK: Result<Accepted, Refusal> = Ok(Accepted);
const NOT: Result<Accepted, Refusal> = Err(Refusal::OutOfBounds);

fn a_call() -> World {
    let mut world = World::new();
    world.phone_talks_to_bot();
    world
}

/// Ids far from those of the world.
fn operation(number: usize) -> OperationId {
    OperationId::from_bits(1_000 + number as u128)
}

fn people(count: usize) -> Vec<Invitee> {
    let person = |number: usize| {
        let id = 1_000 + number as u128;
        let name = Private::new(format!("person {number}"));
        let id_of_person = PersonId::from_bits(id);
        Invitee::new(
            LegId::from_bits(id),
            Party::Person {
                id: id_of_person,
                name,
            },
        )
    };
    (0..count).map(person).collect()
}

#[test]
fn prompts() {
    let play = |count: usize| Command::Play {
        operation: operation(count),
        prompts: vec![
            Prompt::File {
                uri: "hello.wav".into(),
                resource_id: None,
            };
            count
        ],
        for_ever: false,
        context: None,
    };
    let mut world = a_call();
    assert_eq!(world.bot().asks(play(0)), NOT);
    assert_eq!(world.bot().asks(play(limits::PROMPTS_MAX)), OK);
    assert_eq!(world.bot().asks(play(limits::PROMPTS_MAX + 1)), NOT);
}

#[test]
fn tones() {
    let press = |count: usize| Command::SendTones {
        operation: operation(count),
        tones: vec![Tone::from_symbol('1').expect("a key"); count],
        gap: Duration::ZERO,
        context: None,
    };
    let mut world = a_call();
    assert_eq!(world.bot().asks(press(0)), NOT);
    assert_eq!(world.bot().asks(press(limits::TONES_MAX)), OK);
    assert_eq!(world.bot().asks(press(limits::TONES_MAX + 1)), NOT);
}

/// The phones are not of this world, so nothing may be asked of them: only what is refused is tried
/// in it.
#[test]
fn invitees() {
    let invite = |count: usize| Command::Invite {
        operation: operation(count),
        invitees: people(count),
        replaces: None,
        ring_for: limits::RINGS_FOR,
        context: None,
    };
    let mut world = a_call();
    assert_eq!(world.bot().asks(invite(0)), NOT);
    assert_eq!(world.bot().asks(invite(limits::INVITEES_MAX + 1)), NOT);
    world.bot().invites(&["a", "b", "c", "d", "e"]);
    assert_eq!(limits::INVITEES_MAX, 5);
    for name in ["a", "b", "c", "d", "e"] {
        world.wait(ms(50));
        world.phone_named(name).picks_up();
    }
}

#[test]
fn targets_of_a_redirect() {
    let redirect = |count: usize| Command::Redirect {
        targets: people(count),
        ring_for: secs(15),
        mask_caller: false,
        mask_callee: false,
    };
    let mut world = World::new();
    world.phone().calls();
    world.wait(ms(100));
    assert_eq!(world.bot().asks(redirect(0)), NOT);
    let too_many = limits::REDIRECT_TARGETS_MAX + 1;
    assert_eq!(world.bot().asks(redirect(too_many)), NOT);
    let names: Vec<&'static str> = (0..limits::REDIRECT_TARGETS_MAX)
        .map(|number| &*format!("person{number}").leak())
        .collect();
    world.bot().redirects(&names, secs(15));
    world.wait(ms(100));
    world.phone_named(names[24]).picks_up();
}

#[test]
fn routing_groups_and_their_members() {
    let mut world = World::new();
    world.bot().joins();
    world.phone().joins();
    world.wait(secs(1));
    // The first leg of the world is the bot's, the second the phone's.
    let (bot, phone) = (LegId::from_bits(1), LegId::from_bits(2));
    let create = |number: usize, mode, sources: Vec<LegId>, receivers: Vec<LegId>| {
        Command::Route(RouteChange::Create(RoutingGroup {
            id: number.to_string(),
            mode,
            sources,
            receivers,
        }))
    };
    let (one, many) = (RoutingMode::OneToOne, RoutingMode::Multicast);
    let two = vec![bot, phone];
    assert_eq!(
        world.bot().asks(create(0, one, two.clone(), vec![bot])),
        NOT
    );
    assert_eq!(
        world.bot().asks(create(0, one, vec![bot], two.clone())),
        NOT
    );
    assert_eq!(world.bot().asks(create(0, many, vec![bot], vec![])), NOT);
    let stranger = vec![LegId::from_bits(99)];
    let refused = world.bot().asks(create(0, one, stranger, vec![bot]));
    assert_eq!(refused, Err(Refusal::NoSuchParticipant));
    assert_eq!(world.bot().asks(create(0, many, two.clone(), two)), OK);
    for number in 1..limits::ROUTING_GROUPS_MAX {
        assert_eq!(
            world
                .bot()
                .asks(create(number, one, vec![bot], vec![phone])),
            OK
        );
    }
    let number = limits::ROUTING_GROUPS_MAX;
    assert_eq!(
        world
            .bot()
            .asks(create(number, one, vec![bot], vec![phone])),
        NOT
    );
}
