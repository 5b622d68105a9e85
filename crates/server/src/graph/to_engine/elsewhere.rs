//! Sending a call, or the other party of it, to somebody else.

use std::time::Duration;

use offhook_engine::limits::REDIRECT_TARGETS_MAX;
use offhook_engine::{Command, Invitee, Participant, Party};
use offhook_terms::LegId;
use offhook_wire::graph as wire;
use url::Url;

use super::party::{Asker, Phones, invitee, invitees, party, replaced, same};
use super::{Refused, callback};
use crate::limits;

/// How long one target of a redirect rings when nobody says otherwise, in seconds.
const RING_ONE_SECONDS: i64 = 55;

/// How long several do.
const RING_SEVERAL_SECONDS: i64 = 60;

/// What a bot says when it sends an incoming call on.
#[derive(Debug)]
pub(crate) struct Redirect {
    pub(crate) command: Command,
    /// Where the last notification goes, if not to the webhook.
    pub(crate) callback: Option<Url>,
}

pub(crate) fn redirect(
    request: wire::RedirectRequest,
    asker: Asker<'_>,
) -> Result<Redirect, Refused> {
    let given = request.targets.unwrap_or_default();
    if given.is_empty() || given.len() > REDIRECT_TARGETS_MAX {
        let wanted = format!("must have 1 to {REDIRECT_TARGETS_MAX} entries");
        return Err(Refused::parameter("targets", wanted));
    }
    let usual = match given.len() {
        1 => RING_ONE_SECONDS,
        _ => RING_SEVERAL_SECONDS,
    };
    let seconds = request.timeout.unwrap_or(usual);
    if !limits::REDIRECT_SECONDS.contains(&seconds) {
        let (min, max) = (
            limits::REDIRECT_SECONDS.start(),
            limits::REDIRECT_SECONDS.end(),
        );
        let wanted = format!("must be between {min} and {max}");
        return Err(Refused::parameter("timeout", wanted));
    }
    if let Some(wire::CallDisposition::Other(_)) = request.target_disposition {
        let wanted = "must be 'default', 'simultaneousRing' or 'forward'";
        return Err(Refused::parameter("targetDisposition", wanted));
    }
    Ok(Redirect {
        command: Command::Redirect {
            // Whoever is called here was reached at an address of its own, as an instance is.
            targets: invitees(&given, "targets", asker, Phones::Allowed)?,
            ring_for: Duration::from_secs(seconds.unsigned_abs()),
            mask_caller: request.mask_caller.unwrap_or(false),
            mask_callee: request.mask_callee.unwrap_or(false),
        },
        callback: callback(request.callback_uri.as_deref(), &asker.bot.guard)?,
    })
}

/// A transfer a bot asks for.
#[derive(Debug)]
pub(crate) struct Transfer {
    pub(crate) target: Target,
    transferee: Option<Transferee>,
}

/// Who gets the call.
#[derive(Debug)]
pub(crate) enum Target {
    /// Somebody who is called.
    Somebody(Invitee),
    /// The party of another call of the bot.
    PartyOf(LegId),
}

/// Who is given away.
#[derive(Debug)]
enum Transferee {
    Participant(LegId),
    Somebody(Party),
}

pub(crate) fn transfer(
    request: wire::TransferRequest,
    asker: Asker<'_>,
    phones: Phones,
) -> Result<Transfer, Refused> {
    let target = request
        .transfer_target
        .ok_or_else(|| Refused::parameter("transferTarget", "is required"))?;
    super::context(request.client_context)?;
    let transferee = request.transferee.map(|given| {
        let id = given.participant_id.as_deref().filter(|id| !id.is_empty());
        match id {
            Some(id) => id
                .parse()
                .map(Transferee::Participant)
                .map_err(|_| Refused::no_participant()),
            None => party(&given.identity, "transferee", asker).map(Transferee::Somebody),
        }
    });
    Ok(Transfer {
        target: match replaced(&target)? {
            Some(leg) => Target::PartyOf(leg),
            None => Target::Somebody(invitee(&target, "transferTarget", asker, phones)?),
        },
        transferee: transferee.transpose()?,
    })
}

impl Transfer {
    /// The command. A call of two has one other party, whatever was said; in a call of many, who
    /// is in it must be known.
    pub(crate) fn command(self, roster: Option<&[Participant]>) -> Result<Command, Refused> {
        let transferee = match roster {
            None => None,
            Some(roster) => Some(match self.transferee {
                None => {
                    let wanted = "is required in a group call";
                    return Err(Refused::parameter("transferee", wanted));
                }
                Some(Transferee::Participant(leg)) => leg,
                Some(Transferee::Somebody(party)) => {
                    let mut roster = roster.iter();
                    let found = roster.find(|participant| same(&participant.party, &party));
                    found.ok_or_else(Refused::no_participant)?.leg
                }
            }),
        };
        Ok(match self.target {
            Target::Somebody(target) => Command::Transfer {
                transferee,
                target,
                ring_for: offhook_engine::limits::RINGS_FOR,
            },
            Target::PartyOf(replaces) => Command::TransferTo {
                transferee,
                replaces,
            },
        })
    }
}
