//! Who is called: a decision from facts, with no effects.

use offhook_terms::AppId;

/// What a called address leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    /// A bot.
    Bot(AppId),
    /// One of our people. People cannot be called yet.
    Person,
    /// Nobody we know.
    Nobody,
}

/// What the user part of the called address leads to: bots first, so that a person named like a
/// bot cannot take its calls.
pub(super) fn route(
    user: &str,
    bot: impl Fn(&str) -> Option<AppId>,
    person: impl Fn(&str) -> bool,
) -> Route {
    match bot(user) {
        Some(app) => Route::Bot(app),
        None if person(user) => Route::Person,
        None => Route::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOT: AppId = AppId::from_bits(7);

    fn called(user: &str) -> Route {
        route(
            user,
            |user| (user == "calling-bot").then_some(BOT),
            |user| user == "ada",
        )
    }

    #[test]
    fn an_address_leads_to_a_bot_a_person_or_nobody() {
        assert_eq!(called("calling-bot"), Route::Bot(BOT));
        assert_eq!(called("ada"), Route::Person);
        assert_eq!(called("nobody"), Route::Nobody);
    }
}
