//! Checks regular expressions by the rules of Go's regexp/syntax, which Prometheus uses: what is refused, and what
//! matches the empty text.
//!
//! The crate regex-syntax cannot be used for this, because its dialect differs: it accepts `(?x)`, `\u{41}` and
//! `[a&&b]`, and refuses `a{,5}`, `[[]` and `\Q.\E`.

use crate::Text;
use crate::construct::Construct;
use crate::table;

/// The properties of a valid pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pattern {
    pub takes_empty: bool,
    /// A feature of the pattern that only some servers support.
    pub needs: Option<&'static Construct>,
}

/// The limit of Go for repetitions. Nested ones are multiplied: `(a{10}){10}` counts 100.
const MOST_REPETITIONS: u32 = 1_000;
/// The limit of Go for nested groups.
const MAX_NESTING: usize = 1_000;

/// Parses a pattern.
///
/// # Errors
/// The reason why Go refuses the pattern.
pub(crate) fn read(pattern: &Text) -> Result<Pattern, String> {
    let mut reader = Reader { rest: pattern, groups: vec![Group::default()], names: Vec::new(), needs: None };
    reader.read()?;
    let Reader { mut groups, mut needs, .. } = reader;
    if !pattern.is_utf8() {
        // Prometheus compares a pattern without special characters as bytes. Only as a real expression it must be
        // UTF-8.
        if pattern.contains(['\\', '.', '+', '*', '?', '(', ')', '[', ']', '{', '}', '^', '$']) {
            return Err("it is not UTF-8".to_owned());
        }
        needs = Some(&table::BYTES_IN_PATTERN);
    }
    let whole = groups.pop().filter(|_| groups.is_empty()).ok_or("a ( is not closed")?;
    Ok(Pattern { takes_empty: whole.close().takes_empty, needs })
}

/// One repeatable item: a character, a class or a whole group.
#[derive(Debug, Clone, Copy)]
struct Item {
    takes_empty: bool,
    /// The largest product of nested repetitions within the item.
    repetitions: u32,
}

/// An open group: the state of its alternatives so far, and the last item, which a repetition may still change.
#[derive(Default)]
struct Group {
    earlier_takes_empty: bool,
    /// Whether an item of the current alternative, other than `last`, does not match the empty text.
    needs_more: bool,
    last: Option<Item>,
    repetitions: u32,
}

impl Group {
    /// Adds an item, after which the previous one cannot be repeated any more.
    fn push(&mut self, item: Item) {
        self.settle();
        self.last = Some(item);
    }

    /// Adds the properties of the last item to those of the alternative.
    fn settle(&mut self) {
        if let Some(last) = self.last.take() {
            self.needs_more |= !last.takes_empty;
            self.repetitions = self.repetitions.max(last.repetitions);
        }
    }

    fn alternative(&mut self) {
        self.settle();
        self.earlier_takes_empty |= !self.needs_more;
        self.needs_more = false;
    }

    fn close(mut self) -> Item {
        self.alternative();
        Item { takes_empty: self.earlier_takes_empty, repetitions: self.repetitions.max(1) }
    }
}

struct Reader<'a> {
    rest: &'a str,
    groups: Vec<Group>,
    names: Vec<&'a str>,
    needs: Option<&'static Construct>,
}

