//! The volumes for the files that checklist.yaml names, and the paths at which no volume can be mounted.

use crate::outputs::kubernetes::names::{CLAIM, CONFIG_FILE, CONFIG_FOLDER, CONFIG_MAP, NAME, WEB_FOLDER};
use anyhow::{bail, ensure};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Component, Path, PathBuf};

/// Folders of the images and the system that a volume would hide. Nothing may be mounted at these paths, nor anywhere
/// below those of the second list.
const SYSTEM: [&str; 10] = ["/", "/boot", "/etc", "/home", "/lib64", "/run", "/tmp", "/var", "/var/lib", "/var/run"];
const SYSTEM_BELOW: [&str; 8] = ["/bin", "/dev", "/lib", "/proc", "/sbin", "/sys", "/usr", WEB_FOLDER];
/// The advice in errors about a path that cannot be mounted.
const ADVICE: &str = "use separate folders for secrets and for kept files, such as /etc/checklist/private and \
    /var/lib/checklist/tasks, or generate no pods with --target-format prometheus";

/// The key in the Secret for each file path.
pub type Keys = BTreeMap<PathBuf, String>;

/// Gives each file a key of the Secret: its name, or its path with dots when two files have one name.
pub fn keys(files: &BTreeSet<PathBuf>, variables: &BTreeSet<String>) -> anyhow::Result<Keys> {
    for name in variables {
        ensure!(is_key(name), "the variable {name:?} cannot be a key of a Secret: use letters, digits, - _ and .");
    }
    let mut keys = Keys::new();
    for path in files {
        check(path)?;
        let shared = files.iter().filter(|other| other.file_name() == path.file_name()).count() > 1;
        let key = key(path, shared || variables.contains(&key(path, false)));
        ensure!(
            is_key(&key),
            "{} cannot be a key of a Secret: use only letters, digits, - _ and . in the file name",
            path.display()
        );
        if let Some((other, _)) = keys.iter().find(|(_, known)| **known == key) {
            bail!(
                "{} and {} would have the same key in the Secret, {key}: rename one",
                path.display(),
                other.display()
            );
        }
        ensure!(
            !variables.contains(&key),
            "{} and a variable would have the same key in the Secret: rename one",
            path.display()
        );
        keys.insert(path.clone(), key);
    }
    Ok(keys)
}

/// Returns the key of a file: its name, or its path with dots when the name is `taken`.
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

/// Checks that a path can be mounted.
fn check(path: &Path) -> anyhow::Result<()> {
    let shown = path.display();
    ensure!(path.is_absolute(), "{shown}: a relative path has no meaning in a pod: use an absolute path");
    let plain = path.components().all(|part| matches!(part, Component::RootDir | Component::Normal(_)));
    ensure!(plain && !shown.to_string().contains(':'), "{shown}: a mounted path must not contain .. or a colon");
    Ok(())
}

/// The volumes of a pod and their mounts.
#[derive(Debug, Default)]
pub struct PodVolumes {
    pub volume_mounts: Vec<Value>,
    pub volumes: Vec<Value>,
}

impl PodVolumes {
    fn add(&mut self, name: &str, place: &Path, volume: Value) {
        self.volume_mounts.push(json!({"name": name, "mountPath": place, "readOnly": true}));
        let mut named = volume;
        named["name"] = json!(name);
        self.volumes.push(named);
    }

    /// Returns the volumes for checklist.yaml and the secret files, with one mount for each folder. The Secret is
    /// optional: without it the pods start, and the checks that miss a file report it in their alerts.
    pub fn of_files(files: &BTreeSet<PathBuf>, keys: &Keys) -> anyhow::Result<Self> {
        let config = Path::new(CONFIG_FOLDER);
        let folders: BTreeSet<&Path> = files.iter().filter_map(|path| path.parent()).chain([config]).collect();
        // Nothing can be mounted inside a read-only mount, so the outermost folder holds all files.
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
                    "{CONFIG_FILE} is the path of checklist.yaml: rename the secret"
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

    /// Mounts the volume claim at the folders in `kept`. `all` are the kept folders of all pods: if they have a common
    /// folder, the claim is mounted there once, so that every pod sees the same paths.
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
                "{}: the folder contains secrets or checklist.yaml, so no job may write to it: {ADVICE}",
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

/// Checks that a volume may be mounted at a folder.
fn free(folder: &Path) -> anyhow::Result<()> {
    let taken = SYSTEM.iter().any(|system| folder == Path::new(system))
        || SYSTEM_BELOW.iter().any(|system| folder.starts_with(system));
    ensure!(!taken, "{}: a pod cannot start with a volume mounted here: {ADVICE}", folder.display());
    Ok(())
}

/// Returns the deepest folder that contains all others. It must be at least three levels deep, so that it hides no
/// folder of the system.
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
    fn files_with_the_same_name_get_different_secret_keys_per_folder() -> anyhow::Result<()> {
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
    fn secrets_in_the_folder_of_checklist_yaml_are_projected_into_its_volume() -> anyhow::Result<()> {
        let volume_mounts = of(&["/etc/checklist-exporter/private/pw"], &[])?;
        assert_eq!(volume_mounts.volume_mounts.len(), 1);
        assert_eq!(
            volume_mounts.volumes[0]["projected"]["sources"][1]["secret"]["items"],
            json!([{"key": "pw", "path": "private/pw"}])
        );
        Ok(())
    }

    #[test]
    fn paths_that_a_pod_cannot_mount_are_refused_by_name() {
        for (files, kept, why) in [
            (&["/etc/pw"][..], &[][..], "/etc: a pod cannot start"),
            (&["/pw"], &[], "/: a pod cannot start"),
            (&["/tmp/pw"], &[], "/tmp: a pod cannot start"),
            (&["/etc/checklist-web/pw"], &[], "/etc/checklist-web: a pod cannot start"),
            (&["private/pw"], &[], "private/pw: a relative path"),
            (&["/etc/a/../pw"], &[], "must not contain .. or a colon"),
            (&["/etc/a/p w"], &[], "cannot be a key of a Secret"),
            (&["/etc/checklist-exporter/checklist.yaml"], &[], "is the path of checklist.yaml"),
            (&["/x/a.b/c", "/x/a/b.c", "/y/c", "/y/b.c"], &[], "would have the same key in the Secret, x.a.b.c"),
            (&[], &["/"], "/: a pod cannot start"),
            (&[], &["tasks"], "tasks: a relative path"),
            (&[], &["/etc/checklist-exporter/tasks"], "so no job may write to it"),
            (&["/srv/a/pw"], &["/srv/a"], "so no job may write to it"),
            (&["/srv/a/pw"], &["/srv/a/tasks"], "so no job may write to it"),
        ] {
            let message = of(files, kept).err().map(|error| error.to_string()).unwrap_or_default();
            assert!(message.contains(why), "{files:?} {kept:?}: {message}");
        }
        assert!(of(&["/tmp/private/pw"], &["/reports", "/var/lib/checklist"]).is_ok());
    }
}
