//! Session descriptions: what a port and its peer agree on (RFC 8866, RFC 3264).
//!
//! ```text
//!   offer ─▶ Session::answer ─▶ (our answer, Agreed)        they called, or they hold and resume
//!   Session::offer ─▶ … ─▶ their answer ─▶ Session::accept ─▶ Agreed      we called, or offered late
//! ```
//!
//! The rest of the platform carries the text unopened.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sipx_sdp::{Attribute, MediaDescription, SessionDescription};

use offhook_terms::Private;

use crate::codec::Codec;
use crate::crypto::Line;
use crate::limits;
use crate::srtp::{Key, Protection, Suite};

pub use sipx_sdp::Direction;

/// What both sides agreed on: all a port needs to send and to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Agreed {
    /// Where the peer says it hears RTP. The latch may find it elsewhere.
    pub remote: SocketAddr,
    /// Where the peer says it hears RTCP.
    pub remote_rtcp: SocketAddr,
    /// RTCP shares the RTP port (RFC 5761).
    pub rtcp_mux: bool,
    /// The codec we send.
    pub codec: Codec,
    /// The payload type we send it with.
    pub payload_type: u8,
    /// The payload types we hear: each codec's number, should it be agreed.
    pub hears: [Option<u8>; Codec::ALL.len()],
    /// How we send tones (RFC 4733), if the peer takes them.
    pub tones_sent_as: Option<TonesAs>,
    /// How the peer sends tones; where we offered two clocks it may use either.
    pub tones_heard_as: [Option<TonesAs>; 2],
    /// Our direction: `sends()` and `receives()` are ours. Held by the peer: `RecvOnly` or `Inactive`.
    pub direction: Direction,
    /// How packets are encrypted, if they are.
    pub protection: Option<Protection>,
    /// How long each packet is that we send, in 1/8000 s.
    pub packet_units: u16,
}

/// Whether audio is encrypted (SRTP, keyed by descriptions).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// Never. Who offers nothing else is refused.
    #[default]
    Off,
    /// Where the peer offers it; what we offer is plain.
    Accept,
    /// Where the peer can: it is offered, and accepted when offered.
    Offer,
    /// Always. Who cannot is refused.
    Require,
}

/// How tones are sent as packets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TonesAs {
    /// The payload type.
    pub payload_type: u8,
    /// The clock that measures how long a press lasts: that of the codec beside it (RFC 4733 §2.1).
    pub clock: u32,
}

impl Agreed {
    /// The codec a payload type is heard as.
    pub(crate) fn codec_heard_as(&self, payload_type: u8) -> Option<Codec> {
        let at = self
            .hears
            .iter()
            .position(|heard| *heard == Some(payload_type))?;
        Some(Codec::ALL[at])
    }

    /// Whether a codec is heard under any number.
    pub(crate) fn hears_codec(&self, codec: Codec) -> bool {
        let heard = Codec::ALL.iter().position(|c| *c == codec);
        heard.is_some_and(|at| self.hears[at].is_some())
    }

    /// The tones a payload type is heard as.
    pub(crate) fn tone_heard_as(&self, payload_type: u8) -> Option<TonesAs> {
        let mut heard = self.tones_heard_as.iter().flatten();
        heard.find(|as_| as_.payload_type == payload_type).copied()
    }

    /// The peer put us on hold: it does not want to hear us.
    pub const fn on_hold(&self) -> bool {
        matches!(self.direction, Direction::RecvOnly | Direction::Inactive)
    }

    /// One codec and both laws of G.711, tones as event 101, both ways, 20 ms: for programs that agree by
    /// other means than SDP, such as tests and the benchmark's floor.
    pub fn plain(codec: Codec, remote: SocketAddr, remote_rtcp: SocketAddr) -> Self {
        let tones = Some(TonesAs {
            payload_type: TONES_PAYLOAD_TYPE,
            clock: codec.clock(),
        });
        Self {
            remote,
            remote_rtcp,
            rtcp_mux: false,
            codec,
            payload_type: codec.payload_type(),
            hears: Codec::ALL.map(|heard| {
                (heard == codec || heard.law().is_some()).then(|| heard.payload_type())
            }),
            tones_sent_as: tones,
            tones_heard_as: [tones, None],
            direction: Direction::SendRecv,
            protection: None,
            packet_units: 160,
        }
    }
}

