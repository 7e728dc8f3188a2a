//! Tools that the client runs itself, as both interfaces offer and choose them: `tools` and `tool_choice`.
//!
//! A request that insists on a call (`required`, or a tool by its name) is offered nothing else of the client's, the model is told, and
//! a turn that makes no such call is an error: no vendor could be made to call among tools of which some are the agent's.

use chela_agent::{ToolDefinition, ToolSet};
use chela_llm::ToolUse;
use chela_tools::TOOLS;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;

/// Tools of one request; OpenAI's own limit.
const MAX_TOOLS: usize = 128;

/// Longest name that every vendor takes.
const NAME_BYTES: usize = 64;

/// All definitions together, as JSON: they stand in front of every call to the model.
const DEFINITIONS_BYTES: usize = 256 * 1024;

/// The tools of a client in one turn.
#[derive(Debug, Default, PartialEq)]
pub(super) struct ClientTools {
    pub offered: Vec<ToolDefinition>,
    pub demand: Option<Demand>,
}

/// A call that the client insists on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Demand {
    AnyOf(Vec<String>),
    Named(String),
}

/// A tool: Responses says its function at the top, Chat Completions within `function`.
#[derive(Debug, Deserialize)]
struct ToolSpec {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    function: Option<FunctionSpec>,
    #[serde(flatten)]
    flat: FunctionSpec,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FunctionSpec {
    name: Option<String>,
    description: Option<String>,
    parameters: Option<Value>,
}

impl ClientTools {
    /// Reads both fields of a request. `own` are the agent's tools, whose names are taken.
    pub(super) fn read(tools: Option<&[Value]>, choice: Option<&Value>, own: &ToolSet) -> Result<Self, ApiError> {
        let offered = definitions(tools.unwrap_or_default(), own)?;
        let name_of = |choice: &Value| {
            let function = choice.get("function").unwrap_or(choice);
            function.get("name").and_then(Value::as_str).map(str::to_owned)
        };
        match choice {
            None | Some(Value::Null) => Ok(Self { offered, demand: None }),
            Some(Value::String(word)) => match word.as_str() {
                "auto" => Ok(Self { offered, demand: None }),
                "none" => Ok(Self::default()),
                "required" if offered.is_empty() => {
                    Err(bad_choice("`tool_choice` is `required`, but the request offers no `tools`."))
                }
                "required" => {
                    let names = offered.iter().map(|tool| tool.name.clone()).collect();
                    Ok(Self { offered, demand: Some(Demand::AnyOf(names)) })
                }
                other => Err(bad_choice(format!(
                    "`tool_choice` can't be `{other}`; it is `auto`, `none`, `required` or a function."
                ))),
            },
            Some(choice) if choice["type"] == "function" => {
                let name = name_of(choice).ok_or_else(|| bad_choice("`tool_choice` has no function's name."))?;
                let tool = offered.into_iter().find(|tool| tool.name == name);
                let tool = tool.ok_or_else(|| {
                    bad_choice(format!("`tool_choice` names `{name}`, which is none of the request's `tools`."))
                })?;
                Ok(Self { offered: vec![tool], demand: Some(Demand::Named(name)) })
            }
            Some(_) => Err(bad_choice("`tool_choice` is `auto`, `none`, `required` or a function.")),
        }
    }

