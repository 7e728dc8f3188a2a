//! Changes a configuration's text and keeps everything else in it: comments, order, quotes.
//!
//! An edit is computed twice. Once on the value, which gives what the file shall say; then the difference is brought into the
//! syntax tree, and the new text is read again. If it does not say what it shall, nothing is returned: a text is never
//! changed by guess. Does no IO; [`crate::write`] stores the result.

use jsonc_parser::ParseOptions;
use jsonc_parser::cst::{CstArray, CstContainerNode, CstInputValue, CstLeafNode, CstNode, CstObject, CstRootNode};
use serde_json::{Map, Value};

use crate::mask;
use crate::path::{KeyPath, Segment};
use crate::redact::{self, NothingStored, REDACTED};
use crate::syntax::{self, SyntaxError};

/// Why a text cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    #[error("the configuration has a mistake at {0}; mend it there first")]
    Syntax(#[from] SyntaxError),
    #[error("the configuration is no object")]
    NotAnObject,
    #[error("`{path}` is {found}, so that nothing can be set below it; unset it first")]
    InTheWay { path: String, found: &'static str },
    #[error("`{path}` is not set")]
    NotSet { path: String },
    #[error("`{path}` is beyond the end of the list, which has {length} elements")]
    BeyondEnd { path: String, length: usize },
    #[error("the path has {levels} levels, more than the {} of a configuration", syntax::DEPTH_MAX)]
    TooDeep { levels: usize },
    #[error("name what to change, for example gateway.port")]
    NoPath,
    #[error(transparent)]
    NothingStored(#[from] NothingStored),
    #[error("the text cannot be changed without risk; edit the file by hand")]
    Unsure,
}

/// Sets the value at a path. Objects on the way are made; of a list, the element after the last one is appended.
pub fn set(raw: &str, path: &KeyPath, value: &Value) -> Result<String, EditError> {
    // Writing goes down level by level, and so does the stack.
    if path.segments().len() > syntax::DEPTH_MAX {
        return Err(EditError::TooDeep { levels: path.segments().len() });
    }
    change(raw, |root| set_value(root, path, 0, value))
}

/// Takes out what stands at a path.
pub fn unset(raw: &str, path: &KeyPath) -> Result<String, EditError> {
    change(raw, |root| {
        let (last, parents) = path.segments().split_last().ok_or(EditError::NoPath)?;
        let parent = parents.iter().try_fold(root, |value, segment| child(value, segment));
        let taken = parent.and_then(|parent| match parent {
            Value::Object(map) => last.as_key().and_then(|name| map.shift_remove(name)),
            Value::Array(elements) => {
                last.as_index().filter(|index| *index < elements.len()).map(|index| elements.remove(index))
            }
            _ => None,
        });
        taken.map(|_| ()).ok_or_else(|| EditError::NotSet { path: path.to_string() })
    })
}

/// Merges a patch as RFC 7396 says: objects key by key, `null` takes out, all else replaces. A secret that the patch shows as
/// redacted stays.
pub fn merge_patch(raw: &str, patch: &Value) -> Result<String, EditError> {
    if !patch.is_object() {
        return Err(EditError::NotAnObject);
    }
    change(raw, |root| {
        let patch = redact::restore_redacted(patch, root)?;
        patch_value(root, &patch);
        Ok(())
    })
}

/// Makes the text say `value` as a whole, touching only what differs. A secret that the value shows as redacted stays.
pub fn replace(raw: &str, value: &Value) -> Result<String, EditError> {
    change(raw, |root| {
        *root = redact::restore_redacted(value, root)?;
        Ok(())
    })
}

/// A text for others to see: the same without its secrets, those in comments too. `schema` is the root's.
/// Also of a text with mistakes in it, so that it can be shown to whoever mends it; there secrets are known by their names only.
pub fn redacted(raw: &str, schema: &Value) -> String {
    let by_schema = change(raw, |root| {
        *root = redact::redact(root, schema);
        Ok(())
    });
    let masked = match by_schema {
        Ok(text) => {
            let masked = mask::mask(&text);
            let says_the_same = syntax::parse(&masked) == syntax::parse(&text);
            says_the_same.then_some(masked)
        }
        Err(EditError::Syntax(_) | EditError::NotAnObject) => Some(mask::mask(raw)),
        Err(_) => None,
    };
    // Its form is lost, but nothing that is secret by its place only is shown.
    let formless =
        || syntax::parse(raw).map_or_else(|_| String::new(), |root| format!("{:#}\n", redact::redact(&root, schema)));
    masked.unwrap_or_else(formless)
}

/// A text that came back from somebody who saw `stored` as [`redacted`] shows it, with its secrets in their places again.
pub fn unredacted(raw: &str, stored: &str) -> Result<String, EditError> {
    if !raw.contains(REDACTED) {
        return Ok(raw.to_owned());
    }
    let by_path = match syntax::parse(stored) {
        Ok(stored) => change(raw, |root| {
            *root = redact::restore_redacted(root, &stored)?;
            Ok(())
        })?,
        Err(_) => raw.to_owned(),
    };
    Ok(mask::unmask(&by_path, stored)?)
}

/// Applies a change of the value to the text, and proves that it did.
fn change(raw: &str, edit: impl FnOnce(&mut Value) -> Result<(), EditError>) -> Result<String, EditError> {
    let before = syntax::parse(raw)?;
    if !before.is_object() {
        return Err(EditError::NotAnObject);
    }
    let mut after = before.clone();
    edit(&mut after)?;
    let (Value::Object(old), Value::Object(new)) = (&before, &after) else { return Err(EditError::NotAnObject) };
    if before == after {
        return Ok(raw.to_owned());
    }
    let (mark, text) = raw.strip_prefix('\u{feff}').map_or(("", raw), |text| ("\u{feff}", text));
    let options = ParseOptions { allow_missing_commas: false, ..ParseOptions::default() };
    let tree = CstRootNode::parse(text, &options).map_err(|_| EditError::Unsure)?;
    let object = tree.object_value_or_create().ok_or(EditError::NotAnObject)?;
    update_object(&object, old, new).ok_or(EditError::Unsure)?;
    let edited = format!("{mark}{tree}");
    if syntax::parse(&edited).as_ref() == Ok(&after) { Ok(edited) } else { Err(EditError::Unsure) }
}

fn set_value(at: &mut Value, path: &KeyPath, depth: usize, value: &Value) -> Result<(), EditError> {
    let Some(segment) = path.segments().get(depth) else {
        *at = value.clone();
        return if depth == 0 { Err(EditError::NoPath) } else { Ok(()) };
    };
    let here = || KeyPath::from(path.segments()[..depth].to_vec()).to_string();
    if at.is_null() {
        *at = match segment {
            Segment::Key(_) => Value::Object(Map::new()),
            Segment::Index(_) => Value::Array(Vec::new()),
        };
    }
    let slot = match (at, segment) {
        (Value::Object(map), Segment::Key(name)) => map.entry(name.as_str()).or_insert(Value::Null),
        (Value::Array(list), segment) => {
            let length = list.len();
            let index = segment.as_index().filter(|index| *index <= length);
            let Some(index) = index else {
                let path = KeyPath::from(path.segments()[..=depth].to_vec()).to_string();
                return Err(EditError::BeyondEnd { path, length });
            };
            if index == length {
                list.push(Value::Null);
            }
            &mut list[index]
        }
        (other, _) => return Err(EditError::InTheWay { path: here(), found: kind(other) }),
    };
    set_value(slot, path, depth + 1, value)
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn child<'v>(value: &'v mut Value, segment: &Segment) -> Option<&'v mut Value> {
    match value {
        Value::Object(map) => map.get_mut(segment.as_key()?),
        Value::Array(list) => list.get_mut(segment.as_index()?),
        _ => None,
    }
}

fn patch_value(target: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(target) = target else { return };
    for (key, change) in patch {
        if change.is_null() {
            target.shift_remove(key);
        } else {
            patch_value(target.entry(key.as_str()).or_insert(Value::Null), change);
        }
    }
}

/// Brings an object of the tree from `old` to `new`. `None` where the tree is not what the value says.
fn update_object(object: &CstObject, old: &Map<String, Value>, new: &Map<String, Value>) -> Option<()> {
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        let written =
            object.properties().into_iter().filter(|property| property.decoded_name().as_deref() == Some(name));
        written.for_each(jsonc_parser::cst::CstObjectProp::remove);
    }
    for (name, value) in new {
        match old.get(name) {
            None => {
                object.append(name, input(value));
            }
            Some(before) if before == value => {}
            Some(before) => {
                // Of a key that is written twice the last one holds.
                let mut properties = object.properties().into_iter().rev();
                let property = properties.find(|property| property.decoded_name().as_deref() == Some(name))?;
                match (property.value()?, before, value) {
                    (node, Value::Object(_), Value::Object(_)) | (node, Value::Array(_), Value::Array(_)) => {
                        update(node, before, value)?;
                    }
                    _ => property.set_value(input(value)),
                }
            }
        }
    }
    Some(())
}

