//! Unusual certificates, made with openssl and presented by its server: the exporter reports what was presented even if
//! clients refuse it, and accepts what psql and curl accept.

use anyhow::{Context, ensure};
use checklist::{Config, Reason, Samples, Series, Verdict};
use clients::failure::Failure;
use exporter::probes::certificates::Certificates;
use exporter::run::status::ProcessStatus;
use exporter::run::time::unix_now;
use exporter::server::exposition::collector::States;
use exporter::server::exposition::format::{Encoding, Format};
use exporter::server::exposition::snapshot::Snapshot;
use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, Issuer, KeyPair};
use stack::postgres::{PASSWORD, Postgres};
use stack::process::{Process, free_port};
use stack::waiting::passes;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use tempfile::TempDir;

/// Runs openssl in a folder. The arguments are split at spaces.
fn openssl(folder: &Path, arguments: &str) -> anyhow::Result<()> {
    let output = Command::new("openssl").args(arguments.split_whitespace()).current_dir(folder).output()?;
    ensure!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Creates a certificate authority and a certificate of each kind: `NAME.pem` with its key `NAME.key`.
fn certificates(folder: &Path) -> anyhow::Result<()> {
    let ssl = |arguments: &str| openssl(folder, arguments);
    std::fs::write(folder.join("v3"), "subjectAltName=DNS:localhost\nbasicConstraints=critical,CA:FALSE\n")?;
    std::fs::write(folder.join("ca"), "basicConstraints=critical,CA:TRUE\n")?;
    ssl("req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 400 -subj /CN=authority")?;
    let request = |name: &str, subject: &str, bits: u32| {
        ssl(&format!("req -newkey rsa:{bits} -nodes -keyout {name}.key -out {name}.csr -subj {subject}"))
    };
    let sign = |name: &str, by: &str, days: i32, extensions: &str| {
        ssl(&format!(
            "x509 -req -in {name}.csr -CA {by}.pem -CAkey {by}.key -CAcreateserial -days {days} -out {name}.pem {extensions}"
        ))
    };
    request("good", "/CN=localhost", 2048)?;
    sign("good", "ca", 90, "-extfile v3")?;
    request("weak", "/CN=localhost", 1024)?;
    sign("weak", "ca", 90, "-extfile v3")?;
    // A good key, signed by an authority whose key is too short.
    ssl("req -x509 -newkey rsa:1024 -nodes -keyout short.key -out short.pem -days 400 -subj /CN=short")?;
    request("under-short", "/CN=localhost", 2048)?;
    sign("under-short", "short", 90, "-extfile v3")?;
    // As in the documentation of PostgreSQL: one self-signed certificate for authority and server.
    ssl("req -x509 -newkey rsa:2048 -nodes -keyout self.key -out self.pem -days 365 -subj /CN=localhost")?;
    ssl("req -x509 -newkey rsa:2048 -nodes -keyout other.key -out other.pem -days 365 -subj /CN=localhost")?;
    // Two intermediate certificates with the same name. The first one expires in two days.
    for (name, by, days) in [("upper", "ca", 80), ("lower", "upper", 2)] {
        request(name, "/CN=between", 2048)?;
        sign(name, by, days, "-extfile ca")?;
    }
    request("leaf", "/CN=localhost", 2048)?;
    sign("leaf", "lower", 90, "-extfile v3")?;
    request("under", "/CN=localhost", 2048)?;
    sign("under", "upper", 60, "-extfile v3")?;
    // The authority's key, signed by another authority that has expired.
    ssl("req -newkey rsa:2048 -nodes -keyout old.key -out old.csr -subj /CN=old")?;
    ssl("x509 -req -in old.csr -signkey old.key -days 400 -extfile ca -out old.pem")?;
    ssl("req -new -key ca.key -out cross.csr -subj /CN=authority")?;
    ssl("x509 -req -in cross.csr -CA old.pem -CAkey old.key -CAcreateserial -days -1 -extfile ca -out cross.pem")
        .or_else(|_| expired(folder))?;
    let join = |name: &str, parts: &[&str]| -> anyhow::Result<()> {
        let texts = parts.iter().map(|part| std::fs::read_to_string(folder.join(format!("{part}.pem"))));
        Ok(std::fs::write(folder.join(name), texts.collect::<Result<String, _>>()?)?)
    };
    join("equal-names", &["lower", "upper"])?;
    join("crossed", &["cross"])?;
    join("crossed-above", &["upper", "cross"])
}

/// Creates `v1.pem`, a certificate of X.509 version 1, as `openssl x509 -req` created it for twenty years.
fn first_version(folder: &Path) -> anyhow::Result<()> {
    let sign = "x509 -req -in good.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 90 -out v1.pem";
    openssl(folder, &format!("{sign} -x509v1")).or_else(|_| openssl(folder, sign))?;
    std::fs::copy(folder.join("good.key"), folder.join("v1.key"))?;
    Ok(())
}

/// Returns the parameters of a certificate that is valid from one day to another, counted from today.
fn named(name: &str, (from, to): (i64, i64), is_authority: bool) -> anyhow::Result<CertificateParams> {
    let day = |days: i64| {
        let date = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(24 * days);
        let date = date.to_zoned_datetime(jiff::tz::TimeZone::UTC).date();
        let small = |number: i8| u8::try_from(number).unwrap_or(1);
        rcgen::date_time_ymd(i32::from(date.year()), small(date.month()), small(date.day()))
    };
    let mut params = CertificateParams::new(if is_authority { vec![] } else { vec!["localhost".to_owned()] })?;
    params.distinguished_name.push(DnType::CommonName, name);
    (params.not_before, params.not_after) = (day(from), day(to));
    if is_authority {
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    }
    Ok(params)
}

/// Creates `twin.pem` under `twins`: two certificates with the same name, key and issuer, as after a renewal whose file
/// contains both. The first one expires in two days, and `root.pem` is their issuer.
fn twins(folder: &Path) -> anyhow::Result<()> {
    let named = |name: &str, days: i64, is_authority: bool| named(name, (-60, days), is_authority);
    let root = CertifiedIssuer::self_signed(named("root", 900, true)?, KeyPair::generate()?)?;
    let (between, leaf) = (KeyPair::generate()?, KeyPair::generate()?);
    let ends =
        |days: i64| -> anyhow::Result<String> { Ok(named("between", days, true)?.signed_by(&between, &root)?.pem()) };
    let both = format!("{}{}", ends(2)?, ends(900)?);
    let issuer = Issuer::new(named("between", 900, true)?, &between);
    let twin = named("localhost", 80, false)?.signed_by(&leaf, &issuer)?;
    for (name, text) in
        [("root.pem", root.pem()), ("twins", both), ("twin.pem", twin.pem()), ("twin.key", leaf.serialize_pem())]
    {
        std::fs::write(folder.join(name), text)?;
    }
    Ok(())
}

/// Creates authorities that have expired (`old`), expire in two days (`soon`), are not valid yet (`future`), or are good
/// (`new`). Of each, `under-NAME.pem` is a server's certificate for three months, and `below` is the chain of one with a
/// certificate in between. `renewed` has the name and the key of `old`, `namesake` its name and another key, and
/// `crossed` is `old` as signed by `new`.
fn authorities(folder: &Path) -> anyhow::Result<()> {
    let write = |name: &str, text: &str| std::fs::write(folder.join(name), text);
    let issue = |name: &str, issuer: &Issuer<'_, KeyPair>| -> anyhow::Result<()> {
        let leaf = KeyPair::generate()?;
        write(&format!("{name}.pem"), &named("localhost", (-1, 90), false)?.signed_by(&leaf, issuer)?.pem())?;
        Ok(write(&format!("{name}.key"), &leaf.serialize_pem())?)
    };
    let mut all = BTreeMap::new();
    for (name, called, days) in [
        ("old", "old root", (-400, -2)),
        ("namesake", "old root", (-2, 500)),
        ("soon", "soon root", (-400, 2)),
        ("future", "future root", (3, 400)),
        ("new", "new root", (-2, 500)),
    ] {
        let authority = CertifiedIssuer::self_signed(named(called, days, true)?, KeyPair::generate()?)?;
        write(&format!("{name}.pem"), &authority.pem())?;
        issue(&format!("under-{name}"), &authority)?;
        all.insert(name, authority);
    }
    let (old, new) = (&all["old"], &all["new"]);
    let again = named("old root", (-1, 500), true)?;
    let renewed = again.self_signed(old.key())?.pem();
    let both = format!("{}{renewed}", old.pem());
    write("both.pem", &both)?;
    write("crossed", &again.signed_by(old.key(), new)?.pem())?;
    write("bundle.pem", &[old, &all["future"], new].map(CertifiedIssuer::pem).concat())?;
    write("namesakes.pem", &format!("{}{}", old.pem(), all["namesake"].pem()))?;
    let between = CertifiedIssuer::signed_by(named("between", (-1, 90), true)?, KeyPair::generate()?, old)?;
    write("between", &between.pem())?;
    issue("below", &between)
}

