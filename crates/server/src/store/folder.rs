//! The data folder: made if missing, its owner's alone, and tried before anything is started.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// The data folder cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "{}: the data folder cannot be {tried} ({why}); choose another with --data DIR or data.dir",
    .dir.display()
)]
pub(crate) struct FolderError {
    /// Which.
    pub(crate) dir: PathBuf,
    /// What was tried.
    pub(crate) tried: &'static str,
    /// What the system said.
    pub(crate) why: io::Error,
}

/// Makes the data folder ready and proves that it can be written to.
pub(crate) fn open_folder(dir: &Path) -> Result<(), FolderError> {
    let refused = |tried| {
        let dir = dir.to_owned();
        move |why| FolderError { dir, tried, why }
    };
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    // Recordings and secrets are in it.
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(dir).map_err(refused("made"))?;
    for folder in ["recordings", "calls"] {
        builder
            .create(dir.join(folder))
            .map_err(refused("written to"))?;
    }
    let probe = dir.join(".probe");
    fs::write(&probe, b"can I write here?").map_err(refused("written to"))?;
    fs::remove_file(&probe).map_err(refused("written to"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_the_way_is_one_sentence() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let file = dir.path().join("taken");
        fs::write(&file, "").expect("written");
        let error = open_folder(&file.join("data")).expect_err("must be refused");
        assert!(
            error.to_string().contains("the data folder cannot be made"),
            "{error}"
        );
    }

    #[test]
    fn a_new_folder_is_its_owners_alone() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let data = dir.path().join("a/b");
        open_folder(&data).expect("made");
        open_folder(&data).expect("and found again");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = fs::metadata(&data).expect("there").permissions().mode();
            assert_eq!(mode & 0o777, 0o700);
        }
    }
}
