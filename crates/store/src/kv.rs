//! Small state under a namespace: channel offsets, the gateway's identity, its generated token.

use serde_json::Value;

use crate::sql::{self, Json};
use crate::{Store, StoreError};

impl Store {
    pub async fn kv_get(&self, namespace: &str, key: &str) -> Result<Option<Value>, StoreError> {
        let names = [namespace.to_owned(), key.to_owned()];
        self.read(move |c| {
            let found =
                sql::first(c, "SELECT value FROM kv WHERE namespace = ?1 AND key = ?2", names, |row| row.get(0))?;
            Ok(found.map(|Json(value)| value))
        })
        .await
    }

    pub async fn kv_put(&self, namespace: &str, key: &str, value: Value) -> Result<(), StoreError> {
        let entry = [namespace.to_owned(), key.to_owned(), value.to_string()];
        self.write(move |c| {
            let put = "INSERT INTO kv (namespace, key, value) VALUES (?1, ?2, ?3)
                       ON CONFLICT DO UPDATE SET value = excluded.value";
            sql::execute(c, put, entry).map(drop)
        })
        .await
    }

    /// Returns whether there was such an entry.
    pub async fn kv_delete(&self, namespace: &str, key: &str) -> Result<bool, StoreError> {
        let names = [namespace.to_owned(), key.to_owned()];
        self.write(move |c| Ok(sql::execute(c, "DELETE FROM kv WHERE namespace = ?1 AND key = ?2", names)? > 0)).await
    }

    /// Every entry of a namespace, by key.
    pub async fn kv_list(&self, namespace: &str) -> Result<Vec<(String, Value)>, StoreError> {
        let namespace = namespace.to_owned();
        self.read(move |c| {
            sql::all(c, "SELECT key, value FROM kv WHERE namespace = ?1 ORDER BY key", [namespace], |row| {
                let Json(value) = row.get(1)?;
                Ok((row.get(0)?, value))
            })
        })
        .await
    }
}