/// Why a description is refused; as a SIP answer this is 488 with a `Warning` (RFC 3261 §20.43).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SdpRefusal {
    /// Not a session description at all, or one beyond our bounds.
    #[error("the session description cannot be read: {0}")]
    Unreadable(String),
    /// No media line of audio over plain RTP.
    #[error("no audio over RTP/AVP is described")]
    NoAudio,
    /// Audio, but nothing we can decode.
    #[error("no common codec: opus, G722, PCMU and PCMA are spoken here")]
    NoCommonCodec,
    /// Audio at an address nothing can be sent to from here.
    #[error("the audio's address cannot be used from here")]
    UnusableAddress,
    /// Audio only under encryption, which is switched off, or of another kind.
    #[error("only encrypted audio is described, and not in a way that is spoken here")]
    EncryptedOnly,
    /// Audio in the clear, where encryption is required.
    #[error("audio must be encrypted here (SRTP with a=crypto)")]
    NotEncrypted,
    /// Our offer was declined: its audio line came back with port 0.
    #[error("the audio we offered was declined")]
    Declined,
    /// An answer to something else: it describes another number of streams than we offered.
    #[error("the answer does not fit our offer")]
    NotAnAnswer,
}

/// Our side of one leg's descriptions, from its first offer to its last.
///
/// It owns the version number of `o=`: one higher each time what we say has changed, the same when
/// it has not (RFC 3264 §8).
#[derive(Debug, Clone)]
pub struct Session {
    address: IpAddr,
    rtp_port: u16,
    rtcp_port: u16,
    id: u64,
    version: u64,
    direction: Direction,
    codecs: Vec<Codec>,
    encryption: Encryption,
    /// Our keys, one for each suite: those of the session until the peer renews its own.
    keys: [Key; Suite::ALL.len()],
    /// The peer's key, once agreed.
    their_key: Option<Key>,
    /// The transport of the audio line, once agreed.
    protocol: Option<String>,
    /// What follows `o=` in the description sent last, to see whether it changed. It may hold a key.
    said: Private<String>,
    /// How many media lines our offer had: an answer has as many.
    offered_lines: usize,
    /// The media lines of the session in order, once agreed; a re-offer keeps them.
    rejected_before: Vec<MediaDescription>,
    rejected_after: Vec<MediaDescription>,
    /// The payload types tones have in this session, at 8 and at 48 kHz; they must not change once
    /// agreed.
    tones: [u8; 2],
}

/// The payload type of tones in our own offers; everybody uses it.
const TONES_PAYLOAD_TYPE: u8 = 101;

/// That of tones beside Opus, by its clock.
const WIDE_TONES_PAYLOAD_TYPE: u8 = 100;

const COMFORT_NOISE: &str = "13";

impl Session {
    /// A session at an address and two ports; `id` is any number unlike others from this address.
    pub fn new(address: IpAddr, rtp_port: u16, rtcp_port: u16, id: u64) -> Self {
        Self {
            address,
            rtp_port,
            rtcp_port,
            // Some phones read these into 63 bits.
            id: id >> 2,
            version: 1,
            direction: Direction::SendRecv,
            codecs: Codec::ALL.to_vec(),
            encryption: Encryption::Off,
            keys: Suite::ALL.map(|_| Key::fresh()),
            their_key: None,
            protocol: None,
            said: Private::default(),
            offered_lines: 0,
            rejected_before: Vec::new(),
            rejected_after: Vec::new(),
            tones: [TONES_PAYLOAD_TYPE, WIDE_TONES_PAYLOAD_TYPE],
        }
    }

    /// Restricts and orders the codecs of this side; an empty list leaves all.
    #[must_use]
    pub fn with_codecs(mut self, codecs: &[Codec]) -> Self {
        if !codecs.is_empty() {
            self.codecs = codecs.to_vec();
        }
        self
    }

    /// Whether audio is encrypted; it is not unless this is called.
    #[must_use]
    pub fn with_encryption(mut self, encryption: Encryption) -> Self {
        self.encryption = encryption;
        self
    }