fn update_array(array: &CstArray, old: &[Value], new: &[Value]) -> Option<()> {
    let elements = array.elements();
    if elements.len() != old.len() {
        return None;
    }
    for element in elements.iter().skip(new.len()).rev() {
        element.clone().remove();
    }
    for ((element, before), value) in elements.into_iter().zip(old).zip(new) {
        update(element, before, value)?;
    }
    for value in new.iter().skip(old.len()) {
        array.append(input(value));
    }
    Some(())
}

fn update(node: CstNode, old: &Value, new: &Value) -> Option<()> {
    match (node, old, new) {
        (_, old, new) if old == new => Some(()),
        (CstNode::Container(CstContainerNode::Object(object)), Value::Object(old), Value::Object(new)) => {
            update_object(&object, old, new)
        }
        (CstNode::Container(CstContainerNode::Array(array)), Value::Array(old), Value::Array(new)) => {
            update_array(&array, old, new)
        }
        (node, _, new) => replace_node(node, input(new)),
    }
}

fn replace_node(node: CstNode, value: CstInputValue) -> Option<()> {
    let replaced = match node {
        CstNode::Container(CstContainerNode::Object(node)) => node.replace_with(value),
        CstNode::Container(CstContainerNode::Array(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::BooleanLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::NullKeyword(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::NumberLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::StringLit(node)) => node.replace_with(value),
        CstNode::Leaf(CstLeafNode::WordLit(node)) => node.replace_with(value),
        _ => None,
    };
    replaced.map(|_| ())
}

fn input(value: &Value) -> CstInputValue {
    match value {
        Value::Null => CstInputValue::Null,
        Value::Bool(truth) => CstInputValue::Bool(*truth),
        Value::Number(number) => CstInputValue::Number(number.to_string()),
        Value::String(text) => CstInputValue::String(text.clone()),
        Value::Array(list) => CstInputValue::Array(list.iter().map(input).collect()),
        Value::Object(map) => {
            CstInputValue::Object(map.iter().map(|(name, value)| (name.clone(), input(value))).collect())
        }
    }
}
