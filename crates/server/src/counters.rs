//! Counters kept elsewhere, in Prometheus' text form.
//!
//! The tick threads and the SIP endpoint count for themselves, without a registry; their counts are
//! written out when somebody asks.

use std::fmt::Write as _;

use offhook_media::threads::{Counters as Media, DEVIATION_BOUNDS_US};
use offhook_sip::Counters as Sip;

use crate::sip::TrunkState;

/// Writing to a `String` cannot fail.
macro_rules! put {
    ($text:expr, $($arg:tt)*) => {
        let _ = writeln!($text, $($arg)*);
    };
}

/// What grows.
fn total(text: &mut String, name: &str, help: &str, value: u64) {
    put!(
        text,
        "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}"
    );
}

/// What goes up and down.
pub(crate) fn gauge(text: &mut String, name: &str, help: &str, value: u64) {
    put!(
        text,
        "# HELP {name} {help}\n# TYPE {name} gauge\n{name} {value}"
    );
}

/// The state of the trunks, one line each.
pub(crate) fn trunks(text: &mut String, states: &[TrunkState]) {
    if states.is_empty() {
        return;
    }
    let name = "offhook_trunk_calls";
    put!(
        text,
        "# HELP {name} Calls out over a trunk that are live.\n# TYPE {name} gauge"
    );
    for trunk in states {
        put!(
            text,
            "{name}{{trunk=\"{}\"}} {}",
            label(&trunk.name),
            trunk.calls
        );
    }
    let name = "offhook_trunk_registered";
    put!(
        text,
        "# HELP {name} 1 while a trunk's registrar lets us in.\n# TYPE {name} gauge"
    );
    for trunk in states {
        if let Some(is_registered) = trunk.is_registered {
            let value = u8::from(is_registered);
            put!(text, "{name}{{trunk=\"{}\"}} {value}", label(&trunk.name));
        }
    }
}

/// A label's value as the format wants it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

/// What the tick threads count.
pub(crate) fn media(text: &mut String, counted: &Media) {
    gauge(
        text,
        "offhook_media_rooms",
        "Rooms on the tick threads.",
        counted.rooms,
    );
    for (name, help, value) in [
        (
            "offhook_rtp_packets_sent_total",
            "RTP packets sent.",
            counted.packets_sent,
        ),
        (
            "offhook_rtp_packets_received_total",
            "RTP packets read.",
            counted.packets_received,
        ),
        (
            "offhook_rtp_packets_unsent_total",
            "RTP packets the network would not take.",
            counted.packets_unsent,
        ),
        (
            "offhook_rtp_packets_lost_total",
            "RTP packets that never came, of calls that are over.",
            counted.packets_lost,
        ),
        (
            "offhook_media_ticks_late_total",
            "Ticks dropped for lateness.",
            counted.ticks_late,
        ),
        (
            "offhook_media_rooms_broken_total",
            "Rooms that broke by a fault of ours.",
            counted.rooms_broken,
        ),
    ] {
        total(text, name, help, value);
    }
    let name = "offhook_rtp_send_deviation_seconds";
    put!(
        text,
        "# HELP {name} How far the time between two packets of a stream was from 20 ms."
    );
    put!(text, "# TYPE {name} histogram");
    let deviation = &counted.deviation;
    let mut seen = 0;
    for (count, bound) in deviation.counts.iter().zip(DEVIATION_BOUNDS_US) {
        seen += count;
        put!(
            text,
            "{name}_bucket{{le=\"{}\"}} {seen}",
            bound as f64 / 1e6
        );
    }
    put!(text, "{name}_bucket{{le=\"+Inf\"}} {}", deviation.count());
    put!(text, "{name}_sum {}", deviation.sum_us as f64 / 1e6);
    put!(text, "{name}_count {}", deviation.count());
}

/// What the SIP endpoint counts.
pub(crate) fn sip(text: &mut String, counted: &Sip) {
    gauge(
        text,
        "offhook_sip_calls",
        "SIP calls, ringing or up.",
        counted.calls_live,
    );
    for (name, help, value) in [
        (
            "offhook_sip_calls_in_total",
            "INVITEs that became a call.",
            counted.calls_in,
        ),
        (
            "offhook_sip_refused_total",
            "Requests outside a call refused.",
            counted.refused,
        ),
        (
            "offhook_sip_unanswerable_total",
            "Requests too malformed to answer.",
            counted.unanswerable,
        ),
        (
            "offhook_sip_unparsable_total",
            "Datagrams that were no SIP.",
            counted.unparsable,
        ),
        (
            "offhook_sip_shed_total",
            "Calls answered 503 for want of room.",
            counted.shed,
        ),
        (
            "offhook_sip_challenged_total",
            "Digest challenges sent.",
            counted.challenged,
        ),
        (
            "offhook_sip_unauthenticated_total",
            "Requests with a wrong, old or replayed digest.",
            counted.unauthenticated,
        ),
        (
            "offhook_sip_unheard_total",
            "Requests unread because their address guessed passwords.",
            counted.unheard,
        ),
        (
            "offhook_sip_answers_repeated_total",
            "Answers sent again for want of an ACK.",
            counted.answers_repeated,
        ),
        (
            "offhook_sip_calls_lost_total",
            "Calls that ended without a goodbye.",
            counted.calls_lost,
        ),
        (
            "offhook_sip_registrations_total",
            "Registrations accepted.",
            counted.registrations,
        ),
        (
            "offhook_sip_retransmissions_total",
            "Messages sent again.",
            counted.retransmissions,
        ),
    ] {
        total(text, name, help, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_is_a_comment_or_a_sample() {
        let mut text = String::new();
        media(&mut text, &Media::default());
        sip(&mut text, &Sip::default());
        for line in text.lines() {
            let is_sample = line
                .rsplit_once(' ')
                .is_some_and(|(_, value)| value.parse::<f64>().is_ok());
            assert!(line.starts_with("# ") || is_sample, "{line}");
        }
        assert!(text.contains("offhook_rtp_send_deviation_seconds_bucket{le=\"+Inf\"} 0"));
    }
}
