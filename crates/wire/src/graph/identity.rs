//! Who somebody is: one identity, and the open map of kind to identity.

use std::collections::BTreeMap;
use std::fmt;

use offhook_terms::Private;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::tag;
use crate::Extra;
use crate::private;

/// One identity. Open: what else was sent is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Identity {
    /// The tag, `#microsoft.graph.identity` in what we send.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub odata_type: Option<String>,
    /// A GUID, or for a phone the number in E.164.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub id: Option<Private<String>>,
    /// The name to show.
    #[serde(with = "private::option", skip_serializing_if = "Option::is_none")]
    pub display_name: Option<Private<String>>,
    /// The tenant the identity lives in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Everything else.
    #[serde(flatten)]
    pub extra: Extra,
}

impl Identity {
    /// An identity with an id, tagged as we send it.
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            odata_type: Some(tag::IDENTITY.into()),
            id: Some(Private::new(id.into())),
            ..Self::default()
        }
    }

    /// The same identity with a name to show.
    #[must_use]
    pub fn named(mut self, name: impl Into<String>) -> Self {
        self.display_name = Some(Private::new(name.into()));
        self
    }
}

/// An open map of kind (`user`, `phone`, `application`, …) to identity; `null` kinds are kept.
///
/// Exactly one kind is set per party, except for a guest bot, which is `application` and `guest`.
#[derive(Clone, Default, PartialEq)]
pub struct IdentitySet {
    /// The tag, `#microsoft.graph.identitySet` in what we send.
    pub odata_type: Option<String>,
    /// The identities by kind; a kind that was sent as `null` is there with `None`.
    pub kinds: BTreeMap<String, Option<Identity>>,
    /// Properties that are no identity, such as `endpointType`.
    pub extra: Extra,
}

impl IdentitySet {
    /// A set of one kind, tagged as we send it.
    pub fn one(kind: impl Into<String>, identity: Identity) -> Self {
        Self {
            odata_type: Some(tag::IDENTITY_SET.into()),
            kinds: BTreeMap::from([(kind.into(), Some(identity))]),
            extra: Extra::default(),
        }
    }

    /// The identity of one kind, if it is set.
    pub fn get(&self, kind: &str) -> Option<&Identity> {
        self.kinds.get(kind)?.as_ref()
    }

    /// A person.
    pub fn user(&self) -> Option<&Identity> {
        self.get("user")
    }

    /// A phone; its id is the number.
    pub fn phone(&self) -> Option<&Identity> {
        self.get("phone")
    }

    /// An application, that is a bot.
    pub fn application(&self) -> Option<&Identity> {
        self.get("application")
    }

    /// The first identity that is set, with its kind.
    pub fn first(&self) -> Option<(&str, &Identity)> {
        self.kinds
            .iter()
            .find_map(|(kind, identity)| Some((kind.as_str(), identity.as_ref()?)))
    }
}

/// Kinds only: which kind of party it is helps in a log, who it is must not be there.
impl fmt::Debug for IdentitySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let set = self.kinds.iter().filter(|(_, identity)| identity.is_some());
        f.debug_set().entries(set.map(|(kind, _)| kind)).finish()
    }
}

impl Serialize for IdentitySet {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = to.serialize_map(None)?;
        if let Some(tag) = &self.odata_type {
            map.serialize_entry("@odata.type", tag)?;
        }
        for (kind, identity) in &self.kinds {
            map.serialize_entry(kind, identity)?;
        }
        for (name, value) in &self.extra.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for IdentitySet {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let mut set = Self::default();
        for (name, value) in serde_json::Map::deserialize(from)? {
            match value {
                Value::String(tag) if name == "@odata.type" => set.odata_type = Some(tag),
                Value::Null => {
                    set.kinds.insert(name, None);
                }
                Value::Object(_) => {
                    let identity =
                        Identity::deserialize(value).map_err(serde::de::Error::custom)?;
                    set.kinds.insert(name, Some(identity));
                }
                other => set.extra.insert(name, other),
            }
        }
        Ok(set)
    }
}
