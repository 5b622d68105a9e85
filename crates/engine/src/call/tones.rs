//! Which key presses count, for the bot that is told of them and for the recording they may end.
//!
//! Some phones send every key press twice: in the audio stream (RFC 4733) and beside it (SIP
//! INFO). Matching the two by time would guess, and a guess makes one press of two or two of one.
//! So the way a phone sent its first key press is the way it is listened to from then on.

use offhook_terms::{LegId, Tone};

use super::Call;
use crate::phone::{Stage, ToneSource};
use crate::{Fact, MediaRequest};

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
        if !self.bot.hears_tones {
            return;
        }
        self.bot.tone_sequence += 1;
        let sequence = self.bot.tone_sequence;
        self.tell(Fact::ToneHeard { sequence, tone });
    }
}
