//! Small state under a namespace: channel offsets, the gateway's identity, its generated token.

use serde_json::Value;

use crate::{Store, StoreError};

impl Store {
    pub async fn kv_get(&self, namespace: &str, key: &str) -> Result<Option<Value>, StoreError> {
        todo!()
    }

    pub async fn kv_put(&self, namespace: &str, key: &str, value: Value) -> Result<(), StoreError> {
        todo!()
    }

    pub async fn kv_delete(&self, namespace: &str, key: &str) -> Result<bool, StoreError> {
        todo!()
    }

    /// Every entry of a namespace, by key.
    pub async fn kv_list(&self, namespace: &str) -> Result<Vec<(String, Value)>, StoreError> {
        todo!()
    }
}
