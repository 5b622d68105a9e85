//! A prompt a bot asked us to fetch: somebody's file, from somebody's server.

#![no_main]

use libfuzzer_sys::fuzz_target;
use offhook_media::{Clip, wav};

fuzz_target!(|bytes: &[u8]| {
    if wav::read_prompt(bytes).is_ok() {
        // What is accepted as a prompt can be played, and is no longer than its octets allow.
        let clip = Clip::from_prompt(bytes).expect("a prompt that was read can be a clip");
        assert!(
            clip.duration().as_millis() as usize <= bytes.len(),
            "longer than its octets"
        );
    }
    let _ = Clip::from_wav(bytes);
});
