//! `#[serde(with = "…")]` for [`Private`](offhook_terms::Private) text: it travels as it is and is hidden everywhere else.
//!
//! `terms` has no dependencies, so the translation lives here and not on the type.

/// A value that must be there.
pub mod plain {
    use offhook_terms::Private;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes what it holds.
    ///
    /// # Errors
    /// Those of the value.
    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Private<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.reveal().serialize(to)
    }

    /// Reads what it shall hold.
    ///
    /// # Errors
    /// Those of the value.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Private<T>, D::Error> {
        T::deserialize(from).map(Private::new)
    }
}

/// A value that may be absent or `null`.
pub mod option {
    use offhook_terms::Private;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    /// Writes what it holds.
    ///
    /// # Errors
    /// Those of the value.
    pub fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Private<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Private::reveal).serialize(to)
    }

    /// Reads what it shall hold.
    ///
    /// # Errors
    /// Those of the value.
    pub fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Private<T>>, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map(Private::new))
    }
}
