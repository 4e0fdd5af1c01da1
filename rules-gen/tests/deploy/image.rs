//! The Dockerfile agrees with the repository: the paths, programs and toolchain that it names exist.

use super::root;
use std::collections::BTreeSet;

/// Returns the instructions of the Dockerfile, with continued lines joined.
fn instructions() -> Vec<(String, String)> {
    let text = std::fs::read_to_string(root().join("Dockerfile")).expect("there is a Dockerfile");
    let joined = text.replace("\\\n", " ");
    let lines = joined.lines().filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, rest) = line.split_once(' ').expect("an instruction has arguments");
            (name.to_owned(), rest.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

#[test]
fn the_image_builds_both_programs_with_the_pinned_toolchain() {
    let all = instructions();
    let run: String = all.iter().filter(|(name, _)| name == "RUN").map(|(_, rest)| format!("{rest}\n")).collect();
    let of = |package: &str| std::fs::read_to_string(root().join(package).join("Cargo.toml")).expect("a package");
    for (package, program) in [("exporter", "checklist-exporter"), ("rules-gen", "rules-gen")] {
        assert!(of(package).contains(&format!("name = \"{program}\"")), "{package} makes {program}");
        assert!(run.contains(&format!("--package {package} ")), "{package} is built");
        assert!(run.contains(&format!("target/release/{program}")), "{program} is copied");
    }
    assert!(run.contains("cargo build --release --locked"), "{run}");
    let workspace = of(".");
    let version = workspace.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next()).expect("it says");
    let text = std::fs::read_to_string(root().join("Dockerfile")).expect("there is a Dockerfile");
    // The image names the patch version too. With another name, rustup would download a toolchain.
    let base = text.split("BUILDER=rust:").nth(1).and_then(|rest| rest.split('-').next()).expect("a base");
    assert!(base.starts_with(&format!("{version}.")), "the base is {version}");
    assert!(text.contains(&format!("RUSTUP_TOOLCHAIN={base} ")), "the toolchain is {base}");
}

#[test]
fn the_dockerfile_copies_existing_files_and_runs_as_an_unprivileged_user() {
    let all = instructions();
    let mut stages = BTreeSet::new();
    let mut arguments = BTreeSet::new();
    let mut user = None;
    for (at, (name, rest)) in all.iter().enumerate() {
        match name.as_str() {
            "ARG" => drop(arguments.insert(rest.split('=').next().unwrap_or_default().to_owned())),
            "FROM" => {
                let (base, stage) = rest.split_once(" AS ").expect("a stage has a name");
                let base = base.trim_start_matches("${").trim_end_matches('}');
                assert!(arguments.contains(base), "{base} can be chosen where it is built");
                stages.insert(stage.to_owned());
            }
            "COPY" => {
                if let Some(from) = rest.strip_prefix("--from=") {
                    let stage = from.split(' ').next().unwrap_or_default();
                    assert!(stages.contains(stage), "{stage} is built before");
                } else {
                    let sources: Vec<&str> = rest.split(' ').collect();
                    let (_, sources) = sources.split_last().expect("a target");
                    assert!(sources.iter().all(|path| root().join(path).exists()), "{sources:?}");
                }
            }
            "USER" => user = Some(rest.clone()),
            "CMD" => {
                assert_eq!(user.take().as_deref(), Some("65532:65532"), "instruction {at}: not root");
            }
            _ => {}
        }
    }
    assert_eq!(stages, BTreeSet::from(["build", "exporter", "restore"].map(str::to_owned)));
    // The paths and the address in the command line are those of the Deployment.
    let start = &all.last().expect("instructions").1;
    let deployment = std::fs::read_to_string(root().join("deploy/kustomize/base/deployment.yaml")).expect("there");
    for argument in ["/etc/checklist-exporter/checklist.yaml", "[::]:9876"] {
        assert!(start.contains(argument) && deployment.contains(argument), "{argument}");
    }
}

#[test]
fn the_docker_context_contains_only_what_the_build_reads() {
    let text = std::fs::read_to_string(root().join(".dockerignore")).expect("the context leaves something out");
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("*"), "nothing is sent that is not named");
    let sent: BTreeSet<&str> = lines.filter_map(|line| line.strip_prefix('!')).collect();
    let workspace = std::fs::read_to_string(root().join("Cargo.toml")).expect("a workspace");
    let members = workspace.split("members = [").nth(1).and_then(|rest| rest.split(']').next()).expect("members");
    let mut read: BTreeSet<String> = members.split(',').map(|name| name.trim().trim_matches('"').to_owned()).collect();
    read.extend(["Cargo.toml", "Cargo.lock"].map(str::to_owned));
    // Files outside of the crates that are compiled into the programs.
    let list = super::printed(
        std::process::Command::new("grep")
            .current_dir(root())
            .args(["-rhoE", "include_(str|bytes)!\\(\"(\\.\\./)+[a-z]+"])
            .args(["exporter/src", "rules-gen/src", "checklist/src"]),
    );
    read.extend(list.lines().filter_map(|line| line.rsplit('/').next()).map(str::to_owned));
    let outside: BTreeSet<&str> = read.iter().map(String::as_str).filter(|path| root().join(path).exists()).collect();
    assert_eq!(outside, sent);
}