    /// What we wish for ourselves from the next offer or answer on: `SendOnly` holds the peer.
    pub fn set_direction(&mut self, direction: Direction) {
        self.direction = direction;
    }

    /// Our offer: the first, or a re-offer.
    pub fn offer(&mut self) -> String {
        let mut formats: Vec<String> = self
            .codecs
            .iter()
            .map(|codec| codec.payload_type().to_string())
            .collect();
        let mut attributes = Vec::new();
        for codec in &self.codecs {
            describe(*codec, codec.payload_type(), &mut attributes);
        }
        for tones in self.tones_offered() {
            if !self.codecs.iter().any(|codec| codec.clock() == tones.clock) {
                continue;
            }
            let number = tones.payload_type.to_string();
            attributes.push(rtpmap(&number, &tones_format(tones.clock)));
            attributes.push(Attribute::valued("fmtp", format!("{number} 0-15")));
            formats.push(number);
        }
        attributes.push(Attribute::valued("ptime", "20"));
        attributes.push(Attribute::valued("rtcp", self.rtcp_port.to_string()));
        attributes.push(Attribute::flag(self.direction.as_str()));
        let mut audio = MediaDescription::audio(self.rtp_port, formats);
        if self.offers_encryption() {
            attributes.extend(self.crypto_offered().map(|line| crypto(&line)));
        }
        // A phone that knows nothing of it reads plain audio and passes the keys over.
        let new = match self.encryption {
            Encryption::Off | Encryption::Accept | Encryption::Offer => PLAIN,
            Encryption::Require => SECURE,
        };
        let protocol = self.protocol.as_deref().unwrap_or(new);
        protocol.clone_into(&mut audio.protocol);
        audio.attributes = attributes;
        let mut media = self.rejected_before.clone();
        media.push(audio);
        media.extend(self.rejected_after.iter().cloned());
        self.offered_lines = media.len();
        self.say(media)
    }

    /// Answers an offer, the first or a later one.
    ///
    /// # Errors
    /// Why it cannot be answered; nothing of the session has changed then.
    pub fn answer(&mut self, offer: &str) -> Result<(String, Agreed), SdpRefusal> {
        let offer = read(offer)?;
        let (at, audio) = choose_audio(&offer, self.encryption)?;
        let remote = self.remote(&offer, audio)?;
        let formats = Formats::of(audio);
        let (payload_type, codec) = self.choose(&formats).ok_or(SdpRefusal::NoCommonCodec)?;
        let tones = formats.tones_for(codec);
        let direction = answered_direction(&offer, audio, remote, self.direction);

        let format = payload_type.to_string();
        let mut attributes = Vec::new();
        describe(codec, payload_type, &mut attributes);
        let mut chosen = vec![format];
        if let Some(tones) = tones {
            let number = tones.payload_type.to_string();
            attributes.push(rtpmap(&number, &tones_format(tones.clock)));
            attributes.push(Attribute::valued("fmtp", format!("{number} 0-15")));
            chosen.push(number);
            self.tones[usize::from(tones.clock == Codec::Opus.clock())] = tones.payload_type;
        }
        if audio.formats.iter().any(|format| format == COMFORT_NOISE) {
            attributes.push(rtpmap(COMFORT_NOISE, "CN"));
            chosen.push(COMFORT_NOISE.to_owned());
        }
        let packet_units = codec.packet_units(packet_units(audio));
        attributes.push(Attribute::valued("ptime", (packet_units / 8).to_string()));
        let rtcp_mux = audio.rtcp_mux();
        if rtcp_mux {
            attributes.push(Attribute::flag("rtcp-mux"));
        } else {
            attributes.push(Attribute::valued("rtcp", self.rtcp_port.to_string()));
        }
        attributes.push(Attribute::flag(direction.as_str()));
        let protection = self.protect(audio).map(|(tag, protection)| {
            let (suite, key) = (protection.suite, protection.ours);
            attributes.push(crypto(&Line { tag, suite, key }));
            protection
        });
        self.protocol = Some(audio.protocol.clone());
        let mut ours = MediaDescription::audio(self.rtp_port, chosen);
        ours.protocol.clone_from(&audio.protocol);
        ours.attributes = attributes;

        let agreed = Agreed {
            remote,
            remote_rtcp: remote_rtcp(audio, remote, rtcp_mux),
            rtcp_mux,
            codec,
            payload_type,
            hears: formats.hears(),
            tones_sent_as: tones,
            tones_heard_as: [tones, None],
            direction,
            protection,
            packet_units,
        };
        self.rejected_before = offer.media[..at].iter().map(rejected).collect();
        self.rejected_after = offer.media[at + 1..].iter().map(rejected).collect();
        let mut media = self.rejected_before.clone();
        media.push(ours);
        media.extend(self.rejected_after.iter().cloned());
        Ok((self.say(media), agreed))
    }