/// Creates an expired certificate with explicit dates, because newer versions of openssl accept no negative number of
/// days.
fn expired(folder: &Path) -> anyhow::Result<()> {
    openssl(
        folder,
        "x509 -req -in cross.csr -CA old.pem -CAkey old.key -CAcreateserial -extfile ca -out cross.pem \
         -not_before 20200101000000Z -not_after 20210101000000Z",
    )
}

/// Starts openssl's server with a certificate and further arguments, on every address.
async fn serve(folder: &Path, leaf: &str, chain: &str, more: &str) -> anyhow::Result<(u16, Process)> {
    serve_at("*", free_port()?, folder, leaf, chain, more).await
}

/// Like [`serve`], on one address.
async fn serve_at(
    address: &str,
    port: u16,
    folder: &Path,
    leaf: &str,
    chain: &str,
    more: &str,
) -> anyhow::Result<(u16, Process)> {
    let mut command = Command::new("openssl");
    command.args(["s_server", "-quiet", "-accept", &format!("{address}:{port}"), "-cert", &format!("{leaf}.pem")]);
    command.args(["-key", &format!("{leaf}.key")]).args(more.split_whitespace()).current_dir(folder);
    // By default the server refuses certificates that openssl considers weak.
    command.args(["-cipher", "ALL:@SECLEVEL=0"]);
    if !chain.is_empty() {
        command.args(["-cert_chain", chain]);
    }
    let mut process = Process::start(&mut command, &format!("s_server-{leaf}-{port}"), folder, Signal::SIGTERM)?;
    let to = if address == "*" { "127.0.0.1" } else { address };
    let listens = move || async move { tokio::net::TcpStream::connect((to, port)).await.is_ok() };
    process.wait_until(listens).await?;
    Ok((port, process))
}