impl Reader<'_> {
    /// Reads the pattern to its end.
    fn read(&mut self) -> Result<(), String> {
        let mut repeated = false;
        while let Some(c) = self.rest.chars().next() {
            let mut repeats = false;
            match c {
                '(' => self.open()?,
                ')' => {
                    let group = self.groups.pop().filter(|_| !self.groups.is_empty()).ok_or("a ) without (")?;
                    self.push(group.close());
                    self.rest = &self.rest[1..];
                }
                '|' => {
                    self.group().alternative();
                    self.rest = &self.rest[1..];
                }
                '^' | '$' => self.item(1, true),
                '[' => {
                    let length = class(self.rest)?;
                    self.item(length, false);
                }
                '*' | '+' | '?' => {
                    self.repeat(1, u32::from(c == '+'), 1, repeated)?;
                    repeats = true;
                }
                '{' => match counted(self.rest) {
                    None => self.item(1, false),
                    Some((length, least, most)) => {
                        if least > MOST_REPETITIONS || most.is_some_and(|most| most > MOST_REPETITIONS || most < least)
                        {
                            return Err(format!("{} is not a number of repetitions", &self.rest[..length]));
                        }
                        self.repeat(length, least, most.unwrap_or(least), repeated)?;
                        repeats = true;
                    }
                },
                '\\' => self.escape()?,
                c => self.item(c.len_utf8(), false),
            }
            repeated = repeats;
        }
        Ok(())
    }

    fn group(&mut self) -> &mut Group {
        if self.groups.is_empty() {
            self.groups.push(Group::default());
        }
        let at = self.groups.len() - 1;
        &mut self.groups[at]
    }

    fn push(&mut self, item: Item) {
        self.group().push(item);
    }

    /// Adds an item and consumes its text.
    fn item(&mut self, length: usize, takes_empty: bool) {
        self.push(Item { takes_empty, repetitions: 1 });
        self.rest = &self.rest[length..];
    }

    /// Applies a repetition to the last item. `most` is the factor for the limit of nested repetitions.
    fn repeat(&mut self, length: usize, least: u32, most: u32, repeated: bool) -> Result<(), String> {
        let op = &self.rest[..length];
        if repeated {
            return Err(format!("{op} follows another repetition"));
        }
        let counts = op.starts_with('{');
        let item = self.group().last.as_mut().ok_or_else(|| format!("{op} has nothing to repeat"))?;
        item.takes_empty |= least == 0;
        if counts {
            item.repetitions = if most == 0 { 1 } else { item.repetitions.saturating_mul(most) };
            if item.repetitions > MOST_REPETITIONS && most >= 2 {
                return Err(format!("more than {MOST_REPETITIONS} repetitions"));
            }
        }
        self.rest = &self.rest[length..];
        // A `?` behind the repetition makes it lazy.
        self.rest = self.rest.strip_prefix('?').unwrap_or(self.rest);
        Ok(())
    }

    /// Parses the start of a group: `(`, `(?:`, `(?i)`, `(?P<name>` or `(?<name>`.
    fn open(&mut self) -> Result<(), String> {
        if self.groups.len() > MAX_NESTING {
            return Err(format!("more than {MAX_NESTING} groups within each other"));
        }
        let Some(special) = self.rest.strip_prefix("(?") else {
            self.groups.push(Group::default());
            self.rest = &self.rest[1..];
            return Ok(());
        };
        let named = special.strip_prefix("P<").or_else(|| special.strip_prefix('<'));
        if let Some(inner) = named {
            let (name, behind) = inner.split_once('>').ok_or("the name of a group is not closed")?;
            let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
            if name.is_empty() || !name.chars().all(word) {
                return Err(format!("{name:?} is not a name of a group"));
            }
            if self.names.contains(&name) {
                return Err(format!("two groups are named {name}"));
            }
            self.names.push(name);
            if special.starts_with('<') {
                self.needs = Some(&table::NAMED_GROUP);
            }
            self.groups.push(Group::default());
            self.rest = behind;
            return Ok(());
        }
        let (mut minus, mut flag) = (false, false);
        for (at, c) in special.char_indices() {
            match c {
                'i' | 'm' | 's' | 'U' => flag = true,
                '-' if !minus => (minus, flag) = (true, false),
                ':' | ')' if flag || !minus => {
                    if c == ':' {
                        self.groups.push(Group::default());
                    }
                    self.rest = &special[at + 1..];
                    return Ok(());
                }
                _ => break,
            }
        }
        let shown: String = self.rest.chars().take(4).collect();
        Err(format!("{shown} does not begin a group that Prometheus knows"))
    }

    fn escape(&mut self) -> Result<(), String> {
        match self.rest[1..].chars().next() {
            Some('A' | 'B' | 'z') => self.item(2, true),
            // `\b` does not match the empty text, which has no word boundary.
            Some('b' | 'd' | 'D' | 's' | 'S' | 'w' | 'W') => self.item(2, false),
            Some('Q') => {
                let (literal, behind) = self.rest[2..].split_once("\\E").unwrap_or_else(|| {
                    self.needs = Some(&table::OPEN_QUOTE);
                    (&self.rest[2..], "")
                });
                for _ in literal.chars() {
                    self.push(Item { takes_empty: false, repetitions: 1 });
                }
                self.rest = behind;
            }
            Some('p' | 'P') => {
                let length = unicode(self.rest)?;
                self.item(length, false);
            }
            _ => {
                let (_, length) = character(self.rest)?;
                self.item(length, false);
            }
        }
        Ok(())
    }
}