    /// Reads the answer to our last [`offer`](Self::offer).
    ///
    /// # Errors
    /// Why nothing is agreed; what was agreed before stays so.
    pub fn accept(&self, answer: &str) -> Result<Agreed, SdpRefusal> {
        let answer = read(answer)?;
        if answer.media.len() != self.offered_lines {
            return Err(SdpRefusal::NotAnAnswer);
        }
        // Nothing may have been offered, or offers have crossed: then its place need not be there.
        let audio = answer
            .media
            .get(self.rejected_before.len())
            .filter(|line| line.media == "audio")
            .ok_or(SdpRefusal::NotAnAnswer)?;
        if audio.is_rejected() {
            return Err(SdpRefusal::Declined);
        }
        let protection = self.protected(audio)?;
        let remote = self.remote(&answer, audio)?;
        let formats = Formats::of(audio);
        let (payload_type, codec) = formats
            .codecs
            .iter()
            .find(|(_, codec)| self.codecs.contains(codec))
            .copied()
            .ok_or(SdpRefusal::NoCommonCodec)?;
        let tones = formats.tones_for(codec);
        Ok(Agreed {
            remote,
            remote_rtcp: remote_rtcp(audio, remote, false),
            // We never offer it: two ports are bound before the peer has spoken.
            rtcp_mux: false,
            codec,
            payload_type,
            // The peer sends with our numbers (RFC 3264 §6.1); some send with their own all the same.
            hears: formats.hears(),
            tones_sent_as: tones,
            tones_heard_as: self
                .tones_offered()
                .map(|offered| tones.is_some().then_some(offered)),
            direction: answered_direction(&answer, audio, remote, self.direction),
            protection,
            packet_units: codec.packet_units(packet_units(audio)),
        })
    }

    /// Our offers name keys. One that accepts encryption does so once the peer has begun it, so that a
    /// later offer of ours keeps it.
    fn offers_encryption(&self) -> bool {
        match self.encryption {
            Encryption::Off => false,
            Encryption::Accept => self.their_key.is_some(),
            Encryption::Offer | Encryption::Require => true,
        }
    }

    /// The keys of our offers.
    fn crypto_offered(&self) -> impl Iterator<Item = Line> {
        let keys = self.keys;
        (1..)
            .zip(Suite::ALL)
            .zip(keys)
            .map(|((tag, suite), key)| Line { tag, suite, key })
    }

    /// What an offered line is protected with, and the tag of its key; ours is fresh when the peer's is.
    fn protect(&mut self, audio: &MediaDescription) -> Option<(u32, Protection)> {
        if self.encryption == Encryption::Off {
            return None;
        }
        let Line { tag, suite, key } = crypto_lines(audio).next()?;
        if self.their_key.is_some_and(|before| before != key) {
            self.keys = Suite::ALL.map(|_| Key::fresh());
        }
        self.their_key = Some(key);
        let at = Suite::ALL.iter().position(|s| *s == suite)?;
        let protection = Protection {
            suite,
            ours: self.keys[at],
            theirs: key,
        };
        Some((tag, protection))
    }