    /// What the model is told besides.
    pub(super) fn instruction(&self) -> Option<String> {
        self.demand.as_ref().map(|demand| match demand {
            Demand::Named(name) => format!("Call the tool `{name}` before you answer."),
            Demand::AnyOf(names) => {
                format!("Before you answer, call at least one of these tools: {}.", names.join(", "))
            }
        })
    }
}

impl Demand {
    /// Refuses an answer without the call.
    pub(super) fn check(&self, calls: &[ToolUse]) -> Result<(), ApiError> {
        let (is_met, choice) = match self {
            Self::AnyOf(_) => (!calls.is_empty(), "required"),
            Self::Named(name) => (calls.iter().any(|call| call.name == *name), name.as_str()),
        };
        if is_met { Ok(()) } else { Err(ApiError::unmet(choice)) }
    }
}

/// What the model wrote as arguments, also where it wrote badly.
pub(super) fn arguments(call: &ToolUse) -> String {
    call.invalid.clone().unwrap_or_else(|| call.input.to_string())
}

fn definitions(tools: &[Value], own: &ToolSet) -> Result<Vec<ToolDefinition>, ApiError> {
    if tools.len() > MAX_TOOLS {
        return Err(bad_tools(format!("A request offers at most {MAX_TOOLS} tools, this one {}.", tools.len())));
    }
    let mut offered = Vec::<ToolDefinition>::with_capacity(tools.len());
    let mut bytes = 0;
    for (index, tool) in tools.iter().enumerate() {
        let tool = definition(index, tool)?;
        if is_own(&tool.name, own) {
            return Err(bad_tools(format!(
                "`tools[{index}]` is called `{}`, as one of the agent's own tools is; give it another name.",
                tool.name
            )));
        }
        if offered.iter().any(|other| other.name == tool.name) {
            return Err(bad_tools(format!("There are two `tools` called `{}`.", tool.name)));
        }
        bytes += tool.name.len() + tool.description.len() + tool.parameters.to_string().len();
        offered.push(tool);
    }
    if bytes > DEFINITIONS_BYTES {
        let message = format!("The `tools` of a request have at most {DEFINITIONS_BYTES} bytes, these {bytes}.");
        return Err(bad_tools(message));
    }
    Ok(offered)
}

fn definition(index: usize, tool: &Value) -> Result<ToolDefinition, ApiError> {
    let spec =
        ToolSpec::deserialize(tool).map_err(|error| bad_tools(format!("`tools[{index}]` can't be read: {error}.")))?;
    if spec.kind != "function" {
        let message = format!("`tools[{index}]` is of type `{}`; only `function` is taken.", spec.kind);
        return Err(bad_tools(message));
    }
    let FunctionSpec { name, description, parameters } = spec.function.unwrap_or(spec.flat);
    let name = name.unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if name.is_empty() || name.len() > NAME_BYTES || !name.bytes().all(is_plain) {
        let message =
            format!("`tools[{index}]` needs a `name` of 1 to {NAME_BYTES} letters, digits, underscores and dashes.");
        return Err(bad_tools(message));
    }
    let parameters = match parameters {
        None | Some(Value::Null) => json!({ "type": "object", "properties": {} }),
        Some(Value::Object(schema)) if schema.is_empty() => json!({ "type": "object", "properties": {} }),
        Some(Value::Object(schema)) => Value::Object(schema),
        Some(_) => return Err(bad_tools(format!("The `parameters` of `{name}` must be a JSON Schema object."))),
    };
    Ok(ToolDefinition { name, description: description.unwrap_or_default(), parameters })
}

/// Names of tools that this agent doesn't have are taken as well: it may get them before the conversation ends.
fn is_own(name: &str, own: &ToolSet) -> bool {
    let is_same = |other: &str| other.eq_ignore_ascii_case(name);
    TOOLS.iter().any(|row| is_same(row.id)) || own.iter().any(|tool| is_same(&tool.definition().name))
}

fn bad_tools(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).with_param("tools")
}

fn bad_choice(message: impl Into<String>) -> ApiError {
    ApiError::invalid(message).with_param("tool_choice")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(tools: &Value, choice: &Value) -> Result<(Vec<String>, Option<Demand>), String> {
        let read = ClientTools::read(tools.as_array().map(Vec::as_slice), Some(choice), &ToolSet::default());
        read.map(|tools| (tools.offered.into_iter().map(|tool| tool.name).collect(), tools.demand))
            .map_err(|error| error.message().to_owned())
    }

    #[test]
    fn both_forms_of_a_tool_are_read_and_the_choice_narrows_them() {
        let tools = json!([
            { "type": "function", "name": "a", "parameters": { "type": "object" }, "strict": true },
            { "type": "function", "function": { "name": "b", "description": "B" } },
        ]);
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let rows = [
            (json!(null), names(&["a", "b"]), None),
            (json!("auto"), names(&["a", "b"]), None),
            (json!("none"), names(&[]), None),
            (json!("required"), names(&["a", "b"]), Some(Demand::AnyOf(names(&["a", "b"])))),
            (json!({ "type": "function", "name": "b" }), names(&["b"]), Some(Demand::Named("b".into()))),
            (
                json!({ "type": "function", "function": { "name": "a" } }),
                names(&["a"]),
                Some(Demand::Named("a".into())),
            ),
        ];
        for (choice, offered, demand) in rows {
            assert_eq!(read(&tools, &choice), Ok((offered, demand)), "{choice}");
        }
    }

    #[test]
    fn what_can_not_be_offered_is_named() {
        let function = |name: &str| json!({ "type": "function", "name": name });
        let many: Vec<Value> = (0..=MAX_TOOLS).map(|n| function(&format!("f{n}"))).collect();
        let large = json!({ "type": "function", "name": "f", "description": "d".repeat(DEFINITIONS_BYTES + 1) });
        let rows = [
            (json!([{ "type": "web_search" }]), json!(null), "type `web_search`"),
            (json!([{ "name": "f" }]), json!(null), "tools[0]"),
            (json!([7]), json!(null), "tools[0]"),
            (json!([function("")]), json!(null), "needs a `name`"),
            (json!([function("a b")]), json!(null), "needs a `name`"),
            (json!([function("a"), function("a")]), json!(null), "two `tools` called `a`"),
            (json!([function("Read")]), json!(null), "one of the agent's own tools"),
            (json!([{ "type": "function", "name": "f", "parameters": [] }]), json!(null), "JSON Schema object"),
            (json!(many), json!(null), "at most 128 tools"),
            (json!([large]), json!(null), "bytes"),
            (json!([]), json!("required"), "offers no `tools`"),
            (json!([function("a")]), json!("sometimes"), "can't be `sometimes`"),
            (json!([function("a")]), json!({ "type": "function", "name": "b" }), "names `b`"),
            (json!([function("a")]), json!({ "type": "allowed_tools" }), "`auto`, `none`"),
        ];
        for (tools, choice, named) in rows {
            let error = read(&tools, &choice).unwrap_err();
            assert!(error.contains(named), "{named}: {error}");
        }
    }
}
