//! What every part of the running platform shares, and what a call needs done outside itself.

use std::sync::Arc;

use offhook_engine::{Ending, Event, Invitee, NotReached, Speech, SpeechForm, TalkRules};
use offhook_media::Clip;
use offhook_terms::{AppId, CallId, LegId, Private};
use offhook_workplace::Month;
use url::Url;

use crate::calls::{self, NewCall};
use crate::channel::Channel;
use crate::outbox::Outboxes;
use crate::prompts::Prompts;
use crate::registry::{Bot, Registry};
use crate::sip::Dialler;
use crate::store::{self, Recordings, Refusal, Store};
use crate::switchboard::Switchboard;
use crate::tapes::Tapes;
use crate::workplace::Meetings;
use crate::{clock, media};

/// What a caller hears of a bot that fails, in the words of the shipped recording.
const APOLOGY: &str = "Sorry. Something went wrong. Please try again later.";

/// The parts of the running platform that calls lean on.
pub(crate) struct Platform {
    pub(crate) registry: Arc<Registry>,
    pub(crate) switchboard: Switchboard,
    pub(crate) media: Arc<media::Host>,
    pub(crate) prompts: Arc<Prompts>,
    pub(crate) recordings: Arc<Recordings>,
    pub(crate) tapes: Arc<Tapes>,
    pub(crate) outboxes: Outboxes,
    pub(crate) channel: Channel,
    pub(crate) store: Store,
    pub(crate) meetings: Meetings,
    pub(crate) dialler: Dialler,
    /// The beep that says *speak now*.
    pub(crate) beep: Clip,
}

impl Platform {
    /// A call begins. The bot that is in it from the start hears of it at that address, or at its
    /// webhook.
    pub(crate) fn begin(self: &Arc<Self>, new: NewCall, callback: Option<&Url>) {
        if let Some((leg, bot)) = new.bot {
            self.leg_begins(new.call.id(), leg, bot, callback);
        }
        tokio::spawn(calls::run(Arc::clone(self), new));
    }

    /// How a bot converses.
    pub(crate) fn talk_rules(&self, bot: &Bot) -> TalkRules {
        let talk = &bot.talk;
        TalkRules {
            apology: Speech {
                words: Private::new(APOLOGY.to_owned()),
                form: SpeechForm::Plain,
                locale: "en-US".to_owned(),
                voice: None,
            },
            locale: talk.locale.clone(),
            receipts: talk.receipts,
            no_input: talk.no_input,
            hears_speech: self.media.hears_speech(),
            handoff: talk.handoff,
        }
    }

    /// A bot has a leg in a call and will hear of it: at the address it named, or at its webhook.
    pub(crate) fn leg_begins(&self, call: CallId, leg: LegId, bot: AppId, callback: Option<&Url>) {
        let bounded = |bot: &Arc<Bot>| bot.limits.calls_per_month.is_some();
        if self.registry.bot(bot).is_some_and(bounded) {
            self.store.call_made(bot, Month::of(clock::wall()));
        }
        self.prompts.begin(leg);
        self.outboxes.open(call, leg, bot, callback);
        self.channel.open(call, leg, bot);
    }

    /// An event was decided: it is written down, and then the bot is told. `called` is whom the bot
    /// called, when that is what the event is about.
    pub(crate) fn tell(&self, call: CallId, bot: AppId, event: Event, called: &[Invitee]) {
        let entry = store::entry(call, bot, &event, called, clock::wall());
        self.store.append(entry);
        self.outboxes.push(event);
    }

    /// A bot's leg is over and its last event has been told.
    pub(crate) fn leg_ended(&self, leg: LegId) {
        self.recordings.call_ended(leg);
        self.prompts.forget(leg);
        self.outboxes.close(leg);
        self.channel.close(leg);
    }

    /// A call ended before it was answered: one record says which rule was tried, why it failed and
    /// what to change.
    pub(crate) fn note_refusal(&self, call: CallId, bot: AppId, leg: LegId, ending: Ending) {
        let trouble = self.outboxes.trouble(leg);
        let refusal = Refusal::of_ending(ending, trouble, clock::wall());
        self.store.refuse(refusal.about(call, leg, bot));
    }

    /// Somebody who was called did not come. `words` say why and what to change when more is known
    /// than the reason.
    pub(crate) fn note_not_reached(
        &self,
        call: CallId,
        bot: Option<(LegId, AppId)>,
        why: NotReached,
        words: Option<(String, &'static str)>,
    ) {
        let mut refusal = Refusal::of_ending(Ending::NotReached(why), None, clock::wall());
        refusal.call = Some(call);
        (refusal.leg, refusal.bot) = bot.unzip();
        if let Some((why, change)) = words {
            refusal.why = why;
            refusal.change = change.to_owned();
        }
        self.store.refuse(refusal);
    }

    /// A caller was turned down before there was a call.
    pub(crate) fn note_turned_down(
        &self,
        rule: &'static str,
        why: &'static str,
        change: &'static str,
    ) {
        self.store.refuse(Refusal {
            at: clock::wall(),
            call: None,
            leg: None,
            bot: None,
            rule: rule.to_owned(),
            why: why.to_owned(),
            change: change.to_owned(),
        });
    }
}