    /// What the line of an answer is protected with.
    fn protected(&self, audio: &MediaDescription) -> Result<Option<Protection>, SdpRefusal> {
        let mut offered = self.crypto_offered();
        let accepted = if self.offers_encryption() {
            // The tag and the suite must be one of ours (RFC 4568 §5.1.3).
            crypto_lines(audio).find_map(|theirs| {
                let ours =
                    offered.find(|ours| (ours.tag, ours.suite) == (theirs.tag, theirs.suite))?;
                Some(Protection {
                    suite: ours.suite,
                    ours: ours.key,
                    theirs: theirs.key,
                })
            })
        } else {
            None
        };
        match (accepted, self.encryption) {
            (None, Encryption::Require) => Err(SdpRefusal::NotEncrypted),
            (None, _) if !is_plain(audio) => Err(SdpRefusal::EncryptedOnly),
            _ => Ok(accepted),
        }
    }

    /// The tones of our offers: by the clock of each codec that is in them (RFC 4733 §2.1).
    fn tones_offered(&self) -> [TonesAs; 2] {
        let [payload_type, wide] = self.tones;
        [
            TonesAs {
                payload_type,
                clock: 8_000,
            },
            TonesAs {
                payload_type: wide,
                clock: Codec::Opus.clock(),
            },
        ]
    }

    /// The codec of an offer that we answer with: our first choice, so that a voice is heard as well as
    /// both sides can. Between the two laws of G.711, which are worth the same, the peer's order decides.
    fn choose(&self, formats: &Formats) -> Option<(u8, Codec)> {
        let offered = |wanted: &Codec| formats.codecs.iter().find(|(_, codec)| codec == wanted);
        let first = self.codecs.iter().find_map(offered)?;
        if first.1.law().is_none() {
            return Some(*first);
        }
        let mut laws = formats.codecs.iter();
        laws.find(|(_, codec)| codec.law().is_some() && self.codecs.contains(codec))
            .copied()
    }

    fn remote(
        &self,
        description: &SessionDescription,
        audio: &MediaDescription,
    ) -> Result<SocketAddr, SdpRefusal> {
        let address = description
            .address_for(audio)
            .ok_or(SdpRefusal::UnusableAddress)?;
        if address.is_multicast() || address.is_ipv4() != self.address.is_ipv4() {
            return Err(SdpRefusal::UnusableAddress);
        }
        if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err(SdpRefusal::UnusableAddress);
        }
        Ok(SocketAddr::new(address, audio.port))
    }

    fn say(&mut self, media: Vec<MediaDescription>) -> String {
        let mut description = SessionDescription::new(self.address, self.id, 0);
        description.media = media;
        let said = description.to_string_sdp();
        if !self.said.reveal().is_empty() && *self.said.reveal() != said {
            self.version += 1;
        }
        self.said = Private::new(said);
        description.origin.session_version = self.version;
        description.to_string_sdp()
    }
}

/// The formats of an audio line that mean something to us, in the order they were named.
struct Formats {
    codecs: Vec<(u8, Codec)>,
    tones: Vec<TonesAs>,
}

impl Formats {
    fn of(audio: &MediaDescription) -> Self {
        let mut formats = Self {
            codecs: Vec::new(),
            tones: Vec::new(),
        };
        for format in &audio.formats {
            let Ok(number @ 0..=127) = format.parse::<u8>() else {
                continue;
            };
            match audio.rtpmap(format) {
                Some(map) => {
                    let named = Codec::ALL
                        .into_iter()
                        .find(|codec| same_format(map, &format_of(*codec)));
                    if let Some(codec) = named {
                        formats.codecs.push((number, codec));
                    }
                    let clock = TONE_CLOCKS
                        .into_iter()
                        .find(|clock| same_format(map, &tones_format(*clock)));
                    if let Some(clock) = clock {
                        formats.tones.push(TonesAs {
                            payload_type: number,
                            clock,
                        });
                    }
                }
                // Static payload types need no rtpmap (RFC 3551 §6).
                None => {
                    let named = Codec::ALL
                        .into_iter()
                        .find(|codec| codec.payload_type() == number && number < 96);
                    if let Some(codec) = named {
                        formats.codecs.push((number, codec));
                    }
                }
            }
        }
        formats
    }

    /// How tones are sent beside a codec: by its own clock, or by the other when the peer knows no
    /// better.
    fn tones_for(&self, codec: Codec) -> Option<TonesAs> {
        let same = self.tones.iter().find(|as_| as_.clock == codec.clock());
        same.or_else(|| self.tones.first()).copied()
    }

