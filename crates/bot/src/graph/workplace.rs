//! What stands beside the calls: meetings, chats and the apps in them, people and records of calls.

use http::Method;
use offhook_wire::Extra;
use offhook_wire::graph::{ChatMember, InstallRequest, InstalledApp, OnlineMeeting, Page, User};
use serde::de::DeserializeOwned;
use serde_json::Value;
use url::Url;

use super::client::written;
use super::{GraphClient, GraphFault, check};

/// Whom to look for in the directory.
///
/// ```
/// use offhook_bot::UserQuery;
///
/// let as_typed = UserQuery { name_starts_with: Some("A".into()), top: Some(5), ..UserQuery::default() };
/// ```
#[derive(Debug, Clone, Default)]
pub struct UserQuery {
    /// What the name to show begins with.
    pub name_starts_with: Option<String>,
    /// The properties that are wanted; those the API gives by itself when there are none.
    pub select: Vec<String>,
    /// How many on a page.
    pub top: Option<u32>,
}

impl GraphClient {
    /// Makes an online meeting of a person, by id or principal name.
    ///
    /// ```
    /// # use offhook_bot::{GraphClient, GraphFault, Private};
    /// # async fn example(graph: GraphClient) -> Result<(), GraphFault> {
    /// use offhook_bot::wire::graph::OnlineMeeting;
    ///
    /// let wanted = OnlineMeeting {
    ///     subject: Some(Private::new("The lift is stuck".into())),
    ///     ..OnlineMeeting::default()
    /// };
    /// let meeting = graph.create_meeting("ada@example.org", &wanted).await?;
    /// println!("join at {:?}", meeting.join_web_url);
    /// # Ok(()) }
    /// ```
    pub async fn create_meeting(
        &self,
        organizer: &str,
        meeting: &OnlineMeeting,
    ) -> Result<OnlineMeeting, GraphFault> {
        let url = self.at(&["users", organizer, MEETINGS]);
        self.write(Method::POST, url, meeting).await
    }

    /// The meeting that has this `externalId`, or a new one.
    pub async fn create_or_get_meeting(
        &self,
        organizer: &str,
        meeting: &OnlineMeeting,
    ) -> Result<OnlineMeeting, GraphFault> {
        check::external_id(meeting)?;
        let url = self.at(&["users", organizer, MEETINGS, "createOrGet"]);
        self.write(Method::POST, url, meeting).await
    }

    /// A meeting.
    pub async fn meeting(&self, organizer: &str, id: &str) -> Result<OnlineMeeting, GraphFault> {
        self.get(self.at(&["users", organizer, MEETINGS, id])).await
    }

    /// The meeting that this address leads into, if it is one of this person's.
    pub async fn meeting_by_join_url(
        &self,
        organizer: &str,
        join_web_url: &str,
    ) -> Result<Option<OnlineMeeting>, GraphFault> {
        self.meeting_where(organizer, "JoinWebUrl", join_web_url)
            .await
    }

    /// The meeting that one joins by this number, if it is one of this person's.
    pub async fn meeting_by_join_id(
        &self,
        organizer: &str,
        join_meeting_id: &str,
    ) -> Result<Option<OnlineMeeting>, GraphFault> {
        let property = "joinMeetingIdSettings/joinMeetingId";
        self.meeting_where(organizer, property, join_meeting_id)
            .await
    }

    async fn meeting_where(
        &self,
        organizer: &str,
        property: &str,
        value: &str,
    ) -> Result<Option<OnlineMeeting>, GraphFault> {
        let mut url = self.at(&["users", organizer, MEETINGS]);
        url.query_pairs_mut()
            .append_pair("$filter", &format!("{property} eq '{}'", quoted(value)));
        let found: Page<OnlineMeeting> = self.get(url).await?;
        Ok(found.value.into_iter().next())
    }

    /// Changes a meeting: what is `None` stays.
    pub async fn update_meeting(
        &self,
        organizer: &str,
        id: &str,
        change: &OnlineMeeting,
    ) -> Result<OnlineMeeting, GraphFault> {
        let url = self.at(&["users", organizer, MEETINGS, id]);
        self.write(Method::PATCH, url, change).await
    }

