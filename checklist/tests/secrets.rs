//! No message repeats a secret that a user wrote into checklist.yaml, whatever the spelling.

use checklist::Config;

const SECRET: &str = "hunter2";

/// Files with a secret. Each also has a mistake, so that a message is printed.
const SPELLINGS: &[&str] = &[
    // Unknown keys: in block and flow style, quoted and plain, abbreviated, in other cases.
    "postgres:\n  - name: a\n    password: hunter2\n",
    "postgres:\n  - {name: a, password: hunter2, port: abc}\n",
    "postgres:\n  - {name: a, \"password\": hunter2, port: abc}\n",
    "postgres:\n  - {name: a, 'password': 'hunter2', port: abc}\n",
    "postgres:\n  - {name: a, \"password\":\"hunter2\", port: abc}\n",
    "postgres:\n  - {name: a, pass: hunter2, port: abc}\n",
    "postgres:\n  - {name: a, pwd: hunter2, port: abc}\n",
    "postgres:\n  - {name: a, PGPASSWORD: hunter2, port: abc}\n",
    "postgres:\n  - {name: a, credentials: [ann, hunter2], port: abc}\n",
    "postgres:\n  - {name: a, credentials: {ann: hunter2}, port: abc}\n",
    "postgres:\n  - {name: a, auth: 'ann:hunter2', port: abc}\n",
    // Values on the next line, in a block, folded, behind an anchor, a tag, an alias.
    "postgres:\n  - name: a\n    password:\n      hunter2\n",
    "postgres:\n  - name: a\n    password: |\n      hunter2\n    port: abc\n",
    "postgres:\n  - name: a\n    password: >-\n      hunter2\n    port: abc\n",
    "postgres:\n  - name: a\n    password: &pw hunter2\n    port: *pw\n",
    "postgres:\n  - name: &hunter2 a b\n",
    "postgres:\n  - {name: a, password: !!str hunter2, port: abc}\n",
    "postgres:\n  - {name: a, ? password : hunter2, port: abc}\n",
    // In the place of a file or variable, in a list, in a table of names.
    "postgres:\n  - {name: a, passwordFile: hunter2, passwordEnv: hunter2, port: abc}\n",
    "health:\n  - {name: a, url: 'http://a', bearerTokenEnv: hunter2, status: abc}\n",
    "alerting: {slack: {webhookUrlFile: hunter2}, pagerduty: {routingKey: hunter2}}\n",
    "alerting:\n  slack: hunter2\n",
    "alerting:\n  slack: [hunter2]\n",
    // There, with slashes, as keys in base64 and addresses have them.
    "backups:\n  - {name: a, secretAccessKeyFile: wJal/hunter2/bPxRfiCY, every: 1}\n",
    "backups:\n  - {name: a, secretAccessKeyFile: /K7MhunterENG/hunter2/bPxRfiCYE, every: 1}\n",
    "backups:\n  - {name: a, secretAccessKeyFile: '~/hunter2', every: 1}\n",
    "alerting: {slack: {webhookUrlFile: 'https://hooks.slack.com/services/T0/B0/hunter2', x: 1}}\n",
    // In addresses: logins of every form, queries, fragments, signed addresses.
    "health:\n  - {name: a, url: 'https://ann:hunter2@host/'}\n",
    "health:\n  - {name: a, url: 'https://hunter2@host/', status: abc}\n",
    "health:\n  - {name: a, url: 'https://ann:hun/ter2:hunter2@host/', status: abc}\n",
    "health:\n  - {name: a, url: 'https://host/ann:hunter2@x', status: abc}\n",
    "health:\n  - {name: a, url: 'https://host/?access_token=hunter2', status: abc}\n",
    "health:\n  - {name: a, url: 'https://host/x?sv=1&sig=hunter2', status: abc}\n",
    "health:\n  - {name: a, url: 'https://host/#token=hunter2', status: abc}\n",
    "health:\n  - {name: a, url: 'ftp://ann:hunter2@host/'}\n",
    "health:\n  - {name: a, url: 'https://ann%3Ahunter2%40host/', status: abc}\n",
    "health:\n  - {name: a, url: 'https://ann:hunter2\u{ff20}host/', status: abc}\n",
    "health:\n  - {name: a, url: 'https://hooks.slack.com/services/T0/B0/1hunter2XXXXXXXXXXXXXXX', status: abc}\n",
    "health:\n  - {name: a, url: 'https://host/0123456789abcdef0123456789abcdef', status: hunter2@}\n",
    "thresholds: {backup.max_age: 1hunter2XXXXXXXXXXXXXXX}\n",
    "postgres:\n  - {name: a, host: 'postgres://ann:hunter2@host/db', port: abc}\n",
    "certificates:\n  - {name: a, address: 'ann:hunter2@host:443'}\n",
    "backups:\n  - {name: a, bucket: bkt, endpoint: 'https://ann:hunter2@host', every: 1}\n",
    // In comments, behind and above the mistake, and in SQL and selectors.
    "postgres:\n  - name: a # password: hunter2\n    port: abc # hunter2\n",
    "postgres:\n  # password: hunter2\n  - {name: a b}\n",
    "queries:\n  - {name: a, query: \"SELECT dblink('password=hunter2')\", unit: abc}\n",
    "health:\n  - {name: a, url: 'http://a', expect: {token: [hunter2]}, status: abc}\n",
    // In files that are not YAML.
    "postgres:\n  - name: a\n    password: \"hunter2\n    host: h\n",
    "postgres:\n  - name: a\n    password: hunter2: x\n",
    "postgres:\n  - name: a\n   password: hunter2\n",
    "postgres:\n  - {name: a, password: hunter2\n",
    "postgres:\n  - name: a\n    password: *hunter2\n",
    "postgres:\n  - name: a\n\tpassword: hunter2\n",
    "password: hunter2\n---\npassword: hunter2\n",
    "postgres:\n  - {name: a, password: hunter2, password: hunter2}\n",
    "hunter2",
    "- hunter2\n",
];