/// Parses `{2}`, `{2,}` or `{2,5}`. Returns length in bytes, minimum and maximum. `None` when the brace is a literal
/// character.
fn counted(text: &str) -> Option<(usize, u32, Option<u32>)> {
    let number = |text: &str| {
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let one = digits > 0 && (digits == 1 || !text.starts_with('0'));
        one.then(|| (text[..digits].parse().unwrap_or(u32::MAX), digits))
    };
    let (least, mut at) = number(&text[1..])?;
    at += 1;
    if text[at..].starts_with('}') {
        return Some((at + 1, least, Some(least)));
    }
    at += text[at..].starts_with(',').then_some(1)?;
    if text[at..].starts_with('}') {
        return Some((at + 1, least, None));
    }
    let (most, digits) = number(&text[at..])?;
    at += digits;
    text[at..].starts_with('}').then_some((at + 1, least, Some(most)))
}

/// Returns the character that an escape sequence stands for, and the length of the sequence in bytes.
fn character(text: &str) -> Result<(char, usize), String> {
    let mut rest = text[1..].chars();
    let c = rest.next().ok_or("the pattern ends with a single \\")?;
    let unknown = || format!("\\{c} is not an escape sequence");
    let octal = |text: &str| text.bytes().take(2).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    match c {
        '0'..='7' => {
            let more = octal(&text[2..]);
            // A digit other than 0 alone would refer to a group, which Go does not support.
            if c != '0' && more == 0 {
                return Err(unknown());
            }
            let code = u32::from_str_radix(&text[1..2 + more], 8).ok().and_then(char::from_u32);
            Ok((code.ok_or_else(unknown)?, 2 + more))
        }
        'x' => {
            let (digits, length) = match rest.as_str().strip_prefix('{') {
                Some(inner) => {
                    let (digits, _) = inner.split_once('}').ok_or_else(unknown)?;
                    (digits, digits.len() + 4)
                }
                None => (text.get(2..4).ok_or_else(unknown)?, 4),
            };
            let hexadecimal = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
            let code = u32::from_str_radix(digits.trim_start_matches('0'), 16)
                .or_else(|error| if digits.bytes().all(|byte| byte == b'0') { Ok(0) } else { Err(error) });
            let code = code.ok().filter(|code| hexadecimal && *code <= 0x10_FFFF).ok_or_else(unknown)?;
            // Go accepts a surrogate, which matches nothing.
            Ok((char::from_u32(code).unwrap_or('\u{fffd}'), length))
        }
        'a' => Ok(('\u{7}', 2)),
        'f' => Ok(('\u{c}', 2)),
        'n' => Ok(('\n', 2)),
        'r' => Ok(('\r', 2)),
        't' => Ok(('\t', 2)),
        'v' => Ok(('\u{b}', 2)),
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Ok((c, 2)),
        _ => Err(unknown()),
    }
}

/// Returns the length in bytes of a class `[…]`.
fn class(text: &str) -> Result<usize, String> {
    const NAMES: [&str; 14] = [
        "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "word", "xdigit",
    ];
    let open = || "a [ is not closed".to_owned();
    let mut at = if text.starts_with("[^") { 2 } else { 1 };
    let mut first = true;
    while first || !text[at..].starts_with(']') {
        let rest = &text[at..];
        first = false;
        if let Some((name, _)) = rest.strip_prefix("[:").and_then(|rest| rest.split_once(":]")) {
            if !NAMES.contains(&name.strip_prefix('^').unwrap_or(name)) {
                return Err(format!("[:{name}:] is not a character class"));
            }
            at += name.len() + 4;
            continue;
        }
        if rest.starts_with("\\p") || rest.starts_with("\\P") {
            at += unicode(rest)?;
            continue;
        }
        if let Some('d' | 'D' | 's' | 'S' | 'w' | 'W') = rest.strip_prefix('\\').and_then(|rest| rest.chars().next()) {
            at += 2;
            continue;
        }
        let one = |text: &str| match text.chars().next() {
            None => Err(open()),
            Some('\\') => character(text),
            Some(c) => Ok((c, c.len_utf8())),
        };
        let (from, length) = one(rest)?;
        at += length;
        let behind = &text[at..];
        if behind.starts_with('-') && behind.len() > 1 && !behind.starts_with("-]") {
            let (to, length) = one(&behind[1..])?;
            at += 1 + length;
            if to < from {
                return Err(format!("the range {from}-{to} is reversed"));
            }
        }
    }
    Ok(at + 1)
}

