//! From which addresses trunks call us.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};

use crate::limits;

/// The trunks' addresses of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Trunks(RwLock<HashMap<IpAddr, Arc<str>>>);

impl Trunks {
    /// Replaces what is known of one trunk; gives how many of its addresses are known now.
    pub(crate) fn set(&self, trunk: &str, addresses: &[IpAddr]) -> usize {
        let name: Arc<str> = trunk.into();
        let mut known = self.0.write().unwrap_or_else(PoisonError::into_inner);
        known.retain(|_, owner| **owner != *name);
        for address in addresses {
            if known.len() >= limits::TRUNK_ADDRESSES {
                break;
            }
            known
                .entry(address.to_canonical())
                .or_insert_with(|| Arc::clone(&name));
        }
        known.values().filter(|owner| ***owner == *name).count()
    }

    /// Whose address this is.
    pub(crate) fn of(&self, address: IpAddr) -> Option<Arc<str>> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        known.get(&address.to_canonical()).cloned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn an_address_belongs_to_the_trunk_that_named_it_first() {
        let trunks = Trunks::default();
        assert_eq!(trunks.set("one", &[address(1), address(2)]), 2);
        assert_eq!(trunks.set("two", &[address(2), address(3)]), 1);
        assert_eq!(trunks.of(address(2)).as_deref(), Some("one"));
        assert_eq!(trunks.set("one", &[address(1)]), 1);
        assert_eq!(trunks.of(address(2)), None);
        assert_eq!(trunks.of(address(3)).as_deref(), Some("two"));
    }

    #[test]
    fn the_list_is_bounded() {
        let trunks = Trunks::default();
        let many: Vec<IpAddr> = (0..1_000u32)
            .map(|n| IpAddr::from(n.to_be_bytes()))
            .collect();
        assert_eq!(trunks.set("one", &many), limits::TRUNK_ADDRESSES);
    }
}
