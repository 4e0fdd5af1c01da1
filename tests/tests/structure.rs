//! No file of the workspace imports one that, directly or through others, imports it.
//!
//! An import is any path from one file to another within a crate: `use crate::…`, `use super::…`, a path of that kind
//! in an expression, and a path through a module that the file declares or has imported. Tests within files do not
//! count. A name that is handed on with `pub use` belongs to the file that defines it; to hand it on is not an import.

use anyhow::Context;
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// The crates of the workspace.
const CRATES: [&str; 6] = ["checklist", "clients", "exporter", "promql", "rules-gen", "tests"];

/// A path of modules from the root of a crate; the root itself is empty.
type Module = Vec<String>;

/// One file of a crate.
#[derive(Default)]
struct File {
    tokens: Vec<TokenTree>,
    /// Names that `use` brings in, and the paths that they stand for.
    names: BTreeMap<String, Module>,
    imports: BTreeSet<Module>,
}

#[test]
fn no_files_import_each_other_in_a_cycle() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut circles = Vec::new();
    for name in CRATES {
        let imports = imports(read(&root.join(name).join("src"))?);
        circles.extend(circles_of(&imports).iter().map(|circle| format!("{name}: {}", circle.join(" -> "))));
    }
    assert!(circles.is_empty(), "files that import each other:\n{}", circles.join("\n"));
    Ok(())
}

#[test]
fn an_import_cycle_is_found_in_every_notation() -> anyhow::Result<()> {
    for (a, b, is_circle) in [
        ("use crate::b::B;", "use crate::a::A;", true),
        ("use crate::{b, c};", "fn f() { super::a::f() }", true),
        ("use super::b; fn f() { b::f() }", "fn f() { m!(crate::a::A) }", true),
        ("use crate::b::B;", "#[cfg(test)] mod tests { use crate::a::A; }", false),
        ("use crate::b::B;", "// use crate::a::A;\nconst A: &str = \"crate::a\";", false),
        ("use crate::b::B;", "use crate::c::A;", true),
        ("", "use crate::c::A;", false),
    ] {
        let folder = tempfile::tempdir()?;
        for (name, text) in [("lib", "mod a; mod b; mod c;"), ("a", a), ("b", b), ("c", "pub use crate::a::A;")] {
            fs::write(folder.path().join(name).with_extension("rs"), text)?;
        }
        let circles = circles_of(&imports(read(folder.path())?));
        assert_eq!(!circles.is_empty(), is_circle, "{a} | {b}: {circles:?}");
    }
    Ok(())
}

/// Every file below `src` by its module. The root of the library and the program's own main are two files.
fn read(src: &Path) -> anyhow::Result<BTreeMap<Module, File>> {
    let mut files = BTreeMap::new();
    let mut folders = vec![src.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs")
                && path.file_stem() != Some("main".as_ref())
            {
                files.insert(module(src, &path), parse(&path)?);
            }
        }
    }
    Ok(files)
}

fn module(src: &Path, path: &Path) -> Module {
    let inside: PathBuf = path.strip_prefix(src).unwrap_or(path).with_extension("");
    let parts = inside.iter().map(|part| part.to_string_lossy().into_owned());
    parts.filter(|part| part != "lib" && part != "mod").collect()
}

fn parse(path: &Path) -> anyhow::Result<File> {
    let text = fs::read_to_string(path)?;
    let tokens: TokenStream = text.parse().map_err(|error| anyhow::anyhow!("{}: {error}", path.display()))?;
    Ok(File { tokens: tokens.into_iter().collect(), ..File::default() })
}

/// What each file imports.
fn imports(mut files: BTreeMap<Module, File>) -> BTreeMap<Module, BTreeSet<Module>> {
    let modules: BTreeSet<Module> = files.keys().cloned().collect();
    // Twice: what one file hands on is known after the first time.
    for _ in 0..2 {
        let names: BTreeMap<Module, BTreeMap<String, Module>> =
            files.iter().map(|(module, file)| (module.clone(), file.names.clone())).collect();
        for (module, file) in &mut files {
            let tokens = std::mem::take(&mut file.tokens);
            file.imports.clear();
            let mut reader = Reader { modules: &modules, names: &names, module, file, hands_on: false };
            reader.items(&tokens, &mut module.clone());
            file.tokens = tokens;
        }
    }
    files.into_iter().map(|(module, file)| (module, file.imports)).collect()
}