/// Returns the length in bytes of `\pL` or `\p{Greek}`.
fn unicode(text: &str) -> Result<usize, String> {
    let (name, length) = match text[2..].strip_prefix('{') {
        Some(inner) => inner.split_once('}').map(|(name, _)| (name, name.len() + 4)),
        None => text[2..].chars().next().map(|c| (&text[2..2 + c.len_utf8()], 2 + c.len_utf8())),
    }
    .ok_or("\\p has no name")?;
    let plain = name.strip_prefix('^').unwrap_or(name);
    if plain == "Any" || CATEGORIES.contains(&plain) || SCRIPTS.split_ascii_whitespace().any(|script| script == plain) {
        return Ok(length);
    }
    Err(format!("{plain} is not a Unicode class that Prometheus knows"))
}

const CATEGORIES: [&str; 36] = [
    "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd", "Nl", "No", "P",
    "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl", "Zp", "Zs",
];

/// The scripts of Unicode 15, as known to Go.
const SCRIPTS: &str = "\
    Adlam Ahom Anatolian_Hieroglyphs Arabic Armenian Avestan Balinese Bamum Bassa_Vah Batak Bengali Bhaiksuki \
    Bopomofo Brahmi Braille Buginese Buhid Canadian_Aboriginal Carian Caucasian_Albanian Chakma Cham Cherokee \
    Chorasmian Common Coptic Cuneiform Cypriot Cypro_Minoan Cyrillic Deseret Devanagari Dives_Akuru Dogra Duployan \
    Egyptian_Hieroglyphs Elbasan Elymaic Ethiopic Georgian Glagolitic Gothic Grantha Greek Gujarati Gunjala_Gondi \
    Gurmukhi Han Hangul Hanifi_Rohingya Hanunoo Hatran Hebrew Hiragana Imperial_Aramaic Inherited \
    Inscriptional_Pahlavi Inscriptional_Parthian Javanese Kaithi Kannada Katakana Kawi Kayah_Li Kharoshthi \
    Khitan_Small_Script Khmer Khojki Khudawadi Lao Latin Lepcha Limbu Linear_A Linear_B Lisu Lycian Lydian Mahajani \
    Makasar Malayalam Mandaic Manichaean Marchen Masaram_Gondi Medefaidrin Meetei_Mayek Mende_Kikakui \
    Meroitic_Cursive Meroitic_Hieroglyphs Miao Modi Mongolian Mro Multani Myanmar Nabataean Nag_Mundari Nandinagari \
    New_Tai_Lue Newa Nko Nushu Nyiakeng_Puachue_Hmong Ogham Ol_Chiki Old_Hungarian Old_Italic Old_North_Arabian \
    Old_Permic Old_Persian Old_Sogdian Old_South_Arabian Old_Turkic Old_Uyghur Oriya Osage Osmanya Pahawh_Hmong \
    Palmyrene Pau_Cin_Hau Phags_Pa Phoenician Psalter_Pahlavi Rejang Runic Samaritan Saurashtra Sharada Shavian \
    Siddham SignWriting Sinhala Sogdian Sora_Sompeng Soyombo Sundanese Syloti_Nagri Syriac Tagalog Tagbanwa Tai_Le \
    Tai_Tham Tai_Viet Takri Tamil Tangsa Tangut Telugu Thaana Thai Tibetan Tifinagh Tirhuta Toto Ugaritic Vai \
    Vithkuqi Wancho Warang_Citi Yezidi Yi Zanabazar_Square";
