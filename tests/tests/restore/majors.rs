//! Dumps of every supported major version in every format, with one object of each kind, restored into a temporary
//! server and into a given one whose role may only create databases. No good dump is reported as bad.

use super::*;
use std::fmt::Write as _;

const FEATURES: &str = include_str!("majors.sql");
/// Objects that later major versions add.
const LATER: &[(u16, &str)] = &[
    (
        14,
        "CREATE FUNCTION sum_of(a integer, b integer) RETURNS integer LANGUAGE sql
             BEGIN ATOMIC SELECT a; SELECT CASE WHEN a > b THEN a + b ELSE b + a END; END;
         CREATE TABLE squeezed (t text COMPRESSION pglz);
         INSERT INTO squeezed VALUES (repeat('x', 10000));
         CREATE STATISTICS lengths ON (length(name)) FROM members;",
    ),
    (
        15,
        "CREATE PUBLICATION part FOR TABLE members (id) WHERE (id > 5);
         CREATE PUBLICATION schemas FOR TABLES IN SCHEMA app;
         CREATE UNIQUE INDEX notes ON byname (note) NULLS NOT DISTINCT;
         CREATE VIEW inviting WITH (security_invoker) AS SELECT 1 AS one;
         GRANT SET ON PARAMETER work_mem TO auditor;",
    ),
    (
        17,
        "CREATE COLLATION own (provider = builtin, locale = 'C.UTF-8');
         CREATE TABLE built_in (name text COLLATE own);
         INSERT INTO built_in VALUES ('x');",
    ),
    (
        18,
        "CREATE TABLE virt (a integer, b integer GENERATED ALWAYS AS (a * 2) VIRTUAL, CONSTRAINT there NOT NULL a NOT VALID);
         INSERT INTO virt (a) VALUES (1);
         CREATE TABLE temporal (id integer, during daterange, PRIMARY KEY (id, during WITHOUT OVERLAPS));
         INSERT INTO temporal VALUES (1, '[2026-01-01,2026-02-01)');
         CREATE TABLE loose (member integer REFERENCES members (id) NOT ENFORCED);
         INSERT INTO loose VALUES (999999);",
    ),
];
const COUNTS: &[(&str, u32)] = &[
    ("members", 200),
    ("hidden", 2),
    ("made", 2),
    ("byname", 3),
    ("measures_1", 2),
    ("measures_2", 1),
    ("hashed", 20),
    ("cities", 2),
    ("rooms", 1),
    ("refs", 2),
    ("stored", 2),
    ("sorted", 1),
    ("folded", 1),
    ("pg_largeobject_metadata", 2),
];

fn checks() -> String {
    let mut checks = "{name: odd, query: 'SELECT count(*) FROM \"odd \"\"name\"\".;\"', atLeast: 1}, \
                      {name: twice, query: SELECT max(twice) FROM made, atLeast: 4}"
        .to_owned();
    for (table, rows) in COUNTS {
        // Writing to a String cannot fail.
        let _ = write!(checks, ", {{name: {table}, query: SELECT count(*) FROM {table}, atLeast: {rows}}}");
    }
    checks
}

/// Returns a world with a server of a major version that has one object of each kind.
async fn world(major: u16, space: &TempDir) -> anyhow::Result<World> {
    if let Some(user) = nix::unistd::User::from_name("postgres")?.filter(|_| nix::unistd::geteuid().is_root()) {
        std::os::unix::fs::chown(space.path(), Some(user.uid.as_raw()), Some(user.gid.as_raw()))?;
    }
    // Uses versitygw where it is built.
    let s3 = S3::each().await?.pop().context("no S3")?;
    let mut world = World::around(Postgres::of_version(major, &["wal_level=logical"]).await?, s3)?;
    world.path = Some(stack::postgres::newest_programs(world.folder.path())?);
    world.postgres.execute(&format!("CREATE TABLESPACE elsewhere LOCATION '{}'", space.path().display())).await?;
    world.postgres.execute(FEATURES).await?;
    for (_, more) in LATER.iter().filter(|(since, _)| major >= *since) {
        world.postgres.execute(more).await?;
    }
    Ok(world)
}

