//! Selects the statements of a dump that are run: those that create and fill tables, and not those that affect more
//! than the one database.

/// What to do with a statement.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Run it.
    Run,
    /// Leave it out. The text says what it would have set up.
    LeftOut(&'static str),
    /// Refuse the whole dump, because no dump of `pg_dump` contains such a statement.
    Refused(&'static str),
    /// Create an extension, which may need more rights than the data: name and schema.
    Extension(String, Option<String>),
}

/// Decides what to do with a statement.
pub(super) fn fate(statement: &[u8]) -> Fate {
    /// Number of examined bytes. Statements that are recognized by their last words are shorter.
    const MOST: usize = 64 * 1024;
    let text = String::from_utf8_lossy(&statement[..statement.len().min(MOST)]);
    let words = words(&text);
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let ends = |last: &[&str]| {
        let from = words.len().checked_sub(last.len() + 1);
        from.is_some_and(|from| words[from..from + last.len()].iter().zip(last).all(|(word, last)| word == last))
    };
    let global = |kind: &str, next: &str| match kind {
        "database" => Some("settings of the database"),
        "role" | "group" => Some("roles"),
        "user" if next != "mapping" => Some("roles"),
        "tablespace" => Some("tablespaces"),
        _ => None,
    };
    match (word(0), word(1)) {
        ("create" | "alter" | "drop", kind) if global(kind, word(2)).is_some() => {
            Fate::LeftOut(global(kind, word(2)).unwrap_or_default())
        }
        ("comment", "on") if global(word(2), word(3)).is_some() => Fate::LeftOut("comments on shared objects"),
        ("security", "label") if words.windows(2).any(|two| two[0] == "on" && global(&two[1], "").is_some()) => {
            Fate::LeftOut("security labels on shared objects")
        }
        ("grant" | "revoke", _) | ("alter", "default") => Fate::LeftOut("privileges"),
        ("reassign", _) | ("drop", "owned") => Fate::LeftOut("owners"),
        ("set" | "reset", "role") | ("set" | "reset", "session") | ("set", "local") if names_a_role(&words) => {
            Fate::LeftOut("owners")
        }
        ("alter", "system") => Fate::Refused("ALTER SYSTEM"),
        ("alter", _) if ends(&["owner", "to"]) => Fate::LeftOut("owners"),
        ("alter", _) if ends(&["set", "tablespace"]) => Fate::LeftOut("tablespaces"),
        // Without FORCE the owner sees all rows, so that the queries can count them.
        ("alter", "table") if words.windows(4).any(|four| four == ["force", "row", "level", "security"]) => {
            Fate::LeftOut("FORCE ROW LEVEL SECURITY")
        }
        ("set", "default_tablespace") if word(2) != "''" && word(3) != "''" => Fate::LeftOut("tablespaces"),
        ("copy", _) if !words.windows(2).any(|two| two == ["from", "stdin"]) => {
            Fate::Refused("COPY with a file or a program")
        }
        ("create", "extension") => extension(&words),
        _ => Fate::Run,
    }
}

fn names_a_role(words: &[String]) -> bool {
    words.iter().take(4).any(|word| word == "role" || word == "authorization")
}

/// Parses `CREATE EXTENSION IF NOT EXISTS name WITH SCHEMA schema`.
fn extension(words: &[String]) -> Fate {
    let mut rest: Vec<&str> = words.iter().skip(2).map(String::as_str).collect();
    if rest.starts_with(&["if", "not", "exists"]) {
        rest.drain(..3);
    }
    let Some(name) = rest.first().map(|name| unquoted(name)) else { return Fate::Run };
    let schema = rest.windows(2).find(|two| two[0] == "schema").map(|two| unquoted(two[1]));
    Fate::Extension(name, schema)
}

fn unquoted(word: &str) -> String {
    match word.strip_prefix('"').and_then(|word| word.strip_suffix('"')) {
        Some(inner) => inner.replace("\"\"", "\""),
        None => word.to_owned(),
    }
}

/// Returns a title of a statement for messages: its first words, without values.
pub(super) fn title(statement: &[u8]) -> String {
    const MOST: usize = 90;
    let text = String::from_utf8_lossy(&statement[..statement.len().min(1024)]);
    let inserts = text.get(..7).is_some_and(|begin| begin.eq_ignore_ascii_case("insert "));
    let end = if inserts { text.to_ascii_uppercase().find(" VALUES").unwrap_or(text.len()) } else { text.len() };
    let begin = text[..end].split(['(', ';', '\'', '$']).next().unwrap_or_default();
    let words: Vec<&str> = begin.split_whitespace().collect();
    let mut title = words.join(" ");
    if title.len() > MOST {
        let end = (0..=MOST).rev().find(|end| title.is_char_boundary(*end)).unwrap_or(0);
        title.truncate(end);
        title.push('…');
    }
    title
}

/// Returns the foreign table that a statement creates, as the server's errors name it.
pub(super) fn foreign_table(statement: &[u8]) -> Option<String> {
    let words = words(&String::from_utf8_lossy(&statement[..statement.len().min(1024)]));
    match words.as_slice() {
        [create, foreign, table, name, ..] if create == "create" && foreign == "foreign" && table == "table" => {
            Some(plain(name))
        }
        _ => None,
    }
}

/// Removes the quotes around the parts of a name.
fn plain(name: &str) -> String {
    name.replace("\"\"", "\0").replace('"', "").replace('\0', "\"")
}

/// What the failure of a statement means for the data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Matter {
    /// The statement creates, fills or attaches tables.
    Data,
    /// It creates another object that the data may need: a type, a function, an index.
    OtherObject,
    /// It creates an object without rows: a publication, a policy, an extension. Its failure alone does not make a dump
    /// bad.
    NoData,
    /// It removes or describes something. Its failure does not matter.
    Nothing,
}

