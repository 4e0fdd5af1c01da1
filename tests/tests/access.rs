//! The exporter passes every check with exactly the generated rights, and every other access is refused.

use checklist::config::{Backup, S3Prefix};
use checklist::{Access, Config, Reason, SIGNALS};
use clients::s3::Bucket;
use stack::postgres::PASSWORD;
use stack::rights::{Right, rights};
use stack::stack::Stack;
use stack::waiting::{eventually, passes};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

fn config(stack: &Stack) -> anyhow::Result<Config> {
    let text = std::fs::read_to_string(stack.folder().join("checklist.yaml"))?;
    Ok(Config::parse("checklist.yaml", &text)?)
}

/// Connects as the exporter's role, in a session that is not read-only, so that only the role's rights limit it.
async fn as_role(stack: &Stack) -> anyhow::Result<Client> {
    let address =
        format!("host=127.0.0.1 port={} user=checklist password={PASSWORD} dbname=orchestrator", stack.postgres.port);
    let (client, connection) = tokio_postgres::connect(&address, NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute("SET default_transaction_read_only = off").await?;
    Ok(client)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_check_passes_with_the_generated_rights_and_each_of_them_is_used() -> anyhow::Result<()> {
    // The stack waits until every check has passed.
    let stack = Stack::start().await?;
    database_refuses_the_rest(&stack).await?;
    buckets_refuse_the_rest(&stack).await?;
    // The lease existed already. The exporter creates it again after it was deleted.
    stack.application.delete_lease("checklist-exporter").await?;
    let held = || async { Ok(stack.application.lease_holder("checklist-exporter").await?.is_some()) };
    eventually("the lease is made again", held).await?;
    requests_to_the_cluster_match_the_grants(&stack).await
}

async fn database_refuses_the_rest(stack: &Stack) -> anyhow::Result<()> {
    let client = as_role(stack).await?;
    // The extension itself grants everybody access to its views.
    let columns = "SELECT c.table_name::text, c.column_name::text FROM information_schema.columns c \
                   JOIN information_schema.tables t USING (table_schema, table_name) WHERE c.table_schema = 'public' \
                   AND c.table_name NOT LIKE 'pg_stat_statements%'";
    let mut granted: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for access in SIGNALS.iter().flat_map(|signal| signal.access) {
        if let Access::SqlColumns(table, names) = access {
            granted.entry(table).or_default().extend(*names);
        }
    }
    // The operator's own check reads these columns, which the stack grants separately.
    granted.entry("jobs").or_default().extend(["queue", "waits_since"]);
    let owner = stack.postgres.client().await?;
    owner.batch_execute("CREATE TABLE payroll (id bigint, salary bigint)").await?;
    let (mut read, mut refused) = (0, 0);
    for row in owner.query(columns, &[]).await? {
        let (table, column): (&str, &str) = (row.get(0), row.get(1));
        let result = client.batch_execute(&format!("SELECT \"{column}\" FROM \"{table}\" LIMIT 1")).await;
        if granted.get(table).is_some_and(|columns| columns.contains(column)) {
            result?;
            read += 1;
        } else {
            let error = result.err().and_then(|error| error.code().cloned());
            assert_eq!(error, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{table}.{column}");
            refused += 1;
        }
    }
    assert!(read > 10 && refused > 5, "{read} columns were read, {refused} refused");
    for statement in [
        "INSERT INTO users (email, created_at) VALUES ('x', now())",
        "INSERT INTO jobs (queue, waits_since) VALUES ('x', now())",
        "UPDATE users SET disabled_at = now()",
        "DELETE FROM audit_events",
        "TRUNCATE workflows",
        "DROP TABLE users",
        "ALTER TABLE users ADD COLUMN x int",
        "CREATE TABLE mine (x int)",
        "SELECT * FROM users",
        "SELECT passwd FROM pg_shadow",
        "SELECT pg_read_file('postgresql.conf')",
        "COPY users TO PROGRAM 'true'",
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres' AND backend_type = 'client backend'",
        "SET ROLE postgres",
        "CREATE ROLE other",
    ] {
        let error = client.batch_execute(statement).await.err().and_then(|error| error.code().cloned());
        assert_eq!(error, Some(SqlState::INSUFFICIENT_PRIVILEGE), "{statement}");
    }
    Ok(())
}

async fn buckets_refuse_the_rest(stack: &Stack) -> anyhow::Result<()> {
    let policy: serde_json::Value =
        serde_json::from_slice(&std::fs::read(stack.folder().join("generated/access/s3-policy.json"))?)?;
    let statements = policy["Statement"].as_array().cloned().unwrap_or_default();
    assert!(!statements.is_empty());
    let requests = stack.s3.requests();
    let strange: Vec<_> = requests
        .iter()
        .filter(|request| !statements.iter().any(|statement| request.is_granted_by(statement)))
        .collect();
    assert!(strange.is_empty(), "asked for and not granted: {strange:?}");
    let unused: Vec<_> = statements
        .iter()
        .filter(|statement| !requests.iter().any(|request| request.is_granted_by(statement)))
        .collect();
    assert!(unused.is_empty(), "granted and never asked for: {unused:?}");
    stack.s3.put("llm-orchestrator-backups", "other/secret", b"x")?;
    let place = config(stack)?.backups.first().map(|Backup { place, .. }| place.clone());
    let place = place.ok_or_else(|| anyhow::anyhow!("there is a backup"))?;
    let listed = |prefix: &str| {
        let bucket = Bucket::new(S3Prefix { prefix: prefix.to_owned(), ..place.clone() });
        async move { bucket.objects().await.map(|_| ()).map_err(|failure| failure.reason) }
    };
    assert_eq!(listed("daily/").await, Ok(()));
    assert_eq!(listed("other/").await, Err(Reason::Permission));
    assert_eq!(listed("").await, Err(Reason::Permission));
    let written = Bucket::new(place.clone()).create("daily/new", b"x".to_vec()).await;
    assert_eq!(written.map_err(|failure| failure.reason), Err(Reason::Permission));
    Ok(())
}

async fn requests_to_the_cluster_match_the_grants(stack: &Stack) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(stack.folder().join("generated/access/kubernetes-stack.yaml"))?;
    // The kubelet authorizes requests for node statistics by asking the API server, and the commands that verify a backup
    // and the path of alerts have leases of their own.
    let of_others = |right: &Right| {
        right.resource == "nodes/stats" || right.name.as_ref().is_some_and(|name| name.contains("-verify-"))
    };
    let rights: Vec<Right> =
        rights(&serde_yaml::from_str(&text)?).into_iter().filter(|right| !of_others(right)).collect();
    assert!(rights.len() > 20, "only {} rights were looked at", rights.len());
    passes(|| async {
        let requests = stack.application.requests()?;
        let used = |right: &&Right| requests.iter().any(|request| request.status < 400 && right.grants(request));
        let unused: Vec<_> = rights.iter().filter(|right| !used(right)).collect();
        anyhow::ensure!(unused.is_empty(), "granted and not used: {unused:#?}");
        Ok(())
    })
    .await?;
    let requests = stack.application.requests()?;
    let refused: Vec<_> = requests.iter().filter(|request| request.is_refused()).collect();
    assert!(refused.is_empty(), "asked for and not granted: {refused:#?}");
    // Secrets are read by name.
    let secrets: Vec<_> = requests.iter().filter(|request| request.resource == "secrets").collect();
    assert!(!secrets.is_empty() && secrets.iter().all(|request| request.verb == "get"), "{secrets:#?}");
    Ok(())
}

/// Collects the Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sources(&path, found)?;
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            found.push(path);
        }
    }
    Ok(())
}

