//! The targets: a file for each kind, with its struct, its keys in checklist.yaml, the code that reads them, and what
//! the target needs of files, variables and the network. A kind exists when it is listed in `lists!`, and one without
//! its file does not compile.

mod alertmanagers;
mod backups;
mod certificates;
pub(crate) mod exclusions;
mod health;
mod kind;
pub(crate) mod kubernetes;
mod name_pattern;
pub(crate) mod parts;
mod postgres;
mod prometheus;
mod reports;
mod restore;
pub mod tables;
pub(crate) mod target;
pub(crate) mod tasks;
mod traffic;

pub use alertmanagers::Alertmanager;
pub use backups::{Backup, BackupFormat};
pub use certificates::{Certificate, StartTls};
pub use exclusions::{Described, Exclusion, LeftOut, Texts};
pub use health::Health;
pub use kind::TargetKind;
pub use kubernetes::{AuditLogs, Kubernetes, RotatedSecret};
pub use name_pattern::NamePattern;
pub use parts::{Endpoint, Needs, Peer, S3Prefix, SecretRef};
pub use postgres::{Login, Postgres, PostgresTls};
pub use prometheus::Prometheus;
pub use reports::{Report, ReportFormat, ReportPlace};
pub use restore::{Expect, Restore, Sanity};
pub use target::Target;
pub use tasks::{RecordPlace, Tasks};
pub use traffic::Traffic;

use crate::reader::keys::Key;
use target::{List, list};

/// Reads one list of targets. The configuration implements it, because the settings of targets are its own.
pub(crate) trait ReadList {
    fn list<T: List>(&mut self) -> Vec<T>;
}

macro_rules! lists {
    ($($list:ident: $target:ty,)*) => {
        /// Every target of a configuration.
        #[derive(Debug, Clone, Default)]
        pub struct Targets {
            $(
                #[doc = concat!("`", stringify!($list), ":`")]
                pub $list: Vec<$target>,
            )*
            /// `tasks:`
            pub tasks: Option<Tasks>,
        }

        /// The keys of the lists.
        pub(crate) const LISTS: &[Key] = &[$(list::<$target>()),*];

        impl Targets {
            /// Returns every target with the key of its list, in the order of checklist.yaml.
            pub fn each(&self) -> Vec<(&'static str, &dyn Target)> {
                let mut all: Vec<(&'static str, &dyn Target)> = Vec::new();
                $(all.extend(self.$list.iter().map(|target| (<$target as List>::LIST, target as &dyn Target)));)*
                all.extend(self.tasks.iter().map(|tasks| ("tasks", tasks as &dyn Target)));
                all
            }

            pub(crate) fn read(reader: &mut impl ReadList) -> Self {
                Self { $($list: reader.list::<$target>(),)* tasks: None }
            }
        }
    };
}

lists! {
    kubernetes: Kubernetes,
    health: Health,
    backups: Backup,
    postgres: Postgres,
    certificates: Certificate,
    alertmanagers: Alertmanager,
    prometheus: Prometheus,
    traffic: Traffic,
    reports: Report,
}

/// Returns the keys of the sections that define targets.
pub fn watching() -> impl Iterator<Item = &'static str> {
    LISTS.iter().map(|key| key.name).chain(["tasks"])
}
