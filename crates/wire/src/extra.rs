//! The properties of an open type that we have no field for.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Properties kept as they came, so that an open type passes through us without loss.
///
/// Its `Debug` shows names only: nobody knows what the values are, so they may be private.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Extra(pub Map<String, Value>);

impl Extra {
    /// The value of one property, if it was sent.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Keeps one more property.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) {
        self.0.insert(name.into(), value.into());
    }
}

impl fmt::Debug for Extra {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