    /// Calls a meeting off.
    pub async fn delete_meeting(&self, organizer: &str, id: &str) -> Result<(), GraphFault> {
        self.delete(self.at(&["users", organizer, MEETINGS, id]))
            .await
    }

    /// Who is in a chat, by its thread id.
    pub async fn chat_members(&self, chat: &str) -> Result<Page<ChatMember>, GraphFault> {
        self.get(self.at(&["chats", chat, "members"])).await
    }

    /// Puts an app into a chat, by its id in the catalogue (not that of its manifest); into the meeting, if the chat
    /// is of one. [`GraphFault::InvalidState`] when it is there already.
    ///
    /// ```
    /// # use offhook_bot::{GraphClient, GraphFault};
    /// # async fn example(graph: GraphClient) -> Result<(), GraphFault> {
    /// graph.install_app("19:meeting_x@thread.v2", "9f8c3ab4-3d5e-4f5c-9f64-5d9b1f0a7a55").await
    /// # }
    /// ```
    pub async fn install_app(&self, chat: &str, catalogue_id: &str) -> Result<(), GraphFault> {
        let app = self.at(&["appCatalogs", "teamsApps", catalogue_id]);
        let request = InstallRequest {
            app: Some(app.into()),
            extra: Extra::default(),
        };
        let url = self.at(&["chats", chat, INSTALLED]);
        let body = written(&request)?;
        self.send(Method::POST, url, Some(body)).await.map(drop)
    }

    /// The apps in a chat, and which each is.
    pub async fn installed_apps(&self, chat: &str) -> Result<Page<InstalledApp>, GraphFault> {
        let mut url = self.at(&["chats", chat, INSTALLED]);
        url.query_pairs_mut().append_pair("$expand", "teamsApp");
        self.get(url).await
    }

    /// Takes an app out of a chat, by the id of its installation.
    pub async fn uninstall_app(&self, chat: &str, installation: &str) -> Result<(), GraphFault> {
        self.delete(self.at(&["chats", chat, INSTALLED, installation]))
            .await
    }

    /// Looks for people. The other pages come from [`next_page`](Self::next_page).
    pub async fn users(&self, query: &UserQuery) -> Result<Page<User>, GraphFault> {
        let mut url = self.at(&["users"]);
        if let Some(start) = &query.name_starts_with {
            let filter = format!("startswith(displayName,'{}')", quoted(start));
            url.query_pairs_mut().append_pair("$filter", &filter);
        }
        if !query.select.is_empty() {
            let select = query.select.join(",");
            url.query_pairs_mut().append_pair("$select", &select);
        }
        if let Some(top) = query.top {
            url.query_pairs_mut().append_pair("$top", &top.to_string());
        }
        self.get(url).await
    }

    /// Somebody, by id or principal name.
    pub async fn user(&self, who: &str) -> Result<User, GraphFault> {
        self.get(self.at(&["users", who])).await
    }

    /// The page after this one, if there is one.
    ///
    /// # Errors
    /// [`GraphFault::Parameter`] when it is said to be on another server: the bot's token is for this one.
    pub async fn next_page<T: DeserializeOwned>(
        &self,
        page: &Page<T>,
    ) -> Result<Option<Page<T>>, GraphFault> {
        let Some(next) = &page.next_link else {
            return Ok(None);
        };
        let url = Url::parse(next).ok();
        let here = self.at(&[]);
        let url = url.filter(|url| url.origin() == here.origin());
        let url = url.ok_or_else(check::next_link)?;
        self.get(url).await.map(Some)
    }

    /// The record of a call that is over, by its chain id: an object as the API documents it.
    pub async fn call_record(&self, call_chain: &str) -> Result<Value, GraphFault> {
        self.get(self.at(&["communications", "callRecords", call_chain]))
            .await
    }
}

const MEETINGS: &str = "onlineMeetings";
const INSTALLED: &str = "installedApps";

/// As a text of OData has it: a quote is written twice.
fn quoted(text: &str) -> String {
    text.replace('\'', "''")
}
