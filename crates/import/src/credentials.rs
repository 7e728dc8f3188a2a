//! Moves credentials of providers in. They stood in stores beside the configuration, one for each agent and one for all; here they stand
//! in `auth.profiles` and are every agent's.

use std::collections::BTreeMap;

use chela_config::{KeyPath, Loaded, edit};
use chela_store::OpenclawTable;
use serde_json::{Map, Value, json};

use crate::databases::Databases;
use crate::report::{FileTold, Ledger};
use crate::source::document;
use crate::{ImportError, ImportRequest};

/// Where the credentials that all agents share are kept in the newer form.
const SHARED: &str = "authProfiles.store";

/// What was found in all stores.
#[derive(Default)]
pub(crate) struct Credentials {
    profiles: BTreeMap<String, Map<String, Value>>,
    order: Map<String, Value>,
    stores: Vec<FoundStore>,
    /// Why none of them is taken.
    left: Option<&'static str>,
}

struct FoundStore {
    name: String,
    taken: usize,
    /// How many of the rest there are for each reason.
    ignored: BTreeMap<&'static str, usize>,
}

/// Reads every store; the first one that has a profile of a name wins.
pub(crate) fn collect(request: &ImportRequest<'_>, databases: &Databases, ledger: &mut Ledger) -> Credentials {
    let mut found = Credentials::default();
    for agent in &request.source.agents {
        if let Some(opened) = databases.of_agent(&agent.id) {
            let rows = opened.rows(OpenclawTable::AuthProfileStore, ledger);
            let name = opened.table(OpenclawTable::AuthProfileStore.name(), ledger);
            for row in rows {
                found.read_json(&name, row.get("store_json"), ledger);
            }
        }
        for file in ["auth-profiles.json", "auth.json"] {
            let path = agent.dir.join("agent").join(file);
            match document(&path) {
                Ok(Some(store)) => {
                    ledger.claim(&path);
                    let name = ledger.name(&path);
                    found.read(&name, &store);
                }
                Ok(None) => {}
                Err(why) => {
                    ledger.fault(&path, None, why);
                    ledger.file(&path, FileTold::ignored("it can't be read", 1));
                }
            }
        }
    }
    for row in databases.shared(OpenclawTable::ConfigMachineState, ledger) {
        if row.get("state_key").and_then(Value::as_str) == Some(SHARED) {
            let name = databases.state.as_ref().map(|opened| opened.table(SHARED, ledger)).unwrap_or_default();
            found.read_json(&name, row.get("value_json"), ledger);
        }
    }
    found
}

impl Credentials {
    fn read_json(&mut self, name: &str, json: Option<&Value>, ledger: &mut Ledger) {
        let store = json.and_then(Value::as_str).and_then(|json| serde_json::from_str(json).ok());
        let Some(store) = store else {
            let message = "it is no JSON".to_owned();
            return ledger.fault_named(crate::ImportFault { path: name.to_owned(), line: None, message });
        };
        self.read(name, &store);
    }

    fn read(&mut self, name: &str, store: &Value) {
        let mut told = FoundStore { name: name.to_owned(), taken: 0, ignored: BTreeMap::new() };
        // The oldest form has the credentials by provider at the top.
        let profiles = store.get("profiles").unwrap_or(store).as_object().into_iter().flatten();
        for (id, credential) in profiles.filter(|(_, credential)| credential.is_object()) {
            let id = if id.contains(':') { id.clone() } else { format!("{id}:default") };
            match profile(&id, credential) {
                Ok(profile) => match self.profiles.get(&id) {
                    Some(known) if *known != profile => {
                        *told
                            .ignored
                            .entry("another agent has one of the same name, which holds for all")
                            .or_default() += 1;
                    }
                    Some(_) => told.taken += 1,
                    None => {
                        told.taken += 1;
                        self.profiles.insert(id, profile);
                    }
                },
                Err(why) => *told.ignored.entry(why).or_default() += 1,
            }
        }
        for (provider, order) in store.get("order").and_then(Value::as_object).into_iter().flatten() {
            self.order.entry(provider.clone()).or_insert_with(|| order.clone());
        }
        self.stores.push(told);
    }

    pub(crate) fn leave(&mut self, why: &'static str) {
        self.left = Some(why);
    }

