//! Takes sections out of a configuration: typed, and each wrong one off by itself.

use schemars::JsonSchema;
use schemars::generate::SchemaSettings;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::check::check;
use crate::path::KeyPath;
use crate::{Loaded, Problem, Severity};

/// What happens to a section with a wrong value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Criticality {
    /// The default stands in for it.
    Normal,
    /// Nothing stands in for it: its owner fails closed, also when a part was left out because a variable or file is missing.
    Security,
}

/// A section as it was found.
#[derive(Debug, Clone, PartialEq)]
pub enum Section<T> {
    /// As written; the default where nothing is written.
    Sound(T),
    /// Something in it is wrong, so that the default stands in for all of it.
    Disabled(T),
    /// Security-relevant and wrong, or unreadable: there is no value to go on with.
    Closed,
}

impl<T> Section<T> {
    /// The value to run with; `closed` makes one that refuses everything.
    pub fn or_closed(self, closed: impl FnOnce() -> T) -> T {
        match self {
            Self::Sound(value) | Self::Disabled(value) => value,
            Self::Closed => closed(),
        }
    }

    /// The value to run with; `None` where the owner must refuse everything.
    pub fn value(self) -> Option<T> {
        match self {
            Self::Sound(value) | Self::Disabled(value) => Some(value),
            Self::Closed => None,
        }
    }

    pub fn is_sound(&self) -> bool {
        matches!(self, Self::Sound(_))
    }
}

/// The JSON Schema of a section or of the root, with its `$defs`.
pub fn schema_of<T: JsonSchema>() -> Value {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<T>().to_value()
}

/// As [`schema_of`], without `$defs`: to be put into another schema, where its references would lead to types of the same name.
pub fn inline_schema_of<T: JsonSchema>() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true);
    settings.into_generator().into_root_schema_for::<T>().to_value()
}

impl Loaded {
    /// Reads one section and adds all that is wrong in it to `problems`.
    ///
    /// `path` is a path such as `gateway.auth`. One that cannot be read counts as absent, which a test of the caller notices.
    pub fn section<T>(&self, path: &str, criticality: Criticality, problems: &mut Vec<Problem>) -> Section<T>
    where
        T: DeserializeOwned + JsonSchema + Default,
    {
        let Ok(path) = path.parse::<KeyPath>() else { return Section::Sound(T::default()) };
        self.section_at(&path, criticality, problems)
    }

    /// Reads the entries of an object as sections of their own, so that a wrong one (a provider, a channel) is off alone.
    /// Whatever else than an object stands there is reported, and has no entries.
    pub fn entries<T>(
        &self,
        path: &str,
        criticality: Criticality,
        problems: &mut Vec<Problem>,
    ) -> Vec<(String, Section<T>)>
    where
        T: DeserializeOwned + JsonSchema + Default,
    {
        let Ok(path) = path.parse::<KeyPath>() else { return Vec::new() };
        let Some(written) = path.get(&self.value) else { return Vec::new() };
        let Some(map) = written.as_object() else {
            extend(problems, self.check_at(&path, written, &json!({"type": "object"})));
            return Vec::new();
        };
        let names = map.keys();
        names.map(|name| (name.clone(), self.section_at(&path.key(name), criticality, problems))).collect()
    }

    fn section_at<T>(&self, path: &KeyPath, criticality: Criticality, problems: &mut Vec<Problem>) -> Section<T>
    where
        T: DeserializeOwned + JsonSchema + Default,
    {
        let left_out = self.disabled.iter().any(|gone| gone.is_within(path) || path.is_within(gone));
        let Some(written) = path.get(&self.value) else {
            return match (left_out, criticality) {
                (true, Criticality::Security) => Section::Closed,
                (true, Criticality::Normal) => Section::Disabled(T::default()),
                (false, _) => Section::Sound(T::default()),
            };
        };
        let found = self.check_at(path, written, &schema_of::<T>());
        let wrong = found.iter().any(|problem| problem.severity == Severity::Error);
        extend(problems, found);
        let value = if wrong { None } else { read::<T>(written, path, problems) };
        match (value, criticality) {
            (_, Criticality::Security) if left_out => Section::Closed,
            (Some(value), _) => Section::Sound(value),
            (None, Criticality::Normal) => Section::Disabled(T::default()),
            (None, Criticality::Security) => Section::Closed,
        }
    }

    /// Checks everything at once against the schema of the root, for `config validate` and for keys outside of all sections.
    /// What was wrong while reading comes first.
    pub fn check(&self, root_schema: &Value) -> Vec<Problem> {
        let mut problems = self.problems.clone();
        extend(&mut problems, self.check_at(&KeyPath::root(), &self.value, root_schema));
        problems
    }

    /// Findings name the place where a value was written, also where an old name was read as a new one.
    fn check_at(&self, path: &KeyPath, value: &Value, schema: &Value) -> Vec<Problem> {
        let mut found = check(value, schema, path);
        for problem in &mut found {
            if let Some(written) = self.moved.iter().find_map(|moved| moved.written(&problem.path)) {
                problem.path = written;
            }
        }
        found
    }
}

/// Adds those findings that are not there yet: a section and the root find the same things.
pub fn extend(problems: &mut Vec<Problem>, found: Vec<Problem>) {
    for problem in found {
        if !problems.iter().any(|known| known.path == problem.path && known.message == problem.message) {
            problems.push(problem);
        }
    }
}

fn read<T: DeserializeOwned>(written: &Value, path: &KeyPath, problems: &mut Vec<Problem>) -> Option<T> {
    match serde_path_to_error::deserialize(written) {
        Ok(value) => Some(value),
        Err(error) => {
            let mut at = path.clone();
            for segment in error.path() {
                at = match segment {
                    serde_path_to_error::Segment::Seq { index } => at.index(*index),
                    serde_path_to_error::Segment::Map { key } => at.key(key),
                    _ => at,
                };
            }
            // The reader's own words may quote the value; of a text they are not shown.
            let shown = at.get_below(path, written).is_none_or(|value| !value.is_string());
            let message = if shown { error.inner().to_string() } else { "this text does not fit here".to_owned() };
            extend(problems, vec![Problem { path: at.to_string(), severity: Severity::Error, message, hint: None }]);
            None
        }
    }
}
