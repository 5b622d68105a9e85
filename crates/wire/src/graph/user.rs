//! People, as a directory shows them.

use offhook_terms::Private;
use serde::{Deserialize, Serialize, Serializer};

use super::call::with_nulls;
use crate::{Extra, private};

/// Somebody of the directory. [`FullUser`] writes the body of a response.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    /// Where the schema of this body is; in responses only.
    #[serde(rename = "@odata.context", skip_serializing_if = "Option::is_none")]
    pub odata_context: Option<String>,
    /// A GUID.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The name to show.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Private<String>>,
    /// What they are called by.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub given_name: Option<Private<String>>,
    /// The name of their family.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub surname: Option<Private<String>>,
    /// What they log in as.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub user_principal_name: Option<Private<String>>,
    /// Where their mail goes.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub mail: Option<Private<String>>,
    /// The numbers on their desk.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub business_phones: Option<Private<Vec<String>>>,
    /// The number in their pocket.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub mobile_phone: Option<Private<String>>,
    /// What they do.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub job_title: Option<Private<String>>,
    /// Where they sit.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub office_location: Option<Private<String>>,
    /// Such as `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preferred_language: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// The body of a response: what is absent is there as `null`.
#[derive(Debug)]
pub struct FullUser<'a>(pub &'a User);

impl FullUser<'_> {
    /// The properties a response has unless others are selected.
    pub const ALWAYS: [&'static str; 11] = [
        "businessPhones",
        "displayName",
        "givenName",
        "id",
        "jobTitle",
        "mail",
        "mobilePhone",
        "officeLocation",
        "preferredLanguage",
        "surname",
        "userPrincipalName",
    ];
}

impl Serialize for FullUser<'_> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        with_nulls(self.0, &Self::ALWAYS).serialize(to)
    }
}
