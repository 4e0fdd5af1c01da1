//! The list `health:`.

use super::kind::TargetKind;
use super::parts::{ENDPOINT, ENDPOINT_RULES, Endpoint, Needs, endpoint};
use super::target::{List, OWN, Target};
use crate::reader::keys::{Key, Kind, Section};
use crate::reader::table::Table;
use std::collections::BTreeMap;

/// An HTTP endpoint that reports in JSON how the application is.
#[derive(Debug, Clone)]
pub struct Health {
    /// The value of the label `target`.
    pub name: String,
    pub endpoint: Endpoint,
    /// The status codes of a healthy answer. Never empty.
    pub status: Vec<u16>,
    /// JSON fields with the text that each must have. Dots in a field descend into objects.
    pub expect: BTreeMap<String, String>,
    /// The JSON field with the version of the application.
    pub version_field: Option<String>,
}

impl Target for Health {
    fn name(&self) -> &str {
        &self.name
    }

    fn kinds(&self) -> Vec<TargetKind> {
        vec![TargetKind::Health]
    }

    fn needs(&self) -> Needs<'_> {
        Needs::default().endpoint(&self.endpoint)
    }
}

static ENTRY: Section = Section {
    what: "a target",
    keys: &[
        OWN,
        ENDPOINT,
        &[
            Key::new("status", Kind::Whole(100, 599), "The status code of a healthy response.")
                .default("200")
                .example("204"),
            Key::new(
                "statuses",
                Kind::List(&Kind::Whole(200, 599), true),
                "The status codes of a healthy response, if there are several.",
            )
            .otherwise("`status`")
            .example("[200, 429]"),
            Key::new(
                "expect",
                Kind::Map(&Kind::Scalar),
                "Fields of the response (dots for nested fields, numbers for list items) and the string or number that each must have.",
            )
            .example("{status: healthy, database: connected}"),
            Key::new("versionField", Kind::Text, "The field of the response with the version of the application.")
                .example("version"),
        ],
    ],
    rules: ENDPOINT_RULES,
};

impl List for Health {
    const LIST: &'static str = "health";
    const ABOUT: &'static str = "HTTP endpoints that report the health of the application as JSON. If a target has the name of a workload, an outage of both is one page.";
    const EXAMPLE: &'static str = "[{name: shop, url: \"https://shop.example.com/health\", expect: {status: ok}}]";
    const ENTRY: &'static Section = &ENTRY;

    fn read(table: &Table<'_>, name: String) -> Option<Self> {
        let expected = table.entries("expect").iter();
        let expected = expected.filter_map(|(key, node)| Some((key.scalar()?.to_owned(), node.scalar()?.to_owned())));
        let statuses = table.list("statuses").iter();
        let statuses: Vec<u16> = statuses.filter_map(|code| code.scalar()?.parse().ok()).collect();
        Some(Self {
            name,
            endpoint: endpoint(table)?,
            status: if statuses.is_empty() { vec![table.whole("status")?] } else { statuses },
            expect: expected.collect(),
            version_field: table.text("versionField"),
        })
    }
}
