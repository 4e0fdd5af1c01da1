//! Which volumes a pod needs for the files that checklist.yaml names, and which places are no place for one.

use crate::outputs::kubernetes::names::{CLAIM, CONFIG_FILE, CONFIG_FOLDER, CONFIG_MAP, NAME, WEB_FOLDER};
use anyhow::{bail, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Folders of the images and of the system, which a volume would hide; what is in the second list may be nowhere below.
const SYSTEM: [&str; 10] = ["/", "/boot", "/etc", "/home", "/lib64", "/run", "/tmp", "/var", "/var/lib", "/var/run"];
const SYSTEM_BELOW: [&str; 8] = ["/bin", "/dev", "/lib", "/proc", "/sbin", "/sys", "/usr", WEB_FOLDER];
/// What to do about a place that cannot be mounted.
const ADVICE: &str = "give secrets and kept files folders of their own, such as /etc/checklist/private and \
    /var/lib/checklist/tasks, or leave the pods out with --target-format prometheus";

/// The keys of the one Secret, by the path of the file that each becomes.
pub type Keys = BTreeMap<PathBuf, String>;

/// Gives every file a key: its name, or where two have the same name, its path with dots.
///
/// # Errors
/// Paths that no key or volume can stand for.
pub fn keys(files: &BTreeSet<PathBuf>, variables: &BTreeSet<String>) -> anyhow::Result<Keys> {
    for name in variables {
        ensure!(is_key(name), "the variable {name:?} can be no key of a Secret: use letters, digits, - _ and .");
    }
    let mut keys = Keys::new();
    for path in files {
        check(path)?;
        let shared = files.iter().filter(|other| other.file_name() == path.file_name()).count() > 1;
        let key = key(path, shared || variables.contains(&key(path, false)));
        ensure!(
            is_key(&key),
            "{} can be no key of a Secret: name the file with letters, digits, - _ and . alone",
            path.display()
        );
        if let Some((other, _)) = keys.iter().find(|(_, known)| **known == key) {
            bail!("{} and {} would be one key of the Secret, {key}: rename one", path.display(), other.display());
        }
        ensure!(
            !variables.contains(&key),
            "{} and a variable would be one key of the Secret: rename one",
            path.display()
        );
        keys.insert(path.clone(), key);
    }
    Ok(keys)
}

/// The key of a file in a Secret: its name, or when that is `taken`, its path with dots.
pub fn key(path: &Path, taken: bool) -> String {
    match path.file_name() {
        Some(name) if !taken => name.to_string_lossy().into_owned(),
        _ => path.to_string_lossy().trim_start_matches('/').replace('/', "."),
    }
}

fn is_key(text: &str) -> bool {
    let good = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    (1..=253).contains(&text.len()) && text.chars().all(good) && text != "." && !text.starts_with("..")
}

/// A path that a volume can be mounted for.
fn check(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    ensure!(path.is_absolute(), "{shown}: pods have no folder that a relative path begins in: give an absolute path");
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    ensure!(plain && !shown.to_string().contains(':'), "{shown}: a mounted path has neither .. nor a colon");
    Ok(())
}

/// The volumes of a pod and where they are mounted.
#[derive(Debug, Default)]
pub struct PodVolumes {
    /// Mounts of the volumes.
    pub volume_mounts: Vec<Value>,
    /// The volumes.
    pub volumes: Vec<Value>,
}

impl PodVolumes {
    fn add(&mut self, name: &str, place: &Path, volume: Value) {
        self.volume_mounts.push(json!({"name": name, "mountPath": place, "readOnly": true}));
        let mut named = volume;
        named["name"] = json!(name);
        self.volumes.push(named);
    }

    /// checklist.yaml, and each folder with the secret files that belong there and no others. Without the Secret the
    /// pods start all the same, and the checks that miss it say so by their alerts.
    ///
    /// # Errors
    /// Files in folders that a volume must not hide.
    pub fn of_files(files: &BTreeSet<PathBuf>, keys: &Keys) -> anyhow::Result<Self> {
        let config = Path::new(CONFIG_FOLDER);
        let folders: BTreeSet<&Path> = files.iter().filter_map(|path| path.parent()).chain([config]).collect();
        // A mount within another one that is read-only cannot be made: the outermost folder has all.
        let is_outer = |folder: &&Path| folders.iter().all(|other| folder == other || !folder.starts_with(other));
        let of_secrets = folders.iter().copied().filter(|folder| *folder != config).filter(is_outer);
        let mut all = Self::default();
        for folder in std::iter::once(config).chain(of_secrets) {
            let inside = files.iter().filter_map(|path| Some((path.strip_prefix(folder).ok()?, keys.get(path)?)));
            let items: Vec<Value> = inside.map(|(path, key)| json!({"key": key, "path": path})).collect();
            if folder != config {
                free(folder)?;
                let name = match all.volumes.len() {
                    1 => "secrets".to_owned(),
                    n => format!("secrets-{n}"),
                };
                let secret = json!({"secretName": NAME, "optional": true, "defaultMode": 0o440, "items": items});
                all.add(&name, folder, json!({"secret": secret}));
            } else if items.is_empty() {
                all.add("config", folder, json!({"configMap": {"name": CONFIG_MAP}}));
            } else {
                ensure!(
                    !files.contains(Path::new(CONFIG_FILE)),
                    "{CONFIG_FILE} is checklist.yaml itself: rename the secret"
                );
                let sources = json!([
                    {"configMap": {"name": CONFIG_MAP}},
                    {"secret": {"name": NAME, "optional": true, "items": items}},
                ]);
                all.add("config", folder, json!({"projected": {"defaultMode": 0o440, "sources": sources}}));
            }
        }
        Ok(all)
    }

    /// The claim, where `kept` are; where it begins is the same for all pods: at what `all` the kept folders share.
    ///
    /// # Errors
    /// Folders that a volume must not hide, or that are a secret's.
    pub fn add_persistent(
        &mut self,
        kept: &BTreeSet<PathBuf>,
        all: &BTreeSet<PathBuf>,
        files: &BTreeSet<PathBuf>,
    ) -> anyhow::Result<()> {
        let secret = |folder: &Path| files.iter().any(|file| file.starts_with(folder));
        for folder in kept {
            check(folder)?;
            free(folder)?;
            let within = |file: &PathBuf| file.parent().is_some_and(|parent| folder.starts_with(parent));
            ensure!(
                !secret(folder) && !files.iter().any(within) && !folder.starts_with(CONFIG_FOLDER),
                "{}: secrets or checklist.yaml are there, which no job may write beside: {ADVICE}",
                folder.display()
            );
        }
        if kept.is_empty() {
            return Ok(());
        }
        self.volumes.push(json!({"name": "data", "persistentVolumeClaim": {"claimName": CLAIM}}));
        match common(all).filter(|folder| !secret(folder)) {
            Some(path) => self.volume_mounts.push(json!({"name": "data", "mountPath": path})),
            None => self.volume_mounts.extend(kept.iter().map(|path| {
                let below = path.to_string_lossy().trim_start_matches('/').to_owned();
                json!({"name": "data", "mountPath": path, "subPath": below})
            })),
        }
        Ok(())
    }
}

/// A folder that a volume may take the place of.
fn free(folder: &Path) -> anyhow::Result<()> {
    let taken = SYSTEM.iter().any(|system| folder == Path::new(system))
        || SYSTEM_BELOW.iter().any(|system| folder.starts_with(system));
    ensure!(!taken, "{}: a pod cannot start with a volume in this place: {ADVICE}", folder.display());
    Ok(())
}

/// The folder that all are in, if it is one of ours: at least three deep, so that no folder of the system is covered.
fn common(folders: &BTreeSet<PathBuf>) -> Option<PathBuf> {
    let first = folders.first()?;
    let shared = first.ancestors().find(|path| folders.iter().all(|folder| folder.starts_with(path)))?;
    (shared.components().count() > 3).then(|| shared.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(paths: &[&str]) -> BTreeSet<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    fn of(files: &[&str], kept: &[&str]) -> anyhow::Result<PodVolumes> {
        let (files, kept) = (set(files), set(kept));
        let mut volume_mounts = PodVolumes::of_files(&files, &keys(&files, &BTreeSet::new())?)?;
        volume_mounts.add_persistent(&kept, &kept, &files)?;
        Ok(volume_mounts)
    }

    #[test]
    fn files_of_one_name_are_two_keys_and_each_folder_has_its_own() -> anyhow::Result<()> {
        let volume_mounts = of(&["/etc/a/password", "/etc/b/password", "/etc/b/deep/token"], &[])?;
        let volume = |n: usize| volume_mounts.volumes[n]["secret"]["items"].clone();
        let places: Vec<_> =
            volume_mounts.volume_mounts.iter().map(|mount| mount["mountPath"].as_str().unwrap_or_default()).collect();
        assert_eq!(places, [CONFIG_FOLDER, "/etc/a", "/etc/b"]);
        assert_eq!(volume(1), json!([{"key": "etc.a.password", "path": "password"}]));
        assert_eq!(
            volume(2),
            json!([{"key": "token", "path": "deep/token"}, {"key": "etc.b.password", "path": "password"}])
        );
        Ok(())
    }

    #[test]
    fn secrets_beside_checklist_yaml_are_projected_into_its_volume() -> anyhow::Result<()> {
        let volume_mounts = of(&["/etc/checklist-exporter/private/pw"], &[])?;
        assert_eq!(volume_mounts.volume_mounts.len(), 1);
        assert_eq!(
            volume_mounts.volumes[0]["projected"]["sources"][1]["secret"]["items"],
            json!([{"key": "pw", "path": "private/pw"}])
        );
        Ok(())
    }

    #[test]
    fn what_no_pod_could_start_with_is_refused_with_its_path() {
        for (files, kept, why) in [
            (&["/etc/pw"][..], &[][..], "/etc: a pod cannot start"),
            (&["/pw"], &[], "/: a pod cannot start"),
            (&["/tmp/pw"], &[], "/tmp: a pod cannot start"),
            (&["/etc/checklist-web/pw"], &[], "/etc/checklist-web: a pod cannot start"),
            (&["private/pw"], &[], "private/pw: pods have no folder"),
            (&["/etc/a/../pw"], &[], "neither .. nor a colon"),
            (&["/etc/a/p w"], &[], "no key of a Secret"),
            (&["/etc/checklist-exporter/checklist.yaml"], &[], "is checklist.yaml itself"),
            (&["/x/a.b/c", "/x/a/b.c", "/y/c", "/y/b.c"], &[], "would be one key of the Secret, x.a.b.c"),
            (&[], &["/"], "/: a pod cannot start"),
            (&[], &["tasks"], "tasks: pods have no folder"),
            (&[], &["/etc/checklist-exporter/tasks"], "which no job may write beside"),
            (&["/srv/a/pw"], &["/srv/a"], "which no job may write beside"),
            (&["/srv/a/pw"], &["/srv/a/tasks"], "which no job may write beside"),
        ] {
            let message = of(files, kept).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(why), "{files:?} {kept:?}: {message}");
        }
        assert!(of(&["/tmp/private/pw"], &["/reports", "/var/lib/checklist"]).is_ok());
    }
}
