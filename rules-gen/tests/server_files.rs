//! Compares the checks of prometheus.yml, web configurations and rule tests with the oldest and newest promtool. What
//! both refuse must be refused, and what either accepts must be accepted. The texts are in `server_files/`.

use rules_gen::lint::files::Source;
use rules_gen::lint::report::Level;
use rules_gen::lint::{Options, run};
use rules_gen::server_files::schema::Refusal;
use rules_gen::server_files::{prometheus_yml, rule_test, web_yml};
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome = Result<(), Box<dyn std::error::Error>>;

const SCRAPES: &str = include_str!("server_files/scrape_configs.txt");
const WHOLES: &str = include_str!("server_files/prometheus.txt");
const WEBS: &str = include_str!("server_files/web.txt");
const TESTS: &str = include_str!("server_files/rule_tests.txt");

fn promtools() -> Vec<PathBuf> {
    let newest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/parts/bin/promtool");
    [PathBuf::from("promtool")].into_iter().chain(newest.exists().then_some(newest)).collect()
}

/// Returns for each text whether a tool accepts it. The tool is started once for all texts, unless `alone`.
fn verdicts(tool: &Path, command: &[&str], texts: &[String], alone: bool) -> std::io::Result<Vec<bool>> {
    let folder = tempfile::tempdir()?;
    write_certificate(folder.path())?;
    let names: Vec<String> = (0..texts.len()).map(|at| format!("file{at:04}.yml")).collect();
    for (name, text) in names.iter().zip(texts) {
        std::fs::write(folder.path().join(name), text)?;
    }
    let run = |files: &[String]| Command::new(tool).args(command).args(files).current_dir(&folder).output();
    if alone {
        let one = |name: &String| Ok(run(std::slice::from_ref(name))?.status.success());
        return names.iter().map(one).collect();
    }
    let output = run(&names)?;
    let printed = [output.stdout, output.stderr].concat();
    let printed = String::from_utf8_lossy(&printed);
    assert!(printed.contains(" SUCCESS"), "promtool is needed (make test installs it): {printed}");
    let success = |name: &String| {
        printed.contains(&format!("{name} SUCCESS")) || printed.contains(&format!("SUCCESS: {name} is valid"))
    };
    Ok(names.iter().map(success).collect())
}

/// Writes `c.pem` and `k.pem`.
fn write_certificate(folder: &Path) -> std::io::Result<()> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).map_err(std::io::Error::other)?;
    std::fs::write(folder.join("c.pem"), made.cert.pem())?;
    std::fs::write(folder.join("k.pem"), made.signing_key.serialize_pem())
}

/// Compares each text with the verdicts of the tools. Returns how many were refused.
fn compare(
    command: &[&str],
    texts: &[String],
    own: fn(&serde_json::Value) -> Vec<Refusal>,
    alone: bool,
) -> Result<usize, Box<dyn std::error::Error>> {
    let tools = promtools();
    let all = tools.iter().map(|tool| verdicts(tool, command, texts, alone)).collect::<Result<Vec<_>, _>>()?;
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for (at, text) in texts.iter().enumerate() {
        let taken = all.iter().any(|verdicts| verdicts[at]);
        let found = checklist::yaml::parse(text).map_or_else(
            |error| vec![error.to_string()],
            |value| own(&value).iter().map(ToString::to_string).collect(),
        );
        // Without the newest promtool, a refusal of the old one proves nothing.
        if found.is_empty() != taken && (taken || tools.len() > 1) {
            wrong.push(format!("{text}  taken: {taken}; here: {found:?}"));
        }
        refused += usize::from(!taken);
    }
    println!("{}: {} texts, {refused} refused by {} tools", command.join(" "), texts.len(), tools.len());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(refused)
}

#[test]
fn prometheus_configurations_are_refused_as_by_promtool() -> Outcome {
    let job = |keys: &str| {
        let name = if keys.contains("job_name") { "" } else { "job_name: a, " };
        format!("scrape_configs: [{{{name}{keys}}}]\n")
    };
    let texts: Vec<String> = SCRAPES.lines().map(job).chain(WHOLES.lines().map(|text| format!("{text}\n"))).collect();
    assert!(compare(&["check", "config", "--syntax-only"], &texts, prometheus_yml::check, false)? > 100);
    Ok(())
}

#[test]
fn web_configurations_are_refused_as_by_promtool() -> Outcome {
    let texts: Vec<String> = WEBS.lines().map(|text| format!("{text}\n")).collect();
    // The check of the text alone takes a named file as there.
    let own = |text: &&String| !text.contains("cert_file: a");
    let texts: Vec<String> = texts.iter().filter(own).cloned().collect();
    assert!(compare(&["check", "web-config"], &texts, web_yml::check, false)? > 15);
    Ok(())
}

#[test]
fn rule_tests_are_refused_as_by_promtool() -> Outcome {
    let texts: Vec<String> = TESTS
        .lines()
        .map(|keys| {
            let interval = if keys.starts_with("interval") { "" } else { "interval: 1m, " };
            format!("rule_files: []\nevaluation_interval: 1m\ntests: [{{{interval}{keys}}}]\n")
        })
        .collect();
    assert!(compare(&["test", "rules"], &texts, rule_test::check, true)? > 6);
    Ok(())
}