struct Reader<'a> {
    modules: &'a BTreeSet<Module>,
    names: &'a BTreeMap<Module, BTreeMap<String, Module>>,
    module: &'a Module,
    file: &'a mut File,
    /// Whether a `pub use` is being read.
    hands_on: bool,
}

impl Reader<'_> {
    /// Reads tokens within `current`: the file's module, or one that is written inside it.
    fn items(&mut self, tokens: &[TokenTree], current: &mut Module) {
        let mut at = 0;
        while let Some(token) = tokens.get(at) {
            match token {
                TokenTree::Punct(mark) if mark.as_char() == '#' && is_test(tokens.get(at + 1)) => {
                    at = end(tokens, at + 2);
                }
                TokenTree::Ident(word) if word == "use" => {
                    self.hands_on = is_public(&tokens[..at]);
                    at = self.tree(tokens, at + 1, &[], current);
                    self.hands_on = false;
                }
                TokenTree::Ident(word) if word == "mod" => {
                    if let (Some(TokenTree::Ident(name)), Some(TokenTree::Group(body))) =
                        (tokens.get(at + 1), tokens.get(at + 2))
                    {
                        current.push(name.to_string());
                        self.items(&body.stream().into_iter().collect::<Vec<_>>(), current);
                        current.pop();
                        at += 3;
                    } else {
                        at += 1;
                    }
                }
                // pub(in crate::x) imports nothing.
                TokenTree::Ident(word) if word == "in" => at = path(tokens, at + 1).1.max(at + 1),
                TokenTree::Ident(_) => {
                    let (words, next) = path(tokens, at);
                    if words.len() > 1 {
                        self.import(&words, current);
                    }
                    at = next;
                }
                TokenTree::Group(group) => {
                    self.items(&group.stream().into_iter().collect::<Vec<_>>(), current);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }

    /// One tree of a `use`, and where it ends.
    fn tree(&mut self, tokens: &[TokenTree], at: usize, prefix: &[String], current: &Module) -> usize {
        let (words, mut at) = path(tokens, at);
        let words: Vec<String> = prefix.iter().cloned().chain(words).collect();
        match tokens.get(at) {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                let mut inside = 0;
                while inside < inner.len() {
                    inside = self.tree(&inner, inside, &words, current) + 1;
                }
                return at + 1;
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                self.import(&words, current);
                return at + 1;
            }
            _ => {}
        }
        let mut words = words;
        if words.last().is_some_and(|last| last == "self") && words.len() > 1 {
            words.pop();
        }
        let mut name = words.last().cloned().unwrap_or_default();
        if let (Some(TokenTree::Ident(word)), Some(TokenTree::Ident(other))) = (tokens.get(at), tokens.get(at + 1))
            && word == "as"
        {
            name = other.to_string();
            at += 2;
        }
        if let Some(whole) = self.import(&words, current) {
            self.file.names.insert(name, whole);
        }
        at
    }

    /// Notes an import of another file of the crate, and gives the whole path.
    fn import(&mut self, words: &[String], current: &Module) -> Option<Module> {
        let mut whole = self.whole(words, current)?;
        // Followed to the file that defines it, through those that hand it on.
        for _ in 0..8 {
            let owner = self.owner(&whole);
            let Some(name) = whole.get(owner.len()) else { break };
            let Some(origin) = self.names.get(&owner).and_then(|names| names.get(name)) else { break };
            if owner == *self.module {
                break;
            }
            whole = origin.iter().cloned().chain(whole.iter().skip(owner.len() + 1).cloned()).collect();
        }
        let owner = self.owner(&whole);
        if owner != *self.module && !self.hands_on {
            self.file.imports.insert(owner);
        }
        Some(whole)
    }

    fn whole(&self, words: &[String], current: &Module) -> Option<Module> {
        let first = words.first()?.as_str();
        let mut base = current.clone();
        let mut rest = words;
        match first {
            "crate" => {
                base.clear();
                rest = &words[1..];
            }
            "self" | "super" => {
                while let Some(word @ ("self" | "super")) = rest.first().map(String::as_str) {
                    if word == "super" {
                        base.pop()?;
                    }
                    rest = &rest[1..];
                }
            }
            _ => {
                let child: Module = base.iter().cloned().chain([first.to_owned()]).collect();
                if !self.modules.contains(&child) {
                    base.clone_from(self.file.names.get(first)?);
                    rest = &words[1..];
                }
            }
        }
        Some(base.into_iter().chain(rest.iter().cloned()).collect())
    }

    /// The file that a path leads into.
    fn owner(&self, whole: &[String]) -> Module {
        (0..=whole.len())
            .rev()
            .map(|length| whole[..length].to_vec())
            .find(|part| self.modules.contains(part))
            .unwrap_or_default()
    }
}

/// The words of a path like `a::b::c`, and where it ends.
fn path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut words = Vec::new();
    let is_colon = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(mark)) if mark.as_char() == ':');
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        words.push(word.to_string().trim_start_matches("r#").to_owned());
        at += 1;
        if is_colon(tokens.get(at)) && is_colon(tokens.get(at + 1)) {
            at += 2;
        } else {
            break;
        }
    }
    (words, at)
}