/// Decides what the failure of a statement means.
pub(super) fn matter(statement: &[u8]) -> Matter {
    let text = String::from_utf8_lossy(&statement[..statement.len().min(4096)]).into_owned();
    let words = words(&text);
    let word = |at: usize| words.get(at).map(String::as_str).unwrap_or_default();
    let has = |wanted: &str| words.iter().any(|word| word == wanted);
    match (word(0), word(1)) {
        ("drop", _) | ("comment", _) => Matter::Nothing,
        ("alter", _) if has("drop") => Matter::Nothing,
        ("create", "schema") if word(2) == "public" => Matter::Nothing,
        ("copy" | "insert", _) | ("create", "table" | "unlogged") => Matter::Data,
        ("alter", "table") if (has("attach") && has("partition")) || has("inherit") => Matter::Data,
        // Large objects and values of sequences.
        ("select", what) if what.starts_with("pg_catalog.lo") || what == "pg_catalog.setval" => Matter::Data,
        // Planner statistics, which newer versions of pg_dump restore by function calls.
        ("select", _) if words.iter().any(|word| word.starts_with("pg_catalog.pg_restore_")) => Matter::NoData,
        // An unknown setting does not change rows; another encoding would.
        ("set", name) if name != "client_encoding" => Matter::Nothing,
        (
            "create" | "alter",
            "event" | "foreign" | "policy" | "publication" | "server" | "statistics" | "subscription",
        ) => Matter::NoData,
        ("create" | "alter", "user")
        | ("alter", "access")
        | ("create", "access")
        | ("security", "label")
        | ("refresh", _) => Matter::NoData,
        ("create" | "alter", "text" | "extension") => Matter::NoData,
        _ => Matter::OtherObject,
    }
}

/// Splits a statement into words in lower case. Quoted names and strings stay as they are; comments are left out.
fn words(text: &str) -> Vec<String> {
    /// Maximum number of words. Statements that are recognized by their last words are shorter.
    const MOST: usize = 2_000;
    let mut words: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        if words.len() >= MOST {
            break;
        }
        let length = if rest.starts_with("--") {
            let end = rest.find('\n').unwrap_or(rest.len());
            rest = rest[end..].trim_start();
            continue;
        } else if rest.starts_with("/*") {
            let end = rest.find("*/").map_or(rest.len(), |end| end + 2);
            rest = rest[end..].trim_start();
            continue;
        } else if first == '\'' {
            quoted(rest, first)
        } else if first == '"' || first.is_alphanumeric() || first == '_' {
            name(rest)
        } else {
            first.len_utf8()
        };
        let word = &rest[..length];
        if word.contains(['"', '\'']) {
            words.push(word.to_owned());
        } else if first != ';' && first != '=' {
            words.push(word.to_lowercase());
        }
        rest = rest[length..].trim_start();
    }
    words
}

/// Returns the length of a word or a name, whose parts may be quoted: `public."a; b".c`.
fn name(text: &str) -> usize {
    let mut at = 0;
    while let Some(next) = text[at..].chars().next() {
        at += match next {
            '"' => quoted(&text[at..], '"'),
            next if next.is_alphanumeric() || matches!(next, '_' | '.' | '$') => next.len_utf8(),
            _ => break,
        };
    }
    at
}