    /// Writes them into a configuration's text, without changing what it says already. Returns how many were added.
    pub(crate) fn put_into(&self, mut text: String, loaded: &Loaded) -> Result<(String, usize), ImportError> {
        let profiles = KeyPath::root().key("auth").key("profiles");
        let mut added = 0;
        for (id, profile) in &self.profiles {
            let at = profiles.key(id);
            let mut is_new = false;
            for (name, value) in profile {
                // A mode that the file says otherwise would not fit the key that is added.
                let is_here = at.key(name).get(&loaded.value).is_some();
                if !is_here || (name == "mode" && at.key(name).get(&loaded.written).is_some()) {
                    text = edit::set(&text, &at.key(name), value)?;
                    is_new |= !is_here;
                }
            }
            added += usize::from(is_new);
        }
        let known = |id: &Value| id.as_str().is_some_and(|id| self.profiles.contains_key(id));
        for (provider, order) in &self.order {
            let at = KeyPath::root().key("auth").key("order").key(provider);
            let order: Vec<&Value> = order.as_array().into_iter().flatten().filter(|id| known(id)).collect();
            if !order.is_empty() && at.get(&loaded.value).is_none() {
                text = edit::set(&text, &at, &json!(order))?;
            }
        }
        Ok((text, added))
    }

    /// Tells what became of each store; `new` credentials are in force since now.
    pub(crate) fn tell(self, new: usize, ledger: &mut Ledger) {
        let mut new = new;
        for FoundStore { name, taken, ignored } in self.stores {
            if let Some(why) = self.left.filter(|_| taken > 0) {
                ledger.named(name.clone(), FileTold::ignored(why, taken));
            } else if taken > 0 {
                let of_these = new.min(taken);
                new -= of_these;
                ledger
                    .named(name.clone(), FileTold::mapped("into auth.profiles of the configuration", taken, of_these));
            }
            for (why, count) in ignored {
                ledger.named(name.clone(), FileTold::ignored(why, count));
            }
        }
    }
}

/// A credential as a profile of ours.
fn profile(id: &str, credential: &Value) -> Result<Map<String, Value>, &'static str> {
    let field = |name: &str| credential.get(name).filter(|value| is_secret(value)).cloned();
    let provider = credential.get("provider").and_then(Value::as_str);
    let provider = provider.unwrap_or_else(|| id.split(':').next().unwrap_or(id));
    let kind = credential.get("type").or_else(|| credential.get("mode")).and_then(Value::as_str);
    let (mode, name, secret) = match kind {
        Some("api_key") => ("api_key", "apiKey", field("key").or_else(|| field("keyRef")).or_else(|| field("apiKey"))),
        Some("token") => ("token", "token", field("token").or_else(|| field("tokenRef"))),
        Some("oauth") => return Err("a sign-in of another program (OAuth) can't be used here: set a key or a token"),
        _ => return Err("of a kind that is not known here"),
    };
    let secret = secret.ok_or("it holds no key")?;
    let mut profile = Map::new();
    profile.insert("provider".to_owned(), provider.into());
    profile.insert("mode".to_owned(), mode.into());
    profile.insert(name.to_owned(), secret);
    for kept in ["email", "displayName"] {
        if let Some(value) = credential.get(kept).filter(|value| value.is_string()) {
            profile.insert(kept.to_owned(), value.clone());
        }
    }
    Ok(profile)
}

/// A text, or a reference to where the secret is.
fn is_secret(value: &Value) -> bool {
    match value {
        Value::String(text) => !text.is_empty(),
        Value::Object(reference) => reference.contains_key("source"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_tokens_become_profiles_and_sign_ins_do_not() {
        let mut found = Credentials::default();
        found.read(
            "one",
            &json!({"version": 1, "profiles": {
                "anthropic:work": {"type": "api_key", "provider": "anthropic", "key": "sk-1", "email": "a@b"},
                "openai:t": {"type": "token", "provider": "openai", "token": "tok"},
                "google:me": {"type": "oauth", "provider": "google", "access": "x"}},
              "order": {"anthropic": ["anthropic:work", "anthropic:gone"]}}),
        );
        found.read(
            "two",
            &json!({"anthropic:work": {"type": "api_key", "key": "sk-other"}, "groq": {"type": "api_key", "key": "g"}}),
        );
        let raw = "{\n  // mine\n  auth: {profiles: {\"anthropic:work\": {provider: \"anthropic\", mode: \"api_key\"}}},\n}\n";
        let loaded = Loaded::from_value(chela_config::parse(raw).unwrap());
        let (text, added) = found.put_into(raw.to_owned(), &loaded).unwrap();
        let value = chela_config::parse(&text).unwrap();
        assert!(text.contains("// mine"));
        assert_eq!(added, 3);
        assert_eq!(
            value["auth"]["profiles"]["anthropic:work"],
            json!({"provider": "anthropic", "mode": "api_key", "apiKey": "sk-1", "email": "a@b"})
        );
        assert_eq!(value["auth"]["profiles"]["openai:t"]["token"], "tok");
        assert_eq!(value["auth"]["profiles"]["groq:default"]["provider"], "groq");
        assert_eq!(value["auth"]["order"], json!({"anthropic": ["anthropic:work"]}));
        assert_eq!(found.stores[1].ignored.values().sum::<usize>(), 1);
        let again = Loaded::from_value(value);
        assert_eq!(found.put_into(text.clone(), &again).unwrap(), (text, 0));
    }
}