/// Whether the item after these tokens is `pub` or `pub(…)`.
fn is_public(before: &[TokenTree]) -> bool {
    let is_pub = |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Ident(word)) if word == "pub");
    match before {
        [rest @ .., TokenTree::Group(_)] => is_pub(rest.last()),
        rest => is_pub(rest.last()),
    }
}

/// Whether an attribute is `cfg(test)`.
fn is_test(attribute: Option<&TokenTree>) -> bool {
    let Some(TokenTree::Group(group)) = attribute else { return false };
    group.stream().to_string().replace(' ', "") == "cfg(test)"
}

/// The end of the item that begins here: a block or a semicolon.
fn end(tokens: &[TokenTree], mut at: usize) -> usize {
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token {
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => break,
            TokenTree::Punct(mark) if mark.as_char() == ';' => break,
            _ => {}
        }
    }
    at
}

/// The shortest way around for each file that can be reached from itself; a file in an earlier one is passed over.
fn circles_of(imports: &BTreeMap<Module, BTreeSet<Module>>) -> Vec<Vec<String>> {
    let mut found: BTreeSet<Module> = BTreeSet::new();
    let mut circles = Vec::new();
    for start in imports.keys() {
        if found.contains(start) {
            continue;
        }
        let Ok(circle) = around(start, imports) else { continue };
        found.extend(circle.iter().cloned());
        let named = circle
            .iter()
            .chain([start])
            .map(|module| if module.is_empty() { "lib".to_owned() } else { module.join("::") });
        circles.push(named.collect());
    }
    circles
}

/// The shortest way from a file back to itself.
fn around(start: &Module, imports: &BTreeMap<Module, BTreeSet<Module>>) -> anyhow::Result<Vec<Module>> {
    let mut before: BTreeMap<Module, Module> = BTreeMap::new();
    let mut next = vec![start.clone()];
    while !next.is_empty() {
        let mut reached = Vec::new();
        for module in next {
            for imported in imports.get(&module).into_iter().flatten() {
                if imported == start {
                    let mut way = vec![module.clone()];
                    while way.last() != Some(start) {
                        let last = way.last().and_then(|last| before.get(last)).context("no way back")?;
                        way.push(last.clone());
                    }
                    way.reverse();
                    return Ok(way);
                }
                if !before.contains_key(imported) {
                    before.insert(imported.clone(), module.clone());
                    reached.push(imported.clone());
                }
            }
        }
        next = reached;
    }
    anyhow::bail!("it imports nothing that imports it")
}
