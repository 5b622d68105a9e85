//! Documents as bots write them.

use proptest::prelude::*;

use super::*;

fn words(markup: &str) -> Stretch {
    Stretch::Words {
        markup: markup.to_owned(),
        voice: None,
        locale: None,
    }
}

fn silence(ms: u64) -> Stretch {
    Stretch::Silence(Duration::from_millis(ms))
}

/// Pieces as text, to be compared.
fn shown(script: &Script) -> Vec<String> {
    fn show(stretch: &Stretch) -> String {
        match stretch {
            Stretch::Words {
                markup,
                voice,
                locale,
            } => {
                let of = |one: &Option<String>| one.clone().unwrap_or_default();
                format!("[{}|{}] {markup}", of(voice), of(locale))
            }
            Stretch::Silence(length) => format!("{} ms", length.as_millis()),
            Stretch::Audio { uri, otherwise } => {
                let otherwise: Vec<_> = otherwise.iter().map(show).collect();
                format!("{uri} or {}", otherwise.join(", "))
            }
        }
    }
    script.stretches.iter().map(show).collect()
}

#[test]
fn a_document_is_its_voices_and_silences() {
    let document = "<speak version='1.0' xmlns=\"https://www.w3.org/2001/10/synthesis\" \
        xml:lang='en-US'><voice name='en-US-GuyNeural'>Hello <break time=\"1500ms\"/>there</voice>\
        <voice name='de-DE-KatjaNeural' xml:lang='de-DE'>Hallo</voice></speak>";
    assert_eq!(
        shown(&read(document)),
        [
            "[en-US-GuyNeural|en-US] Hello",
            "1500 ms",
            "[en-US-GuyNeural|en-US] there",
            "[de-DE-KatjaNeural|de-DE] Hallo",
        ]
    );
}

#[test]
fn markup_goes_on_behind_a_silence() {
    let document = "<speak><prosody rate='slow'>one <break strength='weak'/>two</prosody></speak>";
    let slow = |text: &str| words(&format!("<prosody rate=\"slow\">{text}</prosody>"));
    assert_eq!(
        read(document).stretches,
        [slow("one "), silence(500), slow("two")]
    );
}

#[test]
fn elements_nobody_knows_are_their_content() {
    let document = "<speak xmlns:mstts='https://www.w3.org/2001/mstts'>\
        <mstts:express-as style='cheerful'>Good <b>day</b></mstts:express-as>\
        <emo:emotion>!</emo:emotion></speak>";
    assert_eq!(read(document).stretches, [words("Good day!")]);
}

#[test]
fn a_break_is_as_long_as_it_says_and_no_longer_than_five_seconds() {
    for (attributes, ms) in [
        ("time='250ms'", 250),
        ("time='2s'", 2_000),
        ("time='1.5s'", 1_500),
        ("time=' 10 S '", 5_000),
        ("time='60000ms'", 5_000),
        ("time='-1s'", 750),
        ("time='soon'", 750),
        ("strength='none'", 0),
        ("strength='x-strong'", 1_250),
        ("", 750),
    ] {
        let document = format!("<speak><break {attributes}/></speak>");
        assert_eq!(read(&document).stretches, [silence(ms)], "{attributes}");
    }
}

#[test]
fn an_ampersand_stands_for_itself() {
    for document in [
        "<speak>Salt & pepper</speak>",
        "<speak>Salt &amp; pepper</speak>",
        "<speak>Salt &#38; pepper</speak>",
    ] {
        let script = read(document);
        let [Stretch::Words { markup, .. }] = &script.stretches[..] else {
            panic!("{script:?}")
        };
        let is_escaped = markup == "Salt &amp; pepper" || markup == "Salt &#38; pepper";
        assert!(is_escaped, "{markup}");
    }
}

#[test]
fn a_sound_has_words_for_when_it_cannot_be_had() {
    let document = "<speak>Listen: <audio src='https://h.example/a.mp3'>a bell \
        <break time='1s'/></audio> Well?<audio src='https://h.example/b.wav'/></speak>";
    assert_eq!(
        shown(&read(document)),
        [
            "[|] Listen:",
            "https://h.example/a.mp3 or [|] a bell, 1000 ms",
            "[|] Well?",
            "https://h.example/b.wav or ",
        ]
    );
}

#[test]
fn what_is_no_document_is_its_words() {
    for (document, text) in [
        ("<speak>one <two", "one"),
        ("<speak>1 < 2 and <b>more</speak>", "1 more"),
        ("<speak>Tom &amp; <!-- never closed", "Tom &amp;"),
    ] {
        let script = read(document);
        let [Stretch::Words { markup, .. }] = &script.stretches[..] else {
            panic!("{document}: {script:?}")
        };
        let words: Vec<&str> = markup.split_whitespace().collect();
        assert_eq!(words.join(" "), text);
    }
}

#[test]
fn nothing_is_expanded() {
    let bomb = "<?xml version='1.0'?><!DOCTYPE speak [<!ENTITY a 'aaaaaaaaaa'>\
        <!ENTITY b '&a;&a;&a;&a;'><!ENTITY f SYSTEM 'file:///etc/passwd'>]>\
        <speak>before &b;&f;&nbsp;after</speak>";
    assert_eq!(read(bomb).stretches, [words("before after")]);
}

#[test]
fn depth_and_number_are_bounded() {
    let deep = format!("<speak>{}deep", "<prosody>".repeat(10_000));
    assert_eq!(read(&deep).stretches, [words("deep")]);
    let many = format!("<speak>{}</speak>", "a<break/>".repeat(10_000));
    assert_eq!(read(&many).stretches.len(), limits::STRETCHES_MAX);
}

#[test]
fn plain_text_is_spoken_as_it_stands() {
    assert_eq!(plain(" a < b & c ").stretches, [words("a &lt; b &amp; c")]);
    assert_eq!(plain("  ").stretches, []);
}

proptest! {
    /// Whatever comes, what is given to a synthesiser is well formed.
    #[test]
    fn markup_is_well_formed(document in "(<(speak|voice name='v'|prosody rate='x\"'|audio src='u'|s|/speak|/voice|/prosody|/audio|break/|/s|!--|x:y)>|&|a|&lt;|<|>|]]>|\u{7}| ){0,40}") {
        fn check(stretches: &[Stretch]) -> Result<(), TestCaseError> {
            for stretch in stretches {
                match stretch {
                    Stretch::Words { markup, .. } => {
                        let whole = format!("<speak>{markup}</speak>");
                        let mut reader = Reader::from_str(&whole);
                        loop {
                            match reader.read_event() {
                                Ok(Event::Eof) => break,
                                Ok(_) => {}
                                Err(why) => return Err(TestCaseError::fail(format!("{why}: {whole}"))),
                            }
                        }
                    }
                    Stretch::Audio { otherwise, .. } => check(otherwise)?,
                    Stretch::Silence(_) => {}
                }
            }
            Ok(())
        }
        check(&read(&document).stretches)?;
    }
}