#[test]
fn nothing_in_the_product_can_list_secrets() -> anyhow::Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["exporter/src", "rules-gen/src", "checklist/src"] {
        sources(&root.join(folder), &mut files)?;
    }
    assert!(files.len() > 100, "only {} files were found", files.len());
    let mut places = Vec::new();
    for file in &files {
        let text = std::fs::read_to_string(file)?;
        // A typed list would need no word "secrets" in a path, so the type must not be used either.
        assert!(!text.contains("api::core::v1::Secret"), "{} has the type of secrets", file.display());
        // Example secret files in comments are not API paths.
        let is_code = |line: &&str| !["//", ".example("].iter().any(|begin| line.trim_start().starts_with(begin));
        let lines = text.lines().filter(is_code);
        places.extend(lines.filter(|line| line.contains("/secrets")).map(|line| (file.clone(), line.to_owned())));
    }
    for (file, line) in &places {
        let folder = line.contains("/run/secrets/") || line.contains("/run/secrets\"");
        let one = file.ends_with("exporter/src/probes/secrets.rs") && line.contains("/secrets/{}");
        assert!(folder || one, "{}: {line}", file.display());
    }
    assert!(places.iter().any(|(file, _)| file.ends_with("exporter/src/probes/secrets.rs")), "the probe was not found");
    // The generated rights for secrets, for several ways to configure them.
    let many = "kubernetes:
  - {name: a, namespaces: [x, y], secrets: [{namespace: x, name: s}, {namespace: z, name: t}], webAudiences: [w]}
  - {name: b, namespaces: [x]}
";
    let example = std::fs::read_to_string(root.join("examples/checklist.yaml"))?;
    let mut seen = 0;
    for text in [many, &example] {
        let config = Config::parse("checklist.yaml", text)?;
        for cluster in &config.kubernetes {
            let list = rules_gen::outputs::access::kubernetes(&config, &cluster.name);
            let items = list["items"].as_array().cloned().unwrap_or_default();
            for rule in items.iter().filter_map(|item| item["rules"].as_array()).flatten() {
                assert!(!rule.to_string().contains('*'), "{rule}");
                if rule["resources"].to_string().contains("secrets") {
                    assert_eq!(rule["verbs"], serde_json::json!(["get"]), "{rule}");
                    assert!(rule["resourceNames"].as_array().is_some_and(|names| !names.is_empty()), "{rule}");
                    seen += 1;
                }
            }
        }
    }
    assert!(seen >= 3, "{seen} rules about secrets");
    Ok(())
}
