//! Who is called: a decision from facts, with no effects.

use offhook_terms::{AppId, PersonId};

use super::is_e164;

/// What a called address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route<'a> {
    /// A bot.
    Bot(AppId),
    /// One of our people, on all their devices.
    Person(PersonId),
    /// A meeting's dial-in address, if there is such a meeting.
    Meeting,
    /// A phone number, for those who may dial any.
    Number(&'a str),
    /// A phone number, for somebody who may not dial any.
    NumberForbidden,
    /// Nobody we know.
    Nobody,
}

/// What the user part of the called address leads to: bots first, so that a person named like a
/// bot cannot take its calls.
pub(super) fn route<'a>(
    user: &'a str,
    may_dial_numbers: bool,
    bot: impl Fn(&str) -> Option<AppId>,
    person: impl Fn(&str) -> Option<PersonId>,
) -> Route<'a> {
    if let Some(app) = bot(user) {
        return Route::Bot(app);
    }
    if let Some(person) = person(user) {
        return Route::Person(person);
    }
    if offhook_workplace::number_dialled(user).is_some() {
        return Route::Meeting;
    }
    match (is_e164(user), may_dial_numbers) {
        (true, true) => Route::Number(user),
        (true, false) => Route::NumberForbidden,
        (false, _) => Route::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: AppId = AppId::from_bits(7);
    const ADA: PersonId = PersonId::from_bits(8);

    fn called(user: &str, may_dial_numbers: bool) -> Route<'_> {
        route(
            user,
            may_dial_numbers,
            |user| (user == "calling-bot").then_some(BOT),
            |user| (user == "ada" || user == "calling-bot").then_some(ADA),
        )
    }

    #[test]
    fn an_address_leads_to_a_bot_a_person_or_nobody() {
        assert_eq!(called("calling-bot", false), Route::Bot(BOT));
        assert_eq!(called("ada", false), Route::Person(ADA));
        assert_eq!(called("nobody", true), Route::Nobody);
        assert_eq!(called("meeting-412908335716", false), Route::Meeting);
        assert_eq!(called("meeting-room", false), Route::Nobody);
    }

    #[test]
    fn a_number_is_dialled_by_those_who_may() {
        assert_eq!(called("+493012345", true), Route::Number("+493012345"));
        assert_eq!(called("+493012345", false), Route::NumberForbidden);
        assert_eq!(called("493012345", true), Route::Nobody);
    }
}
