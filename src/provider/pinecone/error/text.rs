/// Longest text of an answer that is kept in a message.
pub(super) const SHOWN_CHARS: usize = 500;

/// The text, cut where it is longer than is shown.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