    /// Which number each codec is heard with: as described, or else its static number, because
    /// gateways switch between the two laws without asking.
    fn hears(&self) -> [Option<u8>; Codec::ALL.len()] {
        Codec::ALL.map(|codec| {
            let described = self
                .codecs
                .iter()
                .find(|(_, c)| *c == codec)
                .map(|(number, _)| *number);
            described.or_else(|| {
                codec.law()?;
                let number = codec.payload_type();
                let taken = self.codecs.iter().any(|(n, _)| *n == number)
                    || self.tones.iter().any(|as_| as_.payload_type == number);
                (!taken).then_some(number)
            })
        })
    }
}

/// The clocks tones are measured by.
const TONE_CLOCKS: [u32; 2] = [8_000, 48_000];

fn same_format(rtpmap: &str, format: &str) -> bool {
    sipx_sdp::rtpmap::same_format(rtpmap.trim(), format)
}

/// A codec as `a=rtpmap` names it.
fn format_of(codec: Codec) -> String {
    // Opus is always described with two channels (RFC 7587 §7).
    let channels = if codec == Codec::Opus { "/2" } else { "" };
    format!("{}/{}{channels}", codec.name(), codec.clock())
}

/// A codec's lines in a description.
fn describe(codec: Codec, payload_type: u8, attributes: &mut Vec<Attribute>) {
    let number = payload_type.to_string();
    attributes.push(rtpmap(&number, &format_of(codec)));
    if codec == Codec::Opus {
        // More than this is neither heard nor said here, and lost packets are not repaired.
        let parameters = "maxplaybackrate=16000;sprop-maxcapturerate=16000;useinbandfec=0";
        attributes.push(Attribute::valued("fmtp", format!("{number} {parameters}")));
    }
}

fn tones_format(clock: u32) -> String {
    format!("telephone-event/{clock}")
}

fn rtpmap(number: &str, format: &str) -> Attribute {
    Attribute::valued("rtpmap", format!("{number} {format}"))
}

fn read(text: &str) -> Result<SessionDescription, SdpRefusal> {
    if text.len() > limits::SDP_BYTES_MAX {
        return Err(SdpRefusal::Unreadable("it is too long".to_owned()));
    }
    // The parser's own words quote the peer's text, which may hold a name; ours do not.
    let description = sipx_sdp::parse(text).map_err(|error| {
        SdpRefusal::Unreadable(match error {
            sipx_sdp::SdpError::Missing(line) => format!("the {line} line is missing"),
            sipx_sdp::SdpError::Invalid { field, .. } => format!("its {field} is invalid"),
            _ => "a line is malformed".to_owned(),
        })
    })?;
    let formats_fit = description
        .media
        .iter()
        .all(|m| m.formats.len() <= limits::SDP_FORMATS_MAX);
    if description.media.len() > limits::SDP_MEDIA_MAX || !formats_fit {
        return Err(SdpRefusal::Unreadable("it describes too much".to_owned()));
    }
    Ok(description)
}

fn choose_audio(
    offer: &SessionDescription,
    encryption: Encryption,
) -> Result<(usize, &MediaDescription), SdpRefusal> {
    let live = |m: &MediaDescription| m.media == "audio" && !m.is_rejected();
    let keyed = |m: &MediaDescription| live(m) && is_rtp(m) && crypto_lines(m).next().is_some();
    let plain = |m: &MediaDescription| live(m) && is_plain(m);
    let find = |is_fit: &dyn Fn(&MediaDescription) -> bool| {
        offer
            .media
            .iter()
            .position(|m| is_fit(m) && !Formats::of(m).codecs.is_empty())
    };
    let at = match encryption {
        Encryption::Off => find(&plain),
        Encryption::Accept | Encryption::Offer => find(&keyed).or_else(|| find(&plain)),
        Encryption::Require => find(&keyed),
    };
    if let Some(at) = at {
        return Ok((at, &offer.media[at]));
    }
    let usable = |m: &MediaDescription| match encryption {
        Encryption::Off => plain(m),
        Encryption::Accept | Encryption::Offer => keyed(m) || plain(m),
        Encryption::Require => keyed(m),
    };
    let any = |is: &dyn Fn(&MediaDescription) -> bool| offer.media.iter().any(is);
    if any(&usable) {
        Err(SdpRefusal::NoCommonCodec)
    } else if encryption == Encryption::Require && any(&plain) {
        Err(SdpRefusal::NotEncrypted)
    } else if any(&live) {
        Err(SdpRefusal::EncryptedOnly)
    } else {
        Err(SdpRefusal::NoAudio)
    }
}

