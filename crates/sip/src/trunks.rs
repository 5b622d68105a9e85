//! From which addresses trunks call us.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock, RwLockWriteGuard};

use crate::limits;

/// The trunks' addresses of one endpoint.
#[derive(Debug, Default)]
pub(crate) struct Trunks(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    named: HashMap<IpAddr, Arc<str>>,
    /// Registrars that hold a registration of ours, by our tag there.
    registered: HashMap<u64, (IpAddr, Arc<str>)>,
}

impl Trunks {
    fn known(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// Replaces what was said of one trunk; gives how many of its addresses are known now.
    pub(crate) fn set(&self, trunk: &str, addresses: &[IpAddr]) -> usize {
        let name: Arc<str> = trunk.into();
        let named = &mut self.known().named;
        named.retain(|_, owner| **owner != *name);
        for address in addresses {
            if named.len() >= limits::TRUNK_ADDRESSES {
                break;
            }
            named
                .entry(address.to_canonical())
                .or_insert_with(|| Arc::clone(&name));
        }
        named.values().filter(|owner| ***owner == *name).count()
    }

    /// A registrar holds a registration of ours.
    pub(crate) fn registered(&self, tag: u64, trunk: &str, address: IpAddr) {
        let place = (address.to_canonical(), trunk.into());
        self.known().registered.insert(tag, place);
    }

    /// It does not any more.
    pub(crate) fn left(&self, tag: u64) {
        self.known().registered.remove(&tag);
    }

    /// Whose address this is.
    pub(crate) fn of(&self, address: IpAddr) -> Option<Arc<str>> {
        let address = address.to_canonical();
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let registered = || {
            let mut places = known.registered.values();
            places.find(|(place, _)| *place == address)
        };
        known
            .named
            .get(&address)
            .or_else(|| registered().map(|(_, name)| name))
            .cloned()
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