/// Runs the check once. Returns the verdict, the exposition, and the messages.
async fn seen(folder: &Path, port: u16, ca: &str) -> anyhow::Result<(Verdict, String, String)> {
    let ca = folder.join(format!("{ca}.pem"));
    judged(&format!("certificates: [{{name: app, address: 'localhost:{port}', caFile: {}}}]\n", ca.display())).await
}

/// Like [`seen`], for a checklist.yaml.
async fn judged(yaml: &str) -> anyhow::Result<(Verdict, String, String)> {
    let job = stack::checks::job(yaml, "certificates")?;
    job.run().await;
    let state = job.state();
    ensure!(state.failure.is_none(), "{:?}", state.failure);
    let states = States { states: vec![Arc::clone(&state)], now: unix_now(), process: ProcessStatus::default() };
    let body =
        Snapshot::of(states).body(Format::Text, Encoding::Identity).map_err(|failure| anyhow::anyhow!("{failure}"))?;
    let text = String::from_utf8(body.to_vec())?;
    Ok((state.verdict(unix_now()), text, state.evidence.to_string()))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_presented_certificates_are_known_whether_clients_accept_them_or_not() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    certificates(path)?;
    first_version(path)?;
    for (leaf, ca, more, word, sentence) in [
        ("v1", "ca", "", "old_version", "not an X.509 version 3"),
        ("weak", "ca", "", "weak_key", "1024 bits"),
        ("weak", "ca", "-tls1_2", "weak_key", "1024 bits"),
        ("under-short", "short", "", "weak_key", "CA certificate \"short\" has 1024 bits"),
        ("self", "ca", "", "", "rejected"),
        ("good", "other", "", "unknown_issuer", "not issued by a trusted CA"),
    ] {
        let (port, _server) = serve(path, leaf, "", more).await?;
        let (verdict, text, messages) = seen(path, port, ca).await?;
        assert_eq!(verdict, Verdict::Critical, "{leaf} {more}: {messages}");
        assert!(
            text.contains("checklist_certificate_verified{check=\"certificates\",target=\"app\"} 0"),
            "{leaf}: {text}"
        );
        assert!(text.contains("checklist_certificate_not_after_timestamp_seconds{"), "{leaf}: {text}");
        assert!(text.contains(&format!("reason=\"{word}")), "{leaf} {more}: {text}");
        assert!(messages.contains(sentence), "{leaf} {more}: {messages}");
    }
    // A server that requires a client certificate has presented its own certificate before. With TLS 1.2 the handshake
    // then fails.
    for version in ["-tls1_2", "-tls1_3"] {
        let (port, _server) = serve(path, "good", "", &format!("-Verify 1 -CAfile ca.pem {version}")).await?;
        let (verdict, text, messages) = seen(path, port, "ca").await?;
        assert_eq!(verdict, Verdict::Passed, "{version}: {messages}");
        assert!(
            text.contains("position=\"leaf\"") && text.contains("verified{check=\"certificates\",target=\"app\"} 1")
        );
        assert_eq!(messages.contains("the TLS handshake with"), version == "-tls1_2", "{version}: {messages}");
        assert!(!messages.contains("shares no cipher"), "the two have agreed on one: {messages}");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_that_psql_and_curl_accept_are_accepted_and_the_earliest_expiry_counts() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    certificates(path)?;
    for version in ["-tls1_2", "-tls1_3"] {
        let (port, _server) = serve(path, "self", "", version).await?;
        let (verdict, _, messages) = seen(path, port, "self").await?;
        assert_eq!(verdict, Verdict::Passed, "{version}: {messages}");
        let (verdict, ..) = seen(path, port, "other").await?;
        assert_eq!(verdict, Verdict::Critical, "another one of the same name");
    }
    let (port, _server) = serve(path, "leaf", "equal-names", "").await?;
    let (verdict, text, messages) = seen(path, port, "ca").await?;
    // For a certificate that is valid for two days, two remaining days are enough.
    assert_eq!(verdict, Verdict::Passed, "{messages}");
    assert!(text.contains("position=\"chain-1\"") && text.contains("position=\"chain-2\""), "{text}");
    assert!(messages.contains("chain-1 between expires first"), "{messages}");
    // An expired cross-signed certificate, which a client that trusts the new authority does not need. It comes after
    // an intermediate certificate, as public authorities send it for old clients.
    for (leaf, chain) in [("good", "crossed"), ("under", "crossed-above")] {
        let (port, _server) = serve(path, leaf, chain, "").await?;
        let (verdict, text, messages) = seen(path, port, "ca").await?;
        assert_eq!(verdict, Verdict::Warning, "{chain}: {messages}");
        assert!(text.contains("checklist_certificate_spare_not_after_timestamp_seconds{"), "{chain}: {text}");
        assert!(text.contains("verified{check=\"certificates\",target=\"app\"} 1"), "{chain}: {text}");
        assert!(messages.contains("1 of them not needed"), "{chain}: {messages}");
    }
    // Certificates after the first ten of a chain are not judged, and the message says so.
    std::fs::write(path.join("long"), std::fs::read_to_string(path.join("upper.pem"))?.repeat(12))?;
    let (port, _server) = serve(path, "good", "long", "").await?;
    let (verdict, _, messages) = seen(path, port, "ca").await?;
    assert_eq!(verdict, Verdict::CannotTell, "{messages}");
    // Two certificates with the same name, key and issuer: both are reported, and the earlier expiry counts.
    twins(path)?;
    let (port, _server) = serve(path, "twin", "twins", "").await?;
    let (verdict, text, messages) = seen(path, port, "root").await?;
    assert_ne!(verdict, Verdict::Passed, "{messages}");
    let ends = text.lines().filter(|line| line.contains("_not_after_timestamp_seconds{")).count();
    assert_eq!(ends, 4, "those three and their authority: {text}");
    assert!(messages.contains("chain-1 between expires first"), "{messages}");
    Ok(())
}

/// Several servers stand behind a name, and one of them was forgotten when the certificate was renewed.
#[tokio::test(flavor = "multi_thread")]
async fn every_address_of_a_name_is_inspected_and_the_first_to_expire_counts() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    certificates(path)?;
    openssl(path, "req -newkey rsa:2048 -nodes -keyout late.key -out late.csr -subj /CN=localhost")?;
    openssl(path, "x509 -req -in late.csr -CA ca.pem -CAkey ca.key -days 2 -out late.pem -extfile v3")?;
    let (port, _first) = serve_at("127.0.0.1", free_port()?, path, "good", "", "").await?;
    let addresses = [2_u8, 1, 3].map(|last| SocketAddr::from(([127, 0, 0, last], port)));
    let ca = path.join("ca.pem");
    let yaml = format!("certificates: [{{name: app, address: 'localhost:{port}', caFile: {}}}]\n", ca.display());
    let config = Config::parse("checklist.yaml", &yaml).map_err(|mistakes| anyhow::anyhow!("{mistakes}"))?;
    let probe = Certificates(config.certificates.first().context("no certificate")?.clone());
    let inspect = async || {
        let (series, dropped, evidence) = probe.at(&addresses, Samples::within(100)).await?.into_parts();
        anyhow::ensure!(dropped == 0, "duplicates");
        let value = |name: &str, position: &str| {
            let named =
                |one: &&Series| one.metric.name == name && one.labels.last().is_none_or(|last| last == position);
            series.iter().find(named).map(|one| one.value)
        };
        let end = value("checklist_certificate_not_after_timestamp_seconds", "leaf").context("no leaf")?;
        let days = ((end - unix_now()) / 86_400.0).round();
        let is_verified = value("checklist_certificate_verified", "") == Some(1.0);
        anyhow::Ok((days, is_verified, evidence.gaps(), evidence.to_string()))
    };
    // Two of the addresses refuse connections, as clients expect of a server that is down.
    let (days, is_verified, gaps, messages) = inspect().await?;
    assert_eq!((days, is_verified, gaps.as_str()), (90.0, true, ""), "{messages}");
    assert!(messages.contains("of 1 of 3 addresses)"), "{messages}");
    for last in [2, 3] {
        assert!(messages.contains(&format!("connecting to 127.0.0.{last}:{port}")), "{messages}");
    }
    {
        let (_, _forgotten) = serve_at("127.0.0.2", port, path, "late", "", "").await?;
        let (days, is_verified, gaps, messages) = inspect().await?;
        assert_eq!((days, is_verified, gaps.as_str()), (2.0, true, ""), "{messages}");
        assert!(messages.contains("leaf localhost expires first") && messages.contains("(at 127.0.0.2:"), "{messages}");
    }
    {
        let (_, _foreign) = serve_at("127.0.0.2", port, path, "self", "", "").await?;
        let (_, is_verified, _, messages) = inspect().await?;
        assert!(!is_verified && messages.contains(&format!("rejected by 127.0.0.2:{port}")), "{messages}");
    }
    // One that accepts connections and presents nothing: what it would present is unknown.
    let listener = tokio::net::TcpListener::bind(("127.0.0.2", port)).await?;
    let closes = tokio::spawn(async move { while listener.accept().await.is_ok() {} });
    let (days, is_verified, gaps, messages) = inspect().await?;
    assert_eq!((days, is_verified), (90.0, true), "{messages}");
    assert!(gaps.contains(&format!("TLS handshake with 127.0.0.2:{port}")), "{gaps}");
    closes.abort();
    Ok(())
}

