//! Which key presses count, for the bot that is told of them and for the recording they may end.
//!
//! Some phones send every key press twice: in the audio stream (RFC 4733) and beside it (SIP
//! INFO). Matching the two by time would guess, and a guess makes one press of two or two of one.
//! So the way a phone sent its first key press is the way it is listened to from then on.

use offhook_terms::{LegId, Tone};

use super::Call;
use crate::phone::{Stage, ToneSource};
use crate::{Fact, MediaRequest, OperationKind, Refusal};

impl Call {
    pub(super) fn on_tone_signalled(&mut self, leg: LegId, tone: Tone) {
        self.on_tone(leg, tone, ToneSource::Signalling);
    }

    pub(super) fn on_tone_in_audio(&mut self, leg: LegId, tone: Tone) {
        self.on_tone(leg, tone, ToneSource::Audio);
    }

    fn on_tone(&mut self, leg: LegId, tone: Tone, source: ToneSource) {
        let Some(phone) = self.phone(leg) else { return };
        let is_its_way = *phone.tones_from.get_or_insert(source) == source;
        if !is_its_way || phone.stage != Stage::Talking {
            return;
        }
        if source == ToneSource::Signalling {
            // What comes in the audio has reached the recording before it reaches us.
            self.media(MediaRequest::ToneSignalled { leg, tone });
        }
        let side = self.side_of(leg).unwrap_or(0);
        let bots = self.bots.iter();
        let told: Vec<LegId> = bots
            .filter(|bot| bot.hears_tones && bot.voice.side == side && bot.is_talking())
            .map(|bot| bot.leg)
            .collect();
        for bot_leg in told {
            let Some(bot) = self.bot(bot_leg) else {
                continue;
            };
            bot.tone_sequence += 1;
            let sequence = bot.tone_sequence;
            self.tell(bot_leg, Fact::ToneHeard { sequence, tone });
        }
    }

    /// From now on the bot is told of every key press, of those who are there and of those who come.
    pub(super) fn subscribe_to_tones(&mut self, leg: LegId) -> Result<OperationKind, Refusal> {
        self.served(leg)?;
        if let Some(bot) = self.bot(leg) {
            bot.hears_tones = true;
        }
        let phones: Vec<LegId> = self.phones.iter().map(|phone| phone.leg).collect();
        for phone in phones {
            self.listen_to(phone);
        }
        Ok(OperationKind::SubscribeToTones)
    }

    /// Has media look for the key presses of a phone, once, if a bot wants to hear of them.
    pub(super) fn listen_to(&mut self, leg: LegId) {
        let side = self.side_of(leg).unwrap_or(0);
        let mut bots = self.bots.iter();
        let is_wanted = bots.any(|bot| bot.hears_tones && bot.voice.side == side);
        let Some(phone) = self.phone(leg).filter(|phone| phone.is_in_room()) else {
            return;
        };
        if is_wanted && !std::mem::replace(&mut phone.is_listened_to, true) {
            self.media(MediaRequest::ListenForTones { leg });
        }
    }
}
