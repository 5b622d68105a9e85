//! How many files and sockets the process may have open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// A call has two sockets for its audio, and a thousand calls are nothing unusual; many systems
/// begin with 1024. What the system allows is taken, and what it does not is said.
const WANTED: u64 = 65_536;

/// Raises the limit as far as is allowed and useful.
pub(crate) fn allow_many() {
    let limit = getrlimit(Resource::Nofile);
    let most = limit.maximum.map_or(WANTED, |maximum| maximum.min(WANTED));
    if limit.current.is_none_or(|current| current >= most) {
        return;
    }
    let raised = Rlimit {
        current: Some(most),
        maximum: limit.maximum,
    };
    if let Err(why) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%why, "the limit of open files stays low, and with it the number of calls");
    }
}
