//! The page of each lint: what it finds and why that matters, with an example of both sides. The pages are Markdown
//! under `lints/`; tests run the examples.

/// One lint's page.
#[derive(Debug, Clone, Copy)]
pub struct Page {
    /// `RG011`.
    pub id: &'static str,
    /// Its heading without the id.
    pub title: &'static str,
    /// Its first paragraph.
    pub why: &'static str,
    /// All of it.
    pub text: &'static str,
}

macro_rules! pages {
    ($($id:literal)*) => {
        const TEXTS: &[(&str, &str)] = &[$(($id, include_str!(concat!("../../lints/", $id, ".md")))),*];
    };
}

pages! {
    "RG001" "RG002" "RG003" "RG004" "RG005" "RG006" "RG007" "RG010" "RG011" "RG012" "RG013" "RG014" "RG015" "RG016" "RG017" "RG018"
    "RG019" "RG020" "RG021" "RG022" "RG023" "RG024" "RG025" "RG026" "RG030" "RG031" "RG032" "RG033" "RG034" "RG035" "RG036" "RG037" "RG040"
    "RG050" "RG060" "RG070" "RG080" "RG099"
}

/// Every page in order.
pub fn all() -> impl Iterator<Item = Page> {
    TEXTS.iter().map(|(id, text)| {
        let title = text.lines().next().unwrap_or_default().split_once(": ").map_or("", |(_, title)| title);
        let why = text.split("\n\n").nth(1).unwrap_or_default();
        Page { id, title, why, text }
    })
}

/// The id as the program knows it.
pub fn id(text: &str) -> Option<&'static str> {
    TEXTS.iter().map(|(id, _)| *id).find(|id| id.eq_ignore_ascii_case(text))
}

impl Page {
    /// The fenced blocks under a heading: the word after the fence and the text.
    pub fn examples(&self, heading: &str) -> Vec<(&'static str, &'static str)> {
        let Some((_, section)) = self.text.split_once(&format!("\n## {heading}\n")) else { return Vec::new() };
        let section = section.split("\n## ").next().unwrap_or_default();
        let mut blocks = Vec::new();
        let mut rest = section;
        while let Some((_, after)) = rest.split_once("\n```") {
            let (kind, after) = after.split_once('\n').unwrap_or((after, ""));
            let (block, after) = after.split_once("\n```").unwrap_or((after, ""));
            blocks.push((kind, block));
            rest = after;
        }
        blocks
    }
}
