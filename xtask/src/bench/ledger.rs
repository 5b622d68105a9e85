//! What the load generator counted: its side of the books.

use serde_json::Value;

pub(crate) struct Ledger(Value);

impl Ledger {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text)
            .map(Self)
            .map_err(|error| format!("The load generator's ledger cannot be read: {error}"))
    }

    /// A number by its path, as in `answered_us/p99`.
    pub(crate) fn number(&self, path: &str) -> f64 {
        let found = self.0.pointer(&format!("/{path}"));
        found.and_then(Value::as_f64).unwrap_or_default()
    }

    pub(crate) fn first_failure(&self) -> &str {
        self.0["first_failure"].as_str().unwrap_or("none")
    }
}
