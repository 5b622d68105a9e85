//! How one party stands in the sound of its call.

use offhook_terms::OperationId;

use crate::Hearing;

/// What the call decides about one party's sound; see `call/hearing.rs`.
#[derive(Debug)]
pub(crate) struct Voice {
    /// Nobody hears it.
    pub(crate) is_muted: bool,
    /// It hears and is heard through routing groups alone.
    pub(crate) is_routed_only: bool,
    /// Parties of one side are one conversation. Those who were transferred out of a call of many
    /// talk aside, each pair by itself; everybody else is on side 0.
    pub(crate) side: u32,
    /// What media was last asked to let it hear.
    pub(crate) ear: Ear,
}

/// What a party hears.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ear {
    /// Others.
    Voices(Hearing),
    /// Ringing, while somebody is called on its behalf.
    Ringback,
    /// The music of this operation.
    Music(OperationId),
}

impl Voice {
    /// Hears everybody and is heard by everybody, as media begins.
    pub(crate) fn new(side: u32) -> Self {
        Self {
            is_muted: false,
            is_routed_only: false,
            side,
            ear: Ear::Voices(Hearing::Everyone),
        }
    }
}
