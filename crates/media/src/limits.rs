//! Every bound of the media plane, its unit and its reason.

use std::time::Duration;

/// The largest datagram read. Sixty milliseconds of G.711 with a full RTP header need 572 bytes;
/// a longer one is cut by the kernel and refused by the parser.
pub const DATAGRAM_BYTES_MAX: usize = 1500;

/// The most audio one packet may bring, in 1/8000 s (60 ms). RFC 3551 lets phones send up to 200 ms,
/// none agreed with us sends over 60; a longer payload is dropped and counted.
pub const PACKET_UNITS_MAX: usize = 480;

/// The largest payload: 60 ms at 64 kbit/s. Opus may take more, but does not for a voice; a larger one
/// is dropped and counted.
pub const PAYLOAD_BYTES_MAX: usize = 480;

/// Packets the jitter buffer holds: 640 ms at 20 ms each. What does not fit is dropped as late.
pub const JITTER_PACKETS: usize = 32;

/// The most delay the jitter buffer takes on to wait for late packets, in 1/8000 s (200 ms).
/// Longer would be heard as a slow answer; what comes later still is concealed.
pub const JITTER_DELAY_UNITS_MAX: i32 = 1600;

/// The delay it begins with, in 1/8000 s (40 ms): one packet of reordering is free.
pub const JITTER_DELAY_UNITS_START: i32 = 320;

/// The least it shrinks to, in 1/8000 s (20 ms).
pub const JITTER_DELAY_UNITS_MIN: i32 = 160;

/// Frames a gap is filled with by fading the last sound; after that it is silence, because a
/// longer repetition is heard as a robot.
pub const CONCEALED_FRAMES_MAX: u32 = 3;

/// How long a fresh port may hear nothing before it says so. Longer than any phone takes to send
/// its first packet, shorter than a caller's patience with a one-way call.
pub const NOTHING_HEARD_AFTER: Duration = Duration::from_secs(5);

/// How long a peer that should send may send neither RTP nor RTCP before it is taken for dead.
/// Six RTCP intervals: a muted phone with silence suppression still reports.
pub const PEER_GONE_AFTER: Duration = Duration::from_secs(30);

/// A latched peer silent for this long may be heard from another address again (a rebinding NAT).
/// Fifty lost packets in a row are not loss, and a hijacker cannot make the peer silent.
pub const RELATCH_AFTER: Duration = Duration::from_secs(1);

/// Packets in sequence an unexpected address must send before it is latched. One guess of a
/// blind attacker passes no such test; a rebinding NAT does in 60 ms.
pub const LATCH_PROBATION_PACKETS: u8 = 3;

/// Between two RTCP reports (RFC 3550 §6.2, the least interval of a session of two).
pub const REPORT_EVERY: Duration = Duration::from_secs(5);

/// Ticks between two looks at the RTCP socket (one second): reports come every five seconds, and a
/// look is a system call.
pub const REPORT_READ_EVERY_TICKS: u64 = 50;

/// A record that has heard not one packet for this long ends with
/// [`NoMedia`](crate::RecordEnded::NoMedia). Longer than the usual initial silence, because a phone
/// that suppresses silence sends nothing either.
pub const NO_MEDIA_AFTER: Duration = Duration::from_secs(20);

/// Audio before a stop tone that is kept out of the file: gateways that turn a heard tone into
/// packets need about this long to recognise it, and the beginning of the tone is in the audio.
pub const TONE_LEAK_FRAMES: usize = 2;

/// Frames between the tick and whoever writes the recording (1.28 s). A drain that stalls longer
/// loses frames, counted by the tap; the call never waits for a disk.
pub const RECORDING_FRAMES: usize = 64;

/// Changes of the rate between the tick and whoever writes the recording of a call: each takes an offer and
/// an answer, so that in the time of [`RECORDING_FRAMES`] no phone makes as many.
pub const RATE_CHANGES_WAITING: usize = 16;

/// Events a room keeps while the way to the control side is full. Tones beyond it are dropped;
/// endings are kept whatever it costs.
pub const ROOM_EVENTS: usize = 32;

/// Events a seat keeps: what ends there is told within the same tick, and it hears no keys itself.
pub const SEAT_EVENTS: usize = 8;

/// Commands to one tick thread waiting for its next slot, at most 5 ms away. When it is full the
/// sender is told at once and nothing is lost silently.
pub const THREAD_COMMANDS: usize = 4096;

/// Events of one tick thread waiting for the control side. When full they wait in their rooms.
pub const THREAD_EVENTS: usize = 4096;

/// Commands taken in one slot: a burst of a thousand calls must not make one slot late.
pub const COMMANDS_PER_SLOT: usize = 64;

/// Rooms one thread owns: four wheel slots of this many over four. At some 10 µs a room a core
/// is full near half of it.
pub const ROOMS_PER_THREAD: usize = 8192;

/// The niceness of a tick thread where it may be chosen: ten times the share of an ordinary thread,
/// and still below what a system keeps for itself.
pub const TICK_NICENESS: i32 = -10;

/// Phones of one room: a large meeting. At some 10 µs a port, all of them are a few per cent of
/// a tick, and every room reserves no more than a pointer for each.
pub const PORTS_PER_ROOM: usize = 64;

/// Seats of one room: a call has a bot or two, a meeting may have a few.
pub const SEATS_PER_ROOM: usize = 8;

/// Distinct mixes of a tick that are kept for the next listener who hears the same: of whoever
/// listens without speaking there are as many as a room has groups. Beyond it they are made again.
pub const MIXES_KEPT: usize = 8;

/// Ticks a host that was late catches up with (one second): of a longer sleep recordings leave the
/// rest out.
pub const TICKS_CAUGHT_UP_MAX: u32 = 50;

/// Packets read from one socket when it is emptied, every eighth tick, for a peer that sends one
/// packet a tick.
pub const READS_WHEN_EMPTYING: usize = 4;

/// Tries to find a free even port with a free odd neighbour before giving up.
pub const PORT_TRIES: usize = 2048;

/// A session description longer than this is not one of a phone.
pub const SDP_BYTES_MAX: usize = 16 * 1024;

/// Media lines of one description; a refusal line must be written for each.
pub const SDP_MEDIA_MAX: usize = 16;

/// Formats of one media line.
pub const SDP_FORMATS_MAX: usize = 64;

/// The longest clip: ten minutes. A prompt is held three times in memory, as both laws of G.711 and as
/// 16 kHz samples: 48 kB a second.
pub const CLIP_SECONDS_MAX: u32 = 600;

const _: () = {
    assert!(JITTER_DELAY_UNITS_MIN <= JITTER_DELAY_UNITS_START);
    assert!(JITTER_DELAY_UNITS_START <= JITTER_DELAY_UNITS_MAX);
    assert!((JITTER_DELAY_UNITS_MAX as usize) < JITTER_PACKETS * crate::TICK_SAMPLES);
    assert!(ROOMS_PER_THREAD.is_multiple_of(4));
};