const PLAIN: &str = "RTP/AVP";
const SECURE: &str = "RTP/SAVP";

fn is_plain(media: &MediaDescription) -> bool {
    matches!(media.protocol.as_str(), PLAIN | "RTP/AVPF")
}

fn is_rtp(media: &MediaDescription) -> bool {
    is_plain(media) || matches!(media.protocol.as_str(), SECURE | "RTP/SAVPF")
}

/// The keys of a line that can be used here, in its order.
fn crypto_lines(audio: &MediaDescription) -> impl Iterator<Item = Line> {
    let lines = audio.attributes.iter().filter(|a| a.name == "crypto");
    lines.filter_map(|a| Line::read(a.value.as_deref()?))
}

fn crypto(line: &Line) -> Attribute {
    Attribute::valued("crypto", line.write())
}

fn rejected(media: &MediaDescription) -> MediaDescription {
    let mut rejected = MediaDescription::audio(0, media.formats.clone());
    rejected.media.clone_from(&media.media);
    rejected.protocol.clone_from(&media.protocol);
    rejected
}

/// The peer's direction, mirrored and narrowed to what we wish. An address of zeros is the hold of
/// RFC 2543: nothing may be sent to it.
fn answered_direction(
    description: &SessionDescription,
    audio: &MediaDescription,
    remote: SocketAddr,
    wished: Direction,
) -> Direction {
    let theirs = audio
        .declared_direction()
        .unwrap_or_else(|| description.direction());
    let can_hear = theirs.receives() && !remote.ip().is_unspecified();
    match (
        can_hear && wished.sends(),
        theirs.sends() && wished.receives(),
    ) {
        (true, true) => Direction::SendRecv,
        (true, false) => Direction::SendOnly,
        (false, true) => Direction::RecvOnly,
        (false, false) => Direction::Inactive,
    }
}

/// RFC 3605: a port, perhaps with an address after it.
fn remote_rtcp(audio: &MediaDescription, rtp: SocketAddr, mux: bool) -> SocketAddr {
    if mux {
        return rtp;
    }
    let neighbour = SocketAddr::new(rtp.ip(), rtp.port().saturating_add(1));
    let Some(value) = audio.attribute("rtcp").and_then(|a| a.value.as_deref()) else {
        return neighbour;
    };
    let mut words = value.split_whitespace();
    let Some(port) = words
        .next()
        .and_then(|word| word.parse().ok())
        .filter(|port| *port != 0)
    else {
        return neighbour;
    };
    // Reports go where the audio goes, whatever address is named: a stranger must not be able to
    // point them at a third party.
    SocketAddr::new(rtp.ip(), port)
}

/// How long a packet is, in 1/8000 s: what the peer prefers, within what we send (10, 20, 30, 40 or
/// 60 ms), and not above its maximum.
fn packet_units(audio: &MediaDescription) -> u16 {
    let milliseconds = |name: &str| -> Option<u32> {
        let value = audio.attribute(name)?.value.as_deref()?.trim();
        value
            .parse::<f32>()
            .ok()
            .filter(|ms| (1.0..=1000.0).contains(ms))
            .map(|ms| ms as u32)
    };
    let wanted = milliseconds("ptime").unwrap_or(20);
    let most = milliseconds("maxptime").unwrap_or(60);
    let sent = [60, 40, 30, 20, 10]
        .into_iter()
        .find(|ms| *ms <= wanted && *ms <= most);
    sent.unwrap_or(10) as u16 * 8
}

#[cfg(test)]
#[path = "sdp_tests.rs"]
mod tests;
