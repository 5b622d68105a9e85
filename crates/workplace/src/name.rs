//! The parts of a person's name, where only the whole is known.

/// What somebody is called by: all words but the last, or the only one.
pub fn given_name(name: &str) -> &str {
    let name = name.trim();
    match name.rsplit_once(char::is_whitespace) {
        Some((given, _)) => given.trim_end(),
        None => name,
    }
}

/// The last word of a name that has several.
pub fn surname(name: &str) -> Option<&str> {
    let (_, last) = name.trim().rsplit_once(char::is_whitespace)?;
    Some(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_is_the_surname() {
        let parts = |name| (given_name(name), surname(name));
        assert_eq!(parts("Ada Lovelace"), ("Ada", Some("Lovelace")));
        assert_eq!(parts(" Ada King  Noel "), ("Ada King", Some("Noel")));
        assert_eq!(parts("Ada"), ("Ada", None));
        assert_eq!(parts(""), ("", None));
    }
}
