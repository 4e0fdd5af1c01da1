//! An object as a listing describes it, and a backup that is made of some.

/// One object of a listing.
#[derive(Debug, Clone)]
pub struct Object {
    pub key: String,
    pub bytes: u64,
    /// The time of the last modification in Unix seconds.
    pub modified: f64,
}

impl PartialEq for Object {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, self.bytes, self.modified.to_bits()) == (&other.key, other.bytes, other.modified.to_bits())
    }
}

/// Maximum number of objects that are kept during a listing as possible files of one backup. Others count as backups of
/// their own.
pub(super) const MAX_KEPT: usize = 20_000;

/// What the objects of a backup are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// One object, or the parts that `split` made of one.
    File,
    /// A folder with the files of `pg_dump -Fd`.
    DumpFolder,
    /// A folder with the files of `pg_basebackup -Ft`.
    BaseBackup,
}

/// The newest backup: an object, the parts that `split` made of one, or a folder that a program of PostgreSQL made.
#[derive(Debug, Clone, PartialEq)]
pub struct Newest {
    /// The key of the object, of the folder without its trailing slash, or of the parts without their numbers.
    pub name: String,
    /// The size in bytes. For a folder or parts, the size of all objects.
    pub bytes: u64,
    /// The time of the last modification in Unix seconds. For a folder or parts, that of the newest object.
    pub modified: f64,
    /// The object whose first bytes identify the format. `None` for a folder without a table of contents.
    pub begin: Option<Object>,
    pub form: Form,
    /// The parts of a split backup in their order; empty if it is not split.
    pub parts: Vec<Object>,
    /// Why the objects do not make a whole backup, for people.
    pub lacks: Option<String>,
}

impl Newest {
    /// Whether it consists of several objects, which appear one after the other.
    pub(super) const fn has_several_objects(&self) -> bool {
        !matches!(self.form, Form::File) || !self.parts.is_empty()
    }
}