/// Returns the length of a quoted text, including its quotes.
fn quoted(text: &str, quote: char) -> usize {
    let mut from = 1;
    while let Some(at) = text[from..].find(quote) {
        let after = from + at + 1;
        if !text[after..].starts_with(quote) {
            return after;
        }
        from = after + 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_beyond_the_database_are_skipped_but_no_data() {
        for left_out in [
            "DROP DATABASE app;",
            "CREATE DATABASE app WITH TEMPLATE = template0 ENCODING = 'UTF8';",
            "ALTER DATABASE app SET search_path TO 'x';",
            "-- a comment\nDROP /* x */ DATABASE IF EXISTS app;",
            "COMMENT ON DATABASE app IS 'x';",
            "CREATE ROLE admin SUPERUSER;",
            "ALTER USER postgres PASSWORD 'x';",
            "CREATE TABLESPACE fast LOCATION '/x';",
            "SET default_tablespace = fast;",
            "ALTER TABLE public.t OWNER TO app;",
            "ALTER FUNCTION public.f(a integer) OWNER TO \"my app\";",
            "ALTER TABLE public.\"odd \"\"name\"\".;\" OWNER TO postgres;",
            "ALTER TABLE \"public\".\"T\" OWNER TO \"postgres\";",
            "ALTER TABLE ONLY public.t FORCE ROW LEVEL SECURITY;",
            "ALTER TABLE t SET TABLESPACE fast;",
            "GRANT ALL ON SCHEMA public TO PUBLIC;",
            "ALTER DEFAULT PRIVILEGES FOR ROLE x GRANT SELECT ON TABLES TO y;",
            "SET SESSION AUTHORIZATION 'app';",
            "SET ROLE app;",
            "RESET ROLE;",
            "SET LOCAL ROLE app;",
        ] {
            assert!(matches!(fate(left_out.as_bytes()), Fate::LeftOut(_)), "{left_out}");
        }
        for run in [
            "CREATE USER MAPPING FOR app SERVER s OPTIONS (\"user\" 'x');",
            "SET default_tablespace = '';",
            "SET statement_timeout = 0;",
            "SET LOCAL lock_timeout = 0;",
            "CREATE TABLE public.database (role text DEFAULT 'owner to x');",
            "INSERT INTO t VALUES ('DROP DATABASE app;');",
            "COPY public.t (a) FROM stdin;",
            "ALTER TABLE ONLY public.t ADD CONSTRAINT c CHECK (owner > 1);",
            "SELECT pg_catalog.set_config('search_path', '', false);",
        ] {
            assert_eq!(fate(run.as_bytes()), Fate::Run, "{run}");
        }
        for refused in ["ALTER SYSTEM SET x = 1;", "COPY t FROM PROGRAM 'id';", "COPY (SELECT 1) TO '/tmp/x';"] {
            assert!(matches!(fate(refused.as_bytes()), Fate::Refused(_)), "{refused}");
        }
        let extension = fate(b"CREATE EXTENSION IF NOT EXISTS \"uuid-ossp\" WITH SCHEMA ext;");
        assert_eq!(extension, Fate::Extension("uuid-ossp".to_owned(), Some("ext".to_owned())));
    }

    #[test]
    fn a_failed_statement_is_reported_by_its_start_without_rows() {
        for (statement, shown, matters) in [
            ("INSERT INTO public.t (a) VALUES ('secret');", "INSERT INTO public.t", Matter::Data),
            ("INSERT INTO public.t VALUES (1);", "INSERT INTO public.t", Matter::Data),
            ("COPY public.t (a, b) FROM stdin;", "COPY public.t", Matter::Data),
            (
                "CREATE EVENT TRIGGER e ON ddl_command_end\n  EXECUTE FUNCTION f();",
                "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f",
                Matter::NoData,
            ),
            (
                "ALTER TABLE ONLY public.p ATTACH PARTITION public.q FOR VALUES IN ('a');",
                "ALTER TABLE ONLY public.p ATTACH PARTITION public.q FOR VALUES IN",
                Matter::Data,
            ),
            ("DROP TABLE public.t;", "DROP TABLE public.t", Matter::Nothing),
            ("SET transaction_timeout = 0;", "SET transaction_timeout = 0", Matter::Nothing),
            ("SET client_encoding = 'UTF8';", "SET client_encoding =", Matter::OtherObject),
            ("CREATE VIEW public.v AS SELECT 1;", "CREATE VIEW public.v AS SELECT 1", Matter::OtherObject),
            (
                "CREATE SUBSCRIPTION s CONNECTION 'host=x' PUBLICATION p;",
                "CREATE SUBSCRIPTION s CONNECTION",
                Matter::NoData,
            ),
            (
                "SELECT * FROM pg_catalog.pg_restore_relation_stats('version', '180004'::integer);",
                "SELECT * FROM pg_catalog.pg_restore_relation_stats",
                Matter::NoData,
            ),
            (
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (\"password\" 'x');",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS",
                Matter::NoData,
            ),
            ("SELECT pg_catalog.setval('public.s', 5, true);", "SELECT pg_catalog.setval", Matter::Data),
        ] {
            assert_eq!((title(statement.as_bytes()).as_str(), matter(statement.as_bytes())), (shown, matters));
        }
    }
}
