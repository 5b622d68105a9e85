//! Decoded audio by the content of its file.

use std::collections::HashMap;
use std::time::Duration;

use offhook_media::Clip;

use crate::limits;

/// Clips by the hash of the file they were decoded from; the one not used for longest goes first.
#[derive(Default)]
pub(super) struct Decoded {
    clips: HashMap<[u8; 32], (Clip, u64)>,
    length: Duration,
    uses: u64,
}

impl Decoded {
    pub(super) fn get(&mut self, hash: &[u8; 32]) -> Option<Clip> {
        self.uses += 1;
        let (clip, used) = self.clips.get_mut(hash)?;
        *used = self.uses;
        Some(clip.clone())
    }

    pub(super) fn keep(&mut self, hash: [u8; 32], clip: Clip) {
        self.uses += 1;
        self.length += clip.duration();
        if let Some((replaced, _)) = self.clips.insert(hash, (clip, self.uses)) {
            self.length = self.length.saturating_sub(replaced.duration());
        }
        while self.clips.len() > 1
            && (self.length > limits::PROMPTS_DECODED_MAX
                || self.clips.len() > limits::PROMPTS_DECODED_COUNT_MAX)
        {
            let oldest = self.clips.iter().min_by_key(|(_, (_, used))| *used);
            let Some(oldest) = oldest.map(|(hash, _)| *hash) else {
                return;
            };
            if let Some((gone, _)) = self.clips.remove(&oldest) {
                self.length = self.length.saturating_sub(gone.duration());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clip_not_used_for_longest_goes_first() {
        let mut decoded = Decoded::default();
        let long = || Clip::tone(440.0, limits::PROMPTS_DECODED_MAX / 2, 0.1);
        decoded.keep([1; 32], long());
        decoded.keep([2; 32], long());
        assert!(decoded.get(&[1; 32]).is_some());
        decoded.keep([3; 32], long());
        assert!(decoded.get(&[1; 32]).is_some());
        assert!(decoded.get(&[2; 32]).is_none());
        assert!(decoded.get(&[3; 32]).is_some());
    }

    #[test]
    fn short_clips_are_bounded_too() {
        let mut decoded = Decoded::default();
        let short = Clip::tone(440.0, Duration::from_millis(20), 0.1);
        for n in 0..=limits::PROMPTS_DECODED_COUNT_MAX {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&n.to_be_bytes());
            decoded.keep(hash, short.clone());
        }
        assert_eq!(decoded.clips.len(), limits::PROMPTS_DECODED_COUNT_MAX);
        assert!(decoded.get(&[0; 32]).is_none());
    }
}
