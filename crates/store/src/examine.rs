//! Looks whether a database is sound, without changing it: for `chela doctor`, while no gateway runs on it.

use std::path::Path;

use crate::migrations::{MIGRATIONS, refuse_newer};
use crate::{StoreError, connection};

/// Reads the database once through. The error says what is wrong with it: not readable, damaged, or of a newer version of this
/// program. It takes as long as reading the file does.
pub fn examine(path: &Path) -> Result<(), StoreError> {
    let database = connection::open_for_reading(path)?;
    refuse_newer(&database, path, MIGRATIONS)?;
    let said: String = database.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if said == "ok" { Ok(()) } else { Err(StoreError::Open { path: path.to_owned(), message: said }) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{OpenOptions, Store, WriterMode};

    #[tokio::test]
    async fn damage_and_newer_formats_are_told_and_nothing_is_changed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("chela.db");
        let store = Store::open(OpenOptions { path: path.clone(), writer: WriterMode::Thread }).unwrap();
        store.close().await.unwrap();
        examine(&path).unwrap();

        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        let middle = damaged.len() / 2;
        damaged[middle..].fill(0x5a);
        fs::write(&path, &damaged).unwrap();
        assert!(examine(&path).is_err());
        assert_eq!(fs::read(&path).unwrap(), damaged);

        let mut newer = sound;
        // Where the header holds `user_version`.
        newer[60..64].copy_from_slice(&9_999_u32.to_be_bytes());
        fs::write(&path, &newer).unwrap();
        assert!(matches!(examine(&path), Err(StoreError::TooNew { found: 9_999, .. })));
        fs::write(&path, "no database").unwrap();
        assert!(examine(&path).is_err());
    }
}