/// As for curl and psql, an authority in `caFile` counts only while it is valid, whether the server presents it or not.
#[tokio::test(flavor = "multi_thread")]
async fn an_authority_counts_only_while_it_is_valid_and_its_end_is_known() -> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    authorities(path)?;
    let root =
        "checklist_certificate_not_after_timestamp_seconds{check=\"certificates\",target=\"app\",source=\"localhost";
    for (leaf, chain, ca, expected, word, sentence) in [
        ("under-old", "", "old", Verdict::Critical, "expired", "\"old root\" that it depends on has expired on 20"),
        ("under-old", "old.pem", "old", Verdict::Critical, "expired", "has expired on 20"),
        ("below", "between", "old", Verdict::Critical, "expired", "has expired on 20"),
        (
            "under-future",
            "",
            "future",
            Verdict::Critical,
            "not_yet_valid",
            "\"future root\" that it depends on is valid only",
        ),
        ("under-soon", "", "soon", Verdict::Critical, "", "root soon root expires first"),
        ("under-soon", "soon.pem", "soon", Verdict::Critical, "", "root soon root expires first"),
        // Another authority of the file is valid: the renewed one, or the one that has signed it too.
        ("under-old", "", "both", Verdict::Passed, "", "leaf localhost expires first"),
        ("below", "between", "both", Verdict::Passed, "", "expires first"),
        ("under-new", "", "bundle", Verdict::Passed, "", "leaf localhost expires first"),
        ("under-old", "crossed", "bundle", Verdict::Passed, "", "leaf localhost expires first"),
        ("under-namesake", "", "namesakes", Verdict::Passed, "", "leaf localhost expires first"),
        ("under-old", "", "namesakes", Verdict::Critical, "expired", "has expired on 20"),
        ("under-old", "", "new", Verdict::Critical, "unknown_issuer", "not issued by a trusted CA"),
    ] {
        let (port, _server) = serve(path, leaf, chain, "").await?;
        let (verdict, text, messages) = seen(path, port, ca).await?;
        assert_eq!(verdict, expected, "{leaf} {chain} {ca}: {messages}");
        assert_eq!(text.contains("_verification_failures{"), !word.is_empty(), "{leaf} {chain} {ca}: {text}");
        assert!(text.contains(&format!("reason=\"{word}")) || word.is_empty(), "{leaf} {chain} {ca}: {text}");
        assert!(messages.contains(sentence), "{leaf} {chain} {ca}: {messages}");
        let roots = text.lines().filter(|line| line.starts_with(root) && line.contains("position=\"root\"")).count();
        assert_eq!(roots, usize::from(word != "unknown_issuer"), "{leaf} {chain} {ca}: {text}");
        // A health page at the same place has the same verifier.
        let ca = path.join(format!("{ca}.pem"));
        let job = stack::checks::job(
            &format!("health: [{{name: h, url: 'https://localhost:{port}/', caFile: {}}}]\n", ca.display()),
            "health",
        )?;
        if !word.is_empty() {
            job.run().await;
            let failure = job.state().failure.clone().context("it was accepted")?;
            assert!(failure.reason == Reason::Tls && failure.message.contains(sentence), "{leaf} {chain}: {failure}");
        }
    }
    Ok(())
}

