//! Chats: who is in one, and which apps are (Graph chat: list members, add app to chat).

use offhook_terms::Private;
use serde::{Deserialize, Serialize};

use crate::{Extra, private};

/// A page of a collection. [`next_link`](Self::next_link) is the address of the next one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// Where the schema of this body is.
    #[serde(
        rename = "@odata.context",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub odata_context: Option<String>,
    /// How many there are on all pages, where that was asked for.
    #[serde(
        rename = "@odata.count",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub count: Option<u64>,
    /// Where it goes on; `None` on the last page.
    #[serde(
        rename = "@odata.nextLink",
        default,
        skip_serializing_if = "Option::is_none"
    )]
    pub next_link: Option<String>,
    /// What is on this page.
    pub value: Vec<T>,
}

/// Somebody in a chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ChatMember {
    /// The tag, `#microsoft.graph.aadUserConversationMember`.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// Opaque: of the membership, not of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// `owner`, or nothing.
    pub roles: Vec<String>,
    /// The name to show.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Private<String>>,
    /// Who in the directory.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// Where their mail goes.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub email: Option<Private<String>>,
    /// Of which organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An app in a chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct InstalledApp {
    /// Of the installation; what removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Which app, where that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub teams_app: Option<TeamsApp>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// An app of a catalogue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TeamsApp {
    /// In the catalogue; another one than that of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// That of its manifest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// The name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `store`, `organization` or `sideloaded`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub distribution_method: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

/// `POST /chats/{id}/installedApps`
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InstallRequest {
    /// The address of the app in the catalogue; required.
    #[serde(
        rename = "teamsApp@odata.bind",
        skip_serializing_if = "Option::is_none"
    )]
    pub app: Option<String>,
    /// Everything else, such as `consentedPermissionSet`.
    #[serde(flatten)]
    pub extra: Extra,
}
