//! An utterance on its way: pieces of it reach whoever understands while it is still being spoken.

use std::time::Duration;

use tokio::sync::mpsc;

use crate::voice::RATE;
use crate::{Audio, limits};

/// A tenth of a second.
pub(crate) const PIECE: Duration = Duration::from_millis(100);

enum Piece {
    Sound(Vec<i16>),
    End,
}

/// Where what is heard goes in. Dropped before [`Self::end`], nobody wants to know any more.
#[derive(Debug)]
pub struct UtteranceFeed(mpsc::Sender<Piece>);

/// Where it comes out, 16,000 samples a second.
#[derive(Debug)]
pub struct Utterance {
    pieces: mpsc::Receiver<Piece>,
    samples: usize,
    is_over: bool,
    is_abandoned: bool,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Sound(samples) => write!(f, "Sound({} samples)", samples.len()),
            Self::End => f.write_str("End"),
        }
    }
}

/// Both ends of an utterance. Between them is room for the longest there is, so that nothing is lost
/// while a service is slow.
pub fn utterance() -> (UtteranceFeed, Utterance) {
    let pieces = limits::UTTERANCE_MAX
        .as_millis()
        .div_ceil(PIECE.as_millis());
    // What was heard before it began, the rest and the end are pieces too.
    let (feed, inbox) = mpsc::channel(pieces as usize + 3);
    let utterance = Utterance {
        pieces: inbox,
        samples: 0,
        is_over: false,
        is_abandoned: false,
    };
    (UtteranceFeed(feed), utterance)
}

impl UtteranceFeed {
    /// More of it. Whoever gave up understanding does not hear it.
    pub fn say(&self, samples: Vec<i16>) {
        let _ = self.0.try_send(Piece::Sound(samples));
    }

    /// That was all.
    pub fn end(self) {
        let _ = self.0.try_send(Piece::End);
    }
}

impl Utterance {
    /// What was said next; nothing at its end. Can be given up and asked again.
    pub async fn next(&mut self) -> Option<Vec<i16>> {
        if self.is_over {
            return None;
        }
        match self.pieces.recv().await {
            Some(Piece::Sound(samples)) => {
                self.samples += samples.len();
                return Some(samples);
            }
            Some(Piece::End) => {}
            None => self.is_abandoned = true,
        }
        self.is_over = true;
        None
    }

    /// All of it, for whoever cannot begin before; nothing when it was given up.
    pub(crate) async fn whole(&mut self) -> Option<Audio> {
        let mut samples = Vec::new();
        while let Some(piece) = self.next().await {
            samples.extend(piece);
        }
        let rate = RATE;
        (!self.is_abandoned).then_some(Audio { rate, samples })
    }

    /// How much of it has come out.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.samples as f64 / f64::from(RATE))
    }

    /// Nobody wants to know what was said: it was given up before its end.
    pub fn is_abandoned(&self) -> bool {
        self.is_abandoned
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_longest_is_kept_whole_while_nobody_takes_it() {
        let (feed, mut utterance) = utterance();
        let pieces = limits::UTTERANCE_MAX.as_millis() / PIECE.as_millis();
        for _ in 0..pieces + 2 {
            feed.say(vec![7; 1_600]);
        }
        feed.end();
        let all = utterance.whole().await.expect("all of it");
        assert_eq!(all.duration(), limits::UTTERANCE_MAX + 2 * PIECE);
        assert_eq!(utterance.duration(), all.duration());
        assert!(!utterance.is_abandoned());
        assert_eq!(utterance.next().await, None);
    }

    #[tokio::test]
    async fn one_that_is_given_up_is_known_to_be() {
        let (feed, mut utterance) = utterance();
        feed.say(vec![7; 16]);
        drop(feed);
        assert_eq!(utterance.whole().await, None);
        assert!(utterance.is_abandoned());
    }
}
