//! Hints for misspelled words.

/// Returns " (did you mean x?)" with the most similar known word, or an empty text when none is similar.
pub fn hint(wrong: &str, known: &[&str]) -> String {
    let distance = |word: &str| strsim::levenshtein(&wrong.to_lowercase(), &word.to_lowercase());
    let near = known.iter().map(|word| (distance(word), word)).min();
    match near {
        Some((steps, word)) if steps <= 2.max(wrong.len() / 3) => format!(" (did you mean {word}?)"),
        _ => String::new(),
    }
}
