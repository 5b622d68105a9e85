//! The directory of people.

use offhook_terms::Private;
use offhook_wire::graph as wire;
use offhook_workplace::{given_name, surname};
use serde_json::Value;

use crate::graph::{PageSize, Rules};
use crate::registry::{Person, Roles};

/// What can be asked of the directory (Graph user: list).
pub(super) const PEOPLE: Rules = Rules {
    of: "microsoft.graph.user",
    properties: &[
        "id",
        "displayName",
        "givenName",
        "surname",
        "userPrincipalName",
        "mail",
        "mobilePhone",
        "jobTitle",
        "officeLocation",
        "preferredLanguage",
        "accountEnabled",
        "userType",
    ],
    contains: false,
    page: Some(PageSize {
        usual: 100,
        most: 999,
    }),
    directory: true,
};

/// One of these is needed to look into the directory.
pub(super) const ROLES: [Roles; 3] = [
    Roles::USER_READ,
    Roles::USER_READ_BASIC,
    Roles::DIRECTORY_READ,
];

/// What somebody logs in as.
pub(super) fn principal_name(person: &Person, domain: &str) -> String {
    format!("{}@{domain}", person.sip_user)
}

/// Somebody, as far as these roles may see.
pub(super) fn shown(person: &Person, domain: &str, roles: Roles) -> Value {
    let profile = &person.profile;
    let name = person.name.reveal();
    let upn = principal_name(person, domain);
    let own = |known: &Option<Private<String>>, guess: Option<&str>| {
        known
            .clone()
            .or_else(|| guess.map(|guess| Private::new(guess.to_owned())))
    };
    let mut user = wire::User {
        id: Some(person.id.to_string()),
        display_name: Some(person.name.clone()),
        given_name: own(&profile.given_name, Some(given_name(name))),
        surname: own(&profile.surname, surname(name)),
        mail: own(&profile.mail, Some(&upn)),
        business_phones: Some(Private::default()),
        ..wire::User::default()
    };
    if roles.has_one_of(&[Roles::USER_READ, Roles::DIRECTORY_READ]) {
        user.business_phones = Some(profile.business_phones.clone());
        user.mobile_phone = profile.mobile_phone.clone();
        user.job_title = profile.job_title.clone();
        user.office_location = profile.office_location.clone();
        user.preferred_language = profile.preferred_language.clone();
        // Shown to those alone who select them.
        user.extra.insert("accountEnabled", true);
        user.extra.insert("userType", "Member");
        let addresses = vec![Value::from(format!("sip:{upn}"))];
        user.extra.insert("imAddresses", addresses);
    }
    user.user_principal_name = Some(Private::new(upn));
    serde_json::to_value(wire::FullUser(&user)).expect("a user is plain data, which always prints")
}