/// Uploads a dump in a format.
fn upload(world: &World, format: &str) -> anyhow::Result<()> {
    let programs = world.path.as_deref().context("no programs")?;
    world.s3.clear("backups")?;
    if format == "-Fd" {
        let folder = world.folder.path().join("dump.d");
        let _ = std::fs::remove_dir_all(&folder);
        world.postgres.dump_by(programs, &["-Fd", "-f", &folder.display().to_string()])?;
        for entry in std::fs::read_dir(&folder)? {
            let entry = entry?;
            let key = format!("daily/folder/{}", entry.file_name().to_string_lossy());
            world.s3.put("backups", &key, &std::fs::read(entry.path())?)?;
        }
        return Ok(());
    }
    let mut dump = world.postgres.dump_by(programs, &[format])?;
    if format == "-Fp" {
        // No test server has a provider of security labels, so the statement is added to the dump.
        let end = "\n--\n-- PostgreSQL database dump complete";
        let label = "SECURITY LABEL FOR selinux ON TABLE public.members IS 'system_u:object_r:sepgsql_table_t:s0';";
        dump = String::from_utf8(dump)?.replacen(end, &format!("\n{label}\n{end}"), 1).into_bytes();
    }
    world.upload(&dump)
}

async fn on(major: u16) -> anyhow::Result<()> {
    let space = tempfile::Builder::new().prefix("tablespace").tempdir()?;
    let world = world(major, &space).await?;
    let scratch = Postgres::of_version(major, &[]).await?;
    scratch.execute(&format!("CREATE ROLE restorer LOGIN CREATEDB PASSWORD '{PASSWORD}'")).await?;
    let given = format!(
        "server: {{host: 127.0.0.1, port: {}, database: postgres, user: restorer, passwordFile: {}/password, tls: disable}},",
        scratch.port,
        world.folder.path().display()
    );
    // Each format is restored on one of the two servers, and on the other one for the next major version.
    let places = [given.as_str(), ""];
    for (at, format) in ["-Fc", "-Fp", "-Fd", "-Ft"].into_iter().enumerate() {
        let server = places[(at + usize::from(major)) % 2];
        let place = if server.is_empty() { "its own" } else { "a given server" };
        world.configure("pg_dump", server, &checks())?;
        upload(&world, format)?;
        let (code, output) = world.verify()?;
        assert_eq!(code, Some(0), "{major} {format} on {place}: {output}");
        for part in ["CREATE EVENT TRIGGER watched", "CREATE SUBSCRIPTION sub", "CREATE PUBLICATION everything"] {
            assert!(output.contains(part), "{major} {format} on {place}: {part} is not reported: {output}");
        }
        assert!(!output.contains("never-shown"), "{output}");
    }
    Ok(())
}

stack::test_on_majors! {
    on, has_postgresql_client, "no PostgreSQL 13 to 18 with pg_dump 18 (make parts)",
    fn a_good_dump_of_13_never_fails() on 13;
    fn a_good_dump_of_14_never_fails() on 14;
    fn a_good_dump_of_15_never_fails() on 15;
    fn a_good_dump_of_16_never_fails() on 16;
    fn a_good_dump_of_17_never_fails() on 17;
    fn a_good_dump_of_18_never_fails() on 18;
}

#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql_client), ignore = "no PostgreSQL 13 to 18 with pg_dump 18 (make parts)")]
async fn dumps_with_unusual_options_and_of_other_major_versions_do_not_fail() -> anyhow::Result<()> {
    let space = tempfile::Builder::new().prefix("tablespace").tempdir()?;
    let world = world(13, &space).await?;
    // Objects that version 14 removed: a view with a postfix operator, and array functions with their old types.
    let gone = "CREATE VIEW factorial AS SELECT 5 ! AS five;
        CREATE AGGREGATE gathered (anyelement) (SFUNC = array_append, STYPE = anyarray, INITCOND = '{}')";
    world.postgres.execute(gone).await?;
    world.configure("pg_dump", "", &checks())?;
    let programs = world.path.clone().context("no programs")?;
    for options in [
        &["-Fp", "--quote-all-identifiers", "--statistics"][..],
        &["-Fp", "--create", "--clean", "--if-exists", "--inserts"],
        &["-Fp", "--use-set-session-authorization", "--rows-per-insert=3", "--disable-dollar-quoting"],
        &["-Fc", "--compress=9", "--no-comments"],
    ] {
        world.s3.clear("backups")?;
        world.upload(&world.postgres.dump_by(&programs, options)?)?;
        let (code, output) = world.verify()?;
        assert_eq!(code, Some(0), "{options:?}: {output}");
        assert!(output.contains("CREATE VIEW") && output.contains("factorial"), "{options:?}: {output}");
    }
    Ok(())
}
