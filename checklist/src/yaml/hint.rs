//! The nearest known word to one that is not known.

/// " (did you mean x?)" for the nearest known word, if one is near.
pub fn hint(wrong: &str, known: &[&str]) -> String {
    let near = known.iter().map(|word| (distance(&wrong.to_lowercase(), &word.to_lowercase()), word)).min();
    match near {
        Some((steps, word)) if steps <= 2.max(wrong.len() / 3) => format!(" (did you mean {word}?)"),
        _ => String::new(),
    }
}

/// Edits from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut corner = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let best = (corner + usize::from(x != *y)).min(row[j] + 1).min(row[j + 1] + 1);
            corner = row[j + 1];
            row[j + 1] = best;
        }
    }
    row[b.len()]
}
