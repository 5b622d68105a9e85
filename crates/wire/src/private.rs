//! `#[serde(with = "…")]` for [`Private`] text: it travels as it is and is hidden everywhere else.
//!
//! `terms` has no dependencies, so the translation lives here and not on the type.

/// A value that must be there.
pub(crate) mod plain {
    use offhook_terms::Private;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Private<T>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.reveal().serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Private<T>, D::Error> {
        T::deserialize(from).map(Private::new)
    }
}

/// A value that may be absent or `null`.
pub(crate) mod option {
    use offhook_terms::Private;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(crate) fn serialize<T: Serialize, S: Serializer>(
        value: &Option<Private<T>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.as_ref().map(Private::reveal).serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Private<T>>, D::Error> {
        Ok(Option::<T>::deserialize(from)?.map(Private::new))
    }
}
