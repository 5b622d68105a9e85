//! Call records: who called whom, when, and how it ended; out of the journal, once a call is over.
//!
//! ```text
//!   journal: incoming … established … terminated ─▶ a session per bot's leg ─▶ record of the call
//! ```
//!
//! The journal holds nothing private, so a telephone number is not in a record either.

use offhook_terms::CallId;
use offhook_wire::journal::{Caller, Ending, Entry, Fact};
use serde_json::{Value, json};

use super::from_workplace::time;
use crate::graph::{Query, Rules};
use crate::registry::Registry;
use crate::store::from_ms;

/// What a call's sessions can be asked for by.
pub(super) const SESSIONS: Rules = Rules {
    of: "microsoft.graph.callRecords.session",
    properties: &["id", "startDateTime", "endDateTime", "isTest"],
    contains: false,
    page: None,
    directory: false,
};

/// A call that is over.
pub(super) struct Record {
    call: CallId,
    /// One for each bot's leg.
    sessions: Vec<Session>,
    /// Everybody who was seen in a call of many.
    members: Vec<Caller>,
}

struct Session {
    leg: String,
    bot: Option<String>,
    /// Who called the bot; nobody if the bot did.
    caller: Option<Caller>,
    /// Whom the bot called; nobody if it was called, or joined.
    called: Vec<Caller>,
    starts: i64,
    established: bool,
    ended: Option<(i64, Ending)>,
}

impl Record {
    /// The record of these entries of one call, unless it is not over.
    pub(super) fn of(call: CallId, entries: &[Entry]) -> Option<Self> {
        let mut sessions: Vec<Session> = Vec::new();
        let mut members = Vec::new();
        for entry in entries {
            let at = sessions.iter().position(|known| known.leg == entry.leg);
            let at = at.unwrap_or_else(|| {
                sessions.push(Session {
                    leg: entry.leg.clone(),
                    bot: None,
                    caller: None,
                    called: Vec::new(),
                    starts: entry.at_ms,
                    established: false,
                    ended: None,
                });
                sessions.len() - 1
            });
            let session = &mut sessions[at];
            match &entry.fact {
                Fact::Incoming { caller, bot, .. } => {
                    session.caller = Some(caller.clone());
                    session.bot = Some(bot.clone());
                }
                Fact::Establishing { targets } => session.called.clone_from(targets),
                Fact::Established => session.established = true,
                Fact::RosterChanged { participants } => {
                    for member in participants {
                        if !members.contains(&member.party) {
                            members.push(member.party.clone());
                        }
                    }
                }
                Fact::Terminated { ending, bot } => {
                    session.ended = Some((entry.at_ms, ending.clone()));
                    if bot.is_some() {
                        session.bot.clone_from(bot);
                    }
                }
                _ => {}
            }
        }
        let is_over = sessions.iter().all(|session| session.ended.is_some());
        (is_over && !sessions.is_empty()).then_some(Self {
            call,
            sessions,
            members,
        })
    }

    /// The record as a bot reads it.
    pub(super) fn shown(&self, registry: &Registry, tenant: &str, query: &Query) -> Value {
        let starts = self.sessions.iter().map(|session| session.starts).min();
        let ends = self.sessions.iter().map(Session::end).max();
        let (starts, ends) = (starts.unwrap_or_default(), ends.unwrap_or_default());
        let who = Who { registry, tenant };
        let called = self.sessions.iter().map(|session| session.called.len());
        let is_group =
            self.sessions.len() > 1 || !self.members.is_empty() || called.max() > Some(1);
        let mut body = json!({
            "id": self.call.to_string(),
            "version": 1,
            "type": if is_group { "groupCall" } else { "peerToPeer" },
            "modalities": ["audio"],
            "startDateTime": written(starts),
            "endDateTime": written(ends),
            "lastModifiedDateTime": written(ends),
            "joinWebUrl": null,
            "organizer": self.organizer().map(|organizer| who.identity(&organizer)),
            "participants": self.participants(&who),
        });
        if let Some(expansion) = query.expansion("sessions") {
            let mut sessions = self.sessions(registry, tenant, expansion);
            for session in &mut sessions {
                expansion.select(session);
            }
            body["sessions"] = sessions.into();
        }
        body
    }

