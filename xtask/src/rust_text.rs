//! Rust source with everything blanked that is not code: comments, what stands in quotes, and, on
//! request, the tests inside a file. What is left keeps its lines, so a finding can say where.
//!
//! A wall that looks for `todo!` must not trip over a sentence about it.

/// The code of a file, line for line, with comments and quoted text blanked.
pub(crate) fn code(source: &str) -> String {
    let mut reader = Reader {
        rest: source,
        out: String::with_capacity(source.len()),
    };
    while let Some(next) = reader.rest.chars().next() {
        if reader.rest.starts_with("//") {
            let end = reader.rest.find('\n').unwrap_or(reader.rest.len());
            reader.blank(end);
        } else if reader.rest.starts_with("/*") {
            reader.blank(block_comment(reader.rest));
        } else if let Some(length) = quoted(reader.rest, reader.out.chars().next_back()) {
            reader.blank(length);
        } else {
            reader.keep(next.len_utf8());
        }
    }
    reader.out
}

/// Code as [`code`] gives it, without the modules marked `#[cfg(test)]`.
pub(crate) fn without_tests(code: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find(MARK) {
        let (before, marked) = rest.split_at(at);
        out.push_str(before);
        let length = item(marked);
        out.extend(marked[..length].chars().map(blanked));
        rest = &marked[length..];
    }
    out.push_str(rest);
    out
}

/// How far the item goes that starts here: to its closing brace, or to its semicolon.
fn item(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, character) in code.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            ';' if depth == 0 => return at + 1,
            _ => {}
        }
    }
    code.len()
}

struct Reader<'a> {
    rest: &'a str,
    out: String,
}

impl Reader<'_> {
    fn keep(&mut self, length: usize) {
        let (kept, rest) = self.rest.split_at(length);
        self.out.push_str(kept);
        self.rest = rest;
    }

    fn blank(&mut self, length: usize) {
        let (gone, rest) = self.rest.split_at(length);
        self.out.extend(gone.chars().map(blanked));
        self.rest = rest;
    }
}

fn blanked(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

/// Block comments nest (Rust reference, *Comments*).
fn block_comment(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The length of the string or character that starts here, if one does.
fn quoted(text: &str, before: Option<char>) -> Option<usize> {
    if text.starts_with('"') {
        return Some(escaped(text, '"'));
    }
    if text.starts_with('\'') {
        return character(text);
    }
    // `r"…"`, `r#"…"#`, `br#"…"#`; a name that merely ends in `r` is none.
    let is_name = |character: char| character.is_alphanumeric() || character == '_';
    if before.is_some_and(is_name) {
        return None;
    }
    let opening = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = opening.len() - opening.trim_start_matches('#').len();
    let body = opening[hashes..].strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let start = text.len() - body.len();
    Some(
        body.find(&closing)
            .map_or(text.len(), |end| start + end + closing.len()),
    )
}

/// A character, and not a lifetime: it is closed after one character or one escape.
fn character(text: &str) -> Option<usize> {
    let inside = &text[1..];
    if inside.starts_with('\\') {
        return Some(escaped(text, '\''));
    }
    let first = inside.chars().next()?.len_utf8();
    inside[first..].starts_with('\'').then_some(first + 2)
}

fn escaped(text: &str, closing: char) -> usize {
    let mut skip = false;
    for (at, character) in text.char_indices().skip(1) {
        if skip {
            skip = false;
        } else if character == '\\' {
            skip = true;
        } else if character == closing {
            return at + 1;
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_quotes_are_blanked_and_lines_stay() {
        let source = "let a = \"todo!()\"; // todo!()\n/* a /* todo! */\n b */ let c = 'x';\n";
        assert_eq!(
            code(source).lines().map(str::trim_end).collect::<Vec<_>>(),
            ["let a =          ;", "", "      let c =    ;"],
        );
    }

    #[test]
    fn raw_strings_end_where_they_end() {
        assert_eq!(
            code("f(r#\"say \"hi\" todo!\"#, x)").replace(' ', ""),
            "f(,x)"
        );
        assert_eq!(code("f(br\"{\", x)").replace(' ', ""), "f(,x)");
    }

    #[test]
    fn lifetimes_are_not_characters() {
        assert_eq!(code("fn f<'a>(x: &'a str) {}"), "fn f<'a>(x: &'a str) {}");
        assert_eq!(
            code(r"match c { '\'' => 1, '{' => 2 }").replace(' ', ""),
            "matchc{=>1,=>2}"
        );
    }

    #[test]
    fn the_tests_of_a_file_are_taken_out_and_what_follows_stays() {
        let source = "fn a() {}\n#[cfg(test)]\nmod tests {\n fn t() { now() }\n}\nfn b() {}\n";
        let code = without_tests(&code(source));
        assert!(!code.contains("now"), "{code}");
        assert_eq!(code.lines().nth(5), Some("fn b() {}"));
    }

    #[test]
    fn a_file_may_mark_a_single_line_for_tests() {
        let code = without_tests("#[cfg(test)]\nmod tests;\nfn b() {}\n");
        assert_eq!(code.trim(), "fn b() {}");
    }
}
