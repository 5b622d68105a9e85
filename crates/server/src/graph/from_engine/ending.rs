//! Why a call ended, in the words of the Graph.

use offhook_engine::{Ending, NotReached, RejectReason};
use offhook_wire::graph::ResultInfo;

/// Why somebody who was called did not come.
pub(super) fn not_reached(why: NotReached) -> (i32, i32, &'static str) {
    match why {
        NotReached::Declined => (603, 8538, "The callee declined the call."),
        NotReached::Busy => (486, 8539, "The callee is busy."),
        NotReached::NoAnswer => (408, 10_057, "The callee did not answer in time."),
        NotReached::Nobody => (480, 10_037, "No callee endpoints were found."),
        NotReached::Unreachable => (480, 10_076, "The callee could not be reached."),
        NotReached::NotRouted => (480, 10_134, "The call cannot be routed."),
        NotReached::NoCommonMedia => (480, 10_134, "The call cannot be routed: no common media."),
        NotReached::Refused => (480, 8541, "The callee is unavailable."),
        NotReached::Cancelled => (487, 8542, "The call was cancelled before it was answered."),
    }
}

/// Why a call ended, by the published table and the suggestions for what it leaves open.
pub(super) fn ending(why: Ending, from_phone: bool) -> ResultInfo {
    let (code, subcode, message) = match why {
        Ending::BotHungUp => (200, 7000, "The conversation has ended by bot."),
        Ending::CallerHungUp if from_phone => {
            (200, 560_000, "The conversation was ended by the PSTN user.")
        }
        Ending::CallerHungUp => (200, 4521, "The call was ended by the other participant."),
        Ending::CallerGaveUp => (
            487,
            8542,
            "The caller hung up before the call was answered.",
        ),
        Ending::BotRejected(RejectReason::None) => (603, 8538, "The call was declined."),
        Ending::BotRejected(RejectReason::Busy) => (486, 8539, "The call was declined as busy."),
        Ending::BotRejected(RejectReason::Forbidden) => {
            (403, 8538, "The call was declined as forbidden.")
        }
        Ending::BotDidNotDecide => (408, 8587, "The incoming call was not answered in time."),
        Ending::BotUnreachable => (
            408,
            8586,
            "The incoming call was not acknowledged by the bot.",
        ),
        Ending::KeepAliveMissed => (408, 8537, "Keep Alive timeout, cleaned up inactive call."),
        Ending::NotAcknowledged => (
            408,
            1106,
            "The call acceptance was not acknowledged in time.",
        ),
        Ending::SignallingLost => (408, 10_057, "The signalling with the endpoint was lost."),
        Ending::AudioLost => (410, 301_005, "Media connectivity failure."),
        Ending::OfferRefused => (480, 10_134, "The call cannot be routed: no common media."),
        Ending::NotReached(why) => not_reached(why),
        Ending::Transferred => (0, 7015, "GracefulTransferCompleted"),
        Ending::Redirected => (200, 5003, "The call was redirected."),
        Ending::Removed => (200, 5000, "Removed from the call by another participant."),
        Ending::OthersLeft => (200, 5010, "Only one participant remained in the call."),
        Ending::PlatformStopping => (500, 7106, "The platform is going down."),
        Ending::Fault => (500, 7106, "Server internal error."),
    };
    ResultInfo::new(code, subcode, message)
}