#[test]
fn no_encoding_of_a_secret_appears_in_an_error_message() {
    assert!(SPELLINGS.len() >= 30);
    for text in SPELLINGS {
        let Err(mistakes) = Config::parse("checklist.yaml", text) else { panic!("accepted:\n{text}") };
        for shown in [mistakes.to_string(), format!("{mistakes:?}")] {
            assert!(!shown.contains(SECRET), "{text}\nis reported as\n{shown}");
        }
    }
}

#[test]
fn lines_without_secrets_are_shown_with_a_caret() {
    for (text, shown) in [
        ("postgres:\n  - {name: a, password: hunter2, port: abc}\n", "  - {name: a, password: ******** port: abc}"),
        (
            "health:\n  - {name: a, url: https://host:8443/x, status: abc}\n",
            "  - {name: a, url: https://host:8443/x, status: abc}",
        ),
        (
            "health:\n  - {name: a, url: https://host/0123456789abcdef0123456789abcdef, status: abc}\n",
            "  - {name: a, url: ********************************************** status: abc}",
        ),
        ("health:\n  - name: a\n    url: http://a\n    status: abc # why\n", "    status: abc ..."),
        ("backups:\n  - {name: a, bucket: bkt, every: 1 day}\n", "  - {name: a, bucket: bkt, every: 1 day}"),
        (
            "postgres:\n  - {name: a, passwordFile: /etc/pw, port: abc}\n",
            "  - {name: a, passwordFile: /etc/pw, port: abc}",
        ),
        (
            "thresholds: {disk.usage: {warning: 90%, critical: 80%}}\n",
            "thresholds: {disk.usage: {warning: 90%, critical: 80%}}",
        ),
        ("checks: {backup: {interval: 0s}} # ä\n", "checks: {backup: {interval: 0s..."),
    ] {
        let Err(mistakes) = Config::parse("checklist.yaml", text) else { panic!("accepted:\n{text}") };
        let messages = mistakes.to_string();
        let lines = messages.lines().filter_map(|line| line.split_once(" | ").map(|(_, source)| source));
        assert!(lines.clone().any(|line| line == shown), "{shown} is not in\n{messages}");
        for (source, caret) in lines.clone().zip(lines.skip(1)).filter(|(_, caret)| caret.trim() == "^") {
            assert!(caret.chars().count() <= source.chars().count() + 1, "{messages}");
        }
    }
}

#[test]
fn a_file_of_more_than_a_mebibyte_and_hostile_aliases_are_refused_at_once() {
    let long = format!("# {}\nhealth: []\n", "x".repeat(1024 * 1024));
    let messages =
        Config::parse("checklist.yaml", &long).err().map(|mistakes| mistakes.to_string()).unwrap_or_default();
    assert!(messages.contains("the limit is 1 MiB"), "{messages}");
    let comments = format!(
        "health:\n  - {{name: a, url: 'http://a'}}\n{}  - {{name: b, url: 'http://b'}}\n",
        "  # - old\n".repeat(2_000)
    );
    assert!(Config::parse("checklist.yaml", &comments).is_ok());
}