    /// Its sessions as a bot reads them.
    pub(super) fn sessions(&self, registry: &Registry, tenant: &str, query: &Query) -> Vec<Value> {
        let who = Who { registry, tenant };
        let sessions = self.sessions.iter();
        sessions.map(|session| session.shown(&who, query)).collect()
    }

    /// Who began the call.
    fn organizer(&self) -> Option<Caller> {
        let first = self.sessions.first()?;
        first.caller.clone().or_else(|| first.bot_party())
    }

    fn participants(&self, who: &Who<'_>) -> Vec<Value> {
        let of_sessions = self.sessions.iter().flat_map(|session| {
            session
                .caller
                .clone()
                .into_iter()
                .chain(session.bot_party())
                .chain(session.called.iter().cloned())
        });
        let mut parties = self.members.clone();
        for party in of_sessions {
            if !parties.contains(&party) {
                parties.push(party);
            }
        }
        parties.iter().map(|party| who.identity(party)).collect()
    }
}

impl Session {
    fn end(&self) -> i64 {
        self.ended.as_ref().map_or(self.starts, |(at, _)| *at)
    }

    fn bot_party(&self) -> Option<Caller> {
        let id = self.bot.clone()?;
        Some(Caller::Bot { id })
    }

    fn shown(&self, who: &Who<'_>, query: &Query) -> Value {
        let bot = self.bot_party();
        let (caller, callee) = match &self.caller {
            Some(caller) => (Some(caller.clone()), bot),
            // One was called on a call of two; the others are among the participants.
            None => (bot, self.called.first().cloned()),
        };
        let mut segment = json!({
            "id": self.leg,
            "startDateTime": written(self.starts),
            "endDateTime": written(self.end()),
            "failureInfo": self.failure(),
            "caller": who.endpoint(caller.as_ref()),
            "callee": who.endpoint(callee.as_ref()),
        });
        let mut session = segment.clone();
        session["modalities"] = json!(["audio"]);
        session["isTest"] = false.into();
        if let Some(expansion) = query.expansion("segments") {
            segment["media"] = json!([]);
            expansion.select(&mut segment);
            session["segments"] = json!([segment]);
        }
        session
    }

    /// Why it failed, if it did.
    fn failure(&self) -> Option<Value> {
        let (_, ending) = self.ended.as_ref()?;
        let stage = match ending {
            Ending::BotHungUp
            | Ending::CallerHungUp
            | Ending::Transferred
            | Ending::Redirected
            | Ending::Removed
            | Ending::OthersLeft
                if self.established =>
            {
                return None;
            }
            Ending::Transferred | Ending::Redirected => return None,
            _ if self.established => "midcall",
            _ => "callSetup",
        };
        Some(json!({ "stage": stage, "reason": ending.as_str() }))
    }
}

/// Turns the ids of a journal into people.
struct Who<'a> {
    registry: &'a Registry,
    tenant: &'a str,
}

impl Who<'_> {
    fn identity(&self, party: &Caller) -> Value {
        let (kind, id, name) = match party {
            Caller::Person { id } => {
                let person = id.parse().ok().and_then(|id| self.registry.person(id));
                let name = person.map(|person| person.name.reveal().as_str());
                ("user", Some(id), name)
            }
            Caller::Bot { id } => {
                let bot = id.parse().ok().and_then(|app| self.registry.bot(app));
                ("application", Some(id), bot.map(|bot| bot.name.as_str()))
            }
            Caller::Phone => ("phone", None, None),
            Caller::Guest | Caller::Unknown => ("guest", None, None),
        };
        let mut set = json!({ "@odata.type": "#microsoft.graph.identitySet" });
        for other in ["user", "application", "phone", "guest"] {
            set[other] = Value::Null;
        }
        set[kind] = json!({ "id": id, "displayName": name, "tenantId": self.tenant });
        set
    }

    fn endpoint(&self, party: Option<&Caller>) -> Value {
        let Some(party) = party else {
            return Value::Null;
        };
        let (kind, role) = match party {
            Caller::Bot { .. } => ("serviceEndpoint", "serviceUserAgent"),
            _ => ("participantEndpoint", "clientUserAgent"),
        };
        json!({
            "@odata.type": format!("#microsoft.graph.callRecords.{kind}"),
            "userAgent": {
                "@odata.type": format!("#microsoft.graph.callRecords.{role}"),
                "headerValue": null,
                "applicationVersion": null,
            },
            "identity": self.identity(party),
        })
    }
}