/// The certificate of PostgreSQL's documentation, and a key from before 2010. With `require` the connection is
/// encrypted but not verified, as in libpq. With verification the message says why it fails, and the expiry is
/// reported.
#[tokio::test(flavor = "multi_thread")]
#[cfg_attr(not(has_postgresql), ignore = "no PostgreSQL 13 to 18 (make parts)")]
async fn a_database_with_an_old_or_weak_certificate_is_read_with_require_and_its_expiry_is_reported()
-> anyhow::Result<()> {
    let folder = TempDir::new()?;
    let path = folder.path();
    certificates(path)?;
    first_version(path)?;
    authorities(path)?;
    std::fs::write(path.join("password"), PASSWORD)?;
    for major in [13, 18] {
        let postgres = Postgres::of_version(major, &[]).await?;
        let read = |name: &str| std::fs::read_to_string(path.join(name));
        let at = path.display();
        let database = |tls: &str| {
            format!(
                "postgres: [{{name: db, host: localhost, port: {}, database: orchestrator, user: checklist, passwordFile: {at}/password, tls: {tls}}}]\n",
                postgres.port
            )
        };
        let certificate = format!(
            "certificates: [{{name: app, address: 'localhost:{}', startTls: postgres, caFile: {at}/ca.pem}}]\n",
            postgres.port
        );
        for (name, ca, word, sentence) in [
            ("v1", "ca", "old_version", "X.509 version 3"),
            ("weak", "ca", "weak_key", "2048"),
            ("under-old", "old", "expired", "\"old root\" that it depends on has expired on 20"),
        ] {
            let certificate = certificate.replace("ca.pem", &format!("{ca}.pem"));
            postgres.present(&read(&format!("{name}.pem"))?, &read(&format!("{name}.key"))?).await?;
            // The server reads the new files a moment after the reload.
            let (text, messages) = passes(|| async {
                let (verdict, text, messages) = judged(&certificate).await?;
                ensure!(verdict == Verdict::Critical && text.contains(word), "{major} {name}: {messages}");
                Ok((text, messages))
            })
            .await?;
            assert!(text.contains("checklist_certificate_not_after_timestamp_seconds{"), "{major} {name}: {text}");
            assert!(messages.contains(sentence), "{major} {name}: {messages}");
            let connect = async |tls: &str| -> anyhow::Result<Option<Failure>> {
                let job = stack::checks::job(&database(tls), "users")?;
                job.run().await;
                Ok(job.state().failure.clone())
            };
            let failure = connect("require").await?;
            assert!(failure.is_none(), "{major} {name}: {failure:?}");
            let failure = connect(&format!("verify-full, caFile: {at}/{ca}.pem")).await?.context("it was accepted")?;
            assert_eq!(failure.reason, Reason::Tls, "{major} {name}: {failure}");
            assert!(failure.message.contains(sentence) && !failure.message.contains("Other"), "{failure}");
        }
    }
    Ok(())
}