/// Configurations that name files, with the files that are there. Only promtool's verdict on the whole counts.
const NAMED: [(&str, &[&str], &str); 14] = [
    ("config", &["rules.yml"], "global: {scrape_interval: 1m}\nrule_files: [rules.yml]"),
    ("config", &[], "global: {scrape_interval: 1m}\nrule_files: [rules.yml]"),
    ("config", &[], "global: {scrape_interval: 1m}\nrule_files: ['*.rules']"),
    ("config", &[], "scrape_configs: [{job_name: a, bearer_token_file: token}]"),
    ("config", &["token"], "scrape_configs: [{job_name: a, bearer_token_file: token}]"),
    ("config", &["token"], "scrape_configs: [{job_name: a, authorization: {credentials_file: tokn}}]"),
    ("config", &["c.pem"], "scrape_configs: [{job_name: a, tls_config: {cert_file: c.pem, key_file: key.pem}}]"),
    ("config", &[], "scrape_configs: [{job_name: a, tls_config: {cert_file: c.pem, key_file: k.pem}}]"),
    (
        "config",
        &[],
        "scrape_configs: [{job_name: a, kubernetes_sd_configs: [{role: pod, api_server: 'https://k', tls_config: {cert_file: x.pem, key_file: k.pem}}]}]",
    ),
    ("web-config", &[], "tls_server_config: {cert_file: c.pem, key_file: k.pem}"),
    ("web-config", &[], "tls_server_config: {cert_file: server.pem, key_file: k.pem}"),
    ("web-config", &[], "tls_server_config: {cert_file: k.pem, key_file: c.pem}"),
    ("config", &[], "scrape_configs: [{job_name: a, tls_config: {cert_file: k.pem, key_file: c.pem}}]"),
    (
        "web-config",
        &[],
        "tls_server_config: {cert_file: c.pem, key_file: k.pem, client_ca_file: ca.pem, client_auth_type: RequireAnyClientCert}",
    ),
];

#[test]
fn a_named_file_that_is_not_there_is_refused_as_promtool_refuses_it() -> Outcome {
    for (what, files, text) in NAMED {
        let folder = tempfile::tempdir()?;
        write_certificate(folder.path())?;
        for file in files.iter().filter(|file| **file != "c.pem") {
            std::fs::write(folder.path().join(file), "groups: []\n")?;
        }
        let file = folder.path().join("file.yml");
        std::fs::write(&file, text)?;
        let source = Source { name: file.display().to_string(), named: true, text: Ok(text.to_owned()) };
        let findings = run(&[source], &Options::default()).findings;
        let refused = findings.iter().any(|one| one.id == "RG008" && one.level == Level::Error);
        for tool in promtools() {
            let status = Command::new(&tool).args(["check", what]).arg(&file).output()?.status;
            assert_eq!(status.success(), !refused, "{} of {text} with {files:?}: {findings:?}", tool.display());
        }
    }
    Ok(())
}

/// The certificates of a server are seldom on the machine that checks its configuration.
#[test]
fn a_file_in_a_folder_of_another_machine_is_no_error_of_the_configuration() -> Outcome {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("prometheus.yml");
    let text = "rule_files: [/nosuch-folder/rules.yml]\nscrape_configs:\n- job_name: a\n  authorization: {credentials_file: /nosuch-folder/token}\n";
    std::fs::write(&file, text)?;
    let source = Source { name: file.display().to_string(), named: true, text: Ok(text.to_owned()) };
    let findings = run(&[source], &Options::default()).findings;
    assert_eq!(findings.len(), 2, "{findings:?}");
    assert!(findings.iter().all(|one| one.id == "RG008" && one.level == Level::Info), "{findings:?}");
    Ok(())
}

/// promtool runs such a test without any rules, and a test that expects nothing passes.
#[test]
fn a_rule_test_whose_rules_are_not_there_is_reported() -> Outcome {
    let folder = tempfile::tempdir()?;
    std::fs::write(folder.path().join("there.yaml"), "groups: []\n")?;
    let file = folder.path().join("test.yaml");
    for (files, count) in
        [("[there.yaml]", 0), ("['th*.yaml']", 0), ("[there.yaml, nosuch.yaml]", 1), ("['*.rules']", 1)]
    {
        let text = format!(
            "rule_files: {files}\ntests:\n- interval: 1m\n  alert_rule_test: [{{eval_time: 1m, alertname: A}}]\n"
        );
        std::fs::write(&file, &text)?;
        let source = Source { name: file.display().to_string(), named: true, text: Ok(text) };
        let findings = run(&[source], &Options::default()).findings;
        let about = findings.iter().filter(|one| one.id == "RG041" && one.message.starts_with("there is no file"));
        assert_eq!(about.count(), count, "{files}: {findings:?}");
        assert!(Command::new("promtool").args(["test", "rules"]).arg(&file).output()?.status.success(), "{files}");
    }
    Ok(())
}