fn written(ms: i64) -> String {
    time(from_ms(ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::Refused;
    use crate::registry::{Bot, Person};
    use offhook_terms::{LegId, PersonId};
    use offhook_wire::journal::{Member, VERSION};

    const CALL: CallId = CallId::from_bits(0x2222_2222_2222_4222_8222_2222_2222_2222);
    const LEG: LegId = LegId::from_bits(0x1111_1111_1111_4111_8111_1111_1111_1111);
    const OTHER: LegId = LegId::from_bits(0x3333_3333_3333_4333_8333_3333_3333_3333);
    const ADA: PersonId = PersonId::from_bits(0xaaaa_aaaa_aaaa_4aaa_8aaa_aaaa_aaaa_aaaa);

    fn registry() -> Registry {
        let bot = Bot::for_tests("http://127.0.0.1:9/");
        Registry::of_bot(bot).with_people([Person::for_tests(ADA, "Ada", "ada")])
    }

    fn app() -> String {
        Bot::for_tests("http://127.0.0.1:9/").app.to_string()
    }

    fn entry(leg: LegId, second: i64, fact: Fact) -> Entry {
        Entry {
            version: VERSION,
            call: CALL.to_string(),
            leg: leg.to_string(),
            seq: 1,
            at_ms: 1_790_000_000_000 + second * 1000,
            fact,
        }
    }

    fn incoming() -> Fact {
        Fact::Incoming {
            caller: ada(),
            caller_leg: OTHER.to_string(),
            bot: app(),
        }
    }

    fn establishing() -> Fact {
        let targets = Vec::new();
        Fact::Establishing { targets }
    }

    fn ada() -> Caller {
        Caller::Person {
            id: ADA.to_string(),
        }
    }

    fn terminated(ending: Ending) -> Fact {
        Fact::Terminated {
            ending,
            bot: Some(app()),
        }
    }

    fn shown(entries: &[Entry], query: &str) -> Value {
        let query = Query::read(Some(query)).unwrap_or_else(|why: Refused| panic!("{why:?}"));
        let record = Record::of(CALL, entries).expect("over");
        record.shown(&registry(), "tenant", &query)
    }

    #[test]
    fn a_call_between_two_is_recorded() {
        let entries = [
            entry(LEG, 0, incoming()),
            entry(LEG, 1, establishing()),
            entry(LEG, 2, Fact::Established),
            entry(LEG, 60, terminated(Ending::CallerHungUp)),
        ];
        let set = |kind: &str, identity: Value| {
            let mut set = json!({"@odata.type": "#microsoft.graph.identitySet", "user": null,
                "application": null, "phone": null, "guest": null});
            set[kind] = identity;
            set
        };
        let user = set(
            "user",
            json!({"id": ADA.to_string(), "displayName": "Ada", "tenantId": "tenant"}),
        );
        let bot = set(
            "application",
            json!({"id": app(), "displayName": "Bot", "tenantId": "tenant"}),
        );
        let mut wanted = json!({
            "id": CALL.to_string(), "version": 1, "type": "peerToPeer", "modalities": ["audio"],
            "startDateTime": "2026-09-21T14:13:20Z", "endDateTime": "2026-09-21T14:14:20Z",
            "lastModifiedDateTime": "2026-09-21T14:14:20Z", "joinWebUrl": null,
            "organizer": user, "participants": [user, bot]});
        assert_eq!(shown(&entries, ""), wanted);

        let mut segment = json!({
            "id": LEG.to_string(), "failureInfo": null,
            "startDateTime": "2026-09-21T14:13:20Z", "endDateTime": "2026-09-21T14:14:20Z",
            "caller": {"@odata.type": "#microsoft.graph.callRecords.participantEndpoint",
                "userAgent": {"@odata.type": "#microsoft.graph.callRecords.clientUserAgent",
                    "headerValue": null, "applicationVersion": null}, "identity": user},
            "callee": {"@odata.type": "#microsoft.graph.callRecords.serviceEndpoint",
                "userAgent": {"@odata.type": "#microsoft.graph.callRecords.serviceUserAgent",
                    "headerValue": null, "applicationVersion": null}, "identity": bot}});
        let mut session = segment.clone();
        session["modalities"] = json!(["audio"]);
        session["isTest"] = false.into();
        wanted["sessions"] = json!([session]);
        assert_eq!(shown(&entries, "$expand=sessions"), wanted);
        segment["media"] = json!([]);
        session["segments"] = json!([segment]);
        wanted["sessions"] = json!([session]);
        assert_eq!(
            shown(&entries, "$expand=sessions($expand=segments)"),
            wanted
        );
        let ids = shown(&entries, "$expand=sessions($select=id)");
        assert_eq!(ids["sessions"], json!([{"id": LEG.to_string()}]));
    }

    #[test]
    fn whom_a_bot_called_is_recorded() {
        let targets = vec![ada()];
        let entries = [
            entry(LEG, 0, Fact::Establishing { targets }),
            entry(LEG, 1, Fact::Established),
            entry(LEG, 2, terminated(Ending::BotHungUp)),
        ];
        let body = shown(&entries, "$expand=sessions");
        assert_eq!(body["type"], "peerToPeer");
        assert_eq!(body["organizer"]["application"]["id"], app());
        assert_eq!(body["participants"][1]["user"]["displayName"], "Ada");
        let callee = &body["sessions"][0]["callee"]["identity"];
        assert_eq!(callee["user"]["id"], ADA.to_string());
    }

    #[test]
    fn a_call_that_is_not_over_has_no_record() {
        let mut entries = vec![
            entry(LEG, 0, incoming()),
            entry(LEG, 1, Fact::Established),
            entry(OTHER, 2, establishing()),
            entry(LEG, 3, terminated(Ending::BotHungUp)),
        ];
        assert!(Record::of(CALL, &entries).is_none());
        assert!(Record::of(CALL, &[]).is_none());
        entries.push(entry(OTHER, 4, terminated(Ending::BotHungUp)));
        assert!(Record::of(CALL, &entries).is_some());
    }

    #[test]
    fn everybody_seen_in_a_call_of_many_took_part() {
        let members = |callers: &[Caller]| Fact::RosterChanged {
            participants: callers
                .iter()
                .map(|party| Member {
                    leg: LEG.to_string(),
                    party: party.clone(),
                })
                .collect(),
        };
        let bot = Caller::Bot { id: app() };
        let entries = [
            entry(LEG, 0, establishing()),
            entry(LEG, 1, Fact::Established),
            entry(LEG, 2, members(&[bot.clone(), ada()])),
            entry(LEG, 3, members(&[bot, ada(), Caller::Phone])),
            entry(LEG, 4, members(&[])),
            entry(LEG, 5, terminated(Ending::BotHungUp)),
        ];
        let body = shown(&entries, "");
        assert_eq!(body["type"], "groupCall");
        assert_eq!(body["participants"].as_array().map(Vec::len), Some(3));
        // The bot placed it.
        assert_eq!(body["organizer"]["application"]["id"], app());
    }

    #[test]
    fn what_failed_says_when_and_why() {
        let failure = |established: bool, ending| {
            let mut entries = vec![entry(LEG, 0, incoming())];
            if established {
                entries.push(entry(LEG, 1, Fact::Established));
            }
            entries.push(entry(LEG, 2, terminated(ending)));
            shown(&entries, "$expand=sessions")["sessions"][0]["failureInfo"].clone()
        };
        let setup = |reason: &str| json!({"stage": "callSetup", "reason": reason});
        assert_eq!(failure(false, Ending::BotBusy), setup("botBusy"));
        assert_eq!(failure(false, Ending::BotHungUp), setup("botHungUp"));
        assert_eq!(failure(false, Ending::Redirected), Value::Null);
        assert_eq!(failure(true, Ending::BotHungUp), Value::Null);
        assert_eq!(
            failure(true, Ending::AudioLost),
            json!({"stage": "midcall", "reason": "audioLost"})
        );
    }
}
