//! Statements, rows and commands in text that arrives in chunks of several sizes.

use super::*;

/// Splits a text that arrives in chunks of several sizes.
fn cut(text: &[u8]) -> Vec<Piece> {
    let whole = pieces(text, text.len().max(1));
    for size in [1, 2, 3, 7] {
        assert_eq!(joined(pieces(text, size)), joined(pieces(text, text.len().max(1))), "in pieces of {size}");
    }
    whole
}

fn pieces(text: &[u8], size: usize) -> Vec<Piece> {
    let mut cutter = Cutter::new();
    let mut all = Vec::new();
    let mut take = |cutter: &mut Cutter| {
        while let Ok(Some(piece)) = cutter.next() {
            all.push(piece);
        }
    };
    for piece in text.chunks(size) {
        cutter.feed(piece);
        take(&mut cutter);
    }
    cutter.end();
    take(&mut cutter);
    all
}

/// Joins consecutive pieces of rows.
fn joined(pieces: Vec<Piece>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut rows = String::new();
    for piece in pieces {
        match piece {
            Piece::Data(data) => rows += &String::from_utf8_lossy(&data),
            Piece::DataEnd => all.push(format!("rows {}", std::mem::take(&mut rows))),
            Piece::Statement(text) => all.push(String::from_utf8_lossy(&text).trim().to_owned()),
            Piece::Command(line) => all.push(format!("command {line}")),
        }
    }
    if !rows.is_empty() {
        all.push(format!("torn {rows}"));
    }
    all
}

fn lines(text: &str) -> Vec<String> {
    joined(cut(text.as_bytes()))
}

#[test]
fn a_semicolon_in_a_string_comment_body_or_parentheses_does_not_end_a_statement() {
    assert_eq!(
        lines("-- a;b\nSELECT ';', \"a;\"\"b\", 'it''s;' /* ; /* ; */ ; */;\nSELECT $$;$$, $x$ $$; $x$, E'\\';', $1;"),
        ["SELECT ';', \"a;\"\"b\", 'it''s;' /* ; /* ; */ ; */;", "SELECT $$;$$, $x$ $$; $x$, E'\\';', $1;"]
    );
    assert_eq!(lines("CREATE RULE r AS ON INSERT TO t DO (SELECT 1; SELECT 2);SELECT 3;").len(), 2);
    let body = "CREATE OR REPLACE FUNCTION public.f(\"end\" integer) RETURNS integer LANGUAGE sql BEGIN ATOMIC SELECT CASE WHEN true THEN 1 ELSE 2 END; SELECT 3; END;";
    assert_eq!(lines(&format!("{body}\nBEGIN;\nCOMMIT;")), [body, "BEGIN;", "COMMIT;"]);
    assert_eq!(lines("SELECT 'C:\\';SELECT 2;").len(), 2, "a backslash is a letter");
    assert_eq!(lines("SET standard_conforming_strings = off;SELECT 'it\\'s; ';").len(), 2, "and here it is not");
}

#[test]
fn copy_rows_are_not_statements_and_psql_commands_are_recognized() {
    let text = "COPY public.t (a, b) FROM stdin;\n1\tDROP DATABASE app;\n\\! id\t\\N\n\\.\n\n\\connect other\nCOPY e FROM stdin;\n\\.\nSELECT 1;\n\\restrict x";
    assert_eq!(
        lines(text),
        [
            "COPY public.t (a, b) FROM stdin;",
            "rows 1\tDROP DATABASE app;\n\\! id\t\\N\n",
            "command connect other",
            "COPY e FROM stdin;",
            "rows ",
            "SELECT 1;",
            "command restrict x",
        ]
    );
    assert_eq!(lines("COPY t FROM stdin;\none\n\\.x\ntwo"), ["COPY t FROM stdin;", "torn one\n\\.x\ntwo"]);
    assert_eq!(lines("COPY t TO stdout;\nSELECT 1;").len(), 2);
    assert_eq!(lines("\\! touch /tmp/x\nSELECT 1;"), ["command ! touch /tmp/x", "SELECT 1;"]);
}

#[test]
fn bytes_of_every_encoding_pass_unchanged() {
    let mut text = b"INSERT INTO t VALUES ('".to_vec();
    text.extend(0x80..=0xff_u8);
    text.extend(b"');");
    assert_eq!(cut(&text), [Piece::Statement(text.clone())]);
}
