//! `apply_patch`: several files changed by one patch, all or nothing.

#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod hunks;
mod parse;
mod plan;

use std::path::Path;

use chela_agent::{
    CallRisk, Effect, ExecRule, Risk, Tool, ToolContext, ToolDefinition, ToolError, ToolFuture, ToolOutput,
};
use serde::Deserialize;
use serde_json::{Value, json};

use self::plan::Plan;
use crate::Kit;
use crate::args::{parse, refuse};
use crate::files::{Files, blocking};
use crate::risk;

/// Bytes of a patch: far more than a model writes in one answer.
const PATCH_LIMIT: usize = 4_000_000;

const FORMAT: &str = "*** Begin Patch
*** Update File: a.txt
@@ line above (optional)
 context
-old
+new
*** Add File: b.txt
+text
*** Delete File: c.txt
*** End Patch
After Update File, `*** Move to: d.txt` renames.";

pub(crate) fn parameters() -> Value {
    json!({
        "type": "object",
        "properties": {"input": {"type": "string", "description": FORMAT}},
        "required": ["input"],
    })
}

pub(crate) struct ApplyPatch {
    definition: ToolDefinition,
    files: Files,
    rule: ExecRule,
}

#[derive(Deserialize)]
struct Args {
    #[serde(alias = "patch")]
    input: String,
}

impl ApplyPatch {
    pub(crate) fn new(definition: ToolDefinition, kit: &Kit) -> Self {
        let workspace_only = kit.config.exec.apply_patch.workspace_only.unwrap_or(kit.files.workspace_only);
        Self { definition, files: Files { workspace_only, ..kit.files.clone() }, rule: kit.rule }
    }
}

impl Tool for ApplyPatch {
    fn definition(&self) -> &ToolDefinition {
        &self.definition
    }

    fn effect(&self, _args: &Value) -> Effect {
        Effect::Write
    }

    fn risk(&self, args: &Value, workspace: &Path) -> CallRisk {
        let Ok(Args { input }) = parse::<Args>("apply_patch", args.clone()) else { return CallRisk::none() };
        let operations = parse::parse(&input).unwrap_or_default();
        let sources = operations.iter().filter_map(parse::Operation::moved_from);
        let moves = sources.map(|path| risk::of_move(&self.files, self.rule, workspace, path));
        if let Some(private) = moves.into_iter().find(|risk| risk.risk != Risk::None) {
            return private;
        }
        let paths: Vec<_> = operations.into_iter().flat_map(parse::Operation::into_paths).collect();
        risk::of_write(&self.files, self.rule, workspace, paths, || input)
    }

    fn call(&self, args: Value, context: ToolContext) -> ToolFuture<'_> {
        Box::pin(async move {
            let Args { input } = parse("apply_patch", args)?;
            let files = self.files.clone();
            blocking(&context.cancel, move || {
                let judge = files.judge(&context.workspace);
                let summary = patch(&input, &judge).map_err(unchanged)?;
                let details = json!({"files": summary});
                Ok(ToolOutput {
                    text: format!("Applied:\n{}", summary.join("\n")),
                    details: Some(details),
                    ..ToolOutput::default()
                })
            })
            .await
        })
    }
}

fn patch(input: &str, judge: &crate::files::Judge) -> Result<Vec<String>, ToolError> {
    if input.len() > PATCH_LIMIT {
        return Err(refuse(format!("it has {} bytes, more than the {PATCH_LIMIT} of one patch.", input.len())));
    }
    let operations = parse::parse(input).map_err(|reason| refuse(format!("{reason}.")))?;
    Plan::new(judge, operations)?.commit()
}

fn unchanged(error: ToolError) -> ToolError {
    match error {
        ToolError::ToModel(reason) => refuse(format!("The patch was not applied, and no file is changed: {reason}")),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::tests::Bench;

    fn names(bench: &Bench) -> Vec<String> {
        let mut names: Vec<_> = std::fs::read_dir(bench.folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort_unstable();
        names
    }

    #[tokio::test]
    async fn files_are_added_changed_moved_and_deleted_together() {
        use std::os::unix::fs::PermissionsExt as _;
        let bench = Bench::new();
        for name in ["m", "r", "d"] {
            bench.write(name, "1\n2\n");
        }
        std::fs::set_permissions(bench.folder.path().join("r"), std::fs::Permissions::from_mode(0o755)).unwrap();
        let patch = "*** Begin Patch\n*** Add File: sub/a\n+new\n*** Update File: m\n@@\n-2\n+two\n*** Update File: m\n@@\n+3\n*** Update File: r\n\
                     *** Move to: moved\n@@\n-1\n*** Delete File: d\n*** Add File: d\n+again\n*** End Patch";
        let text = bench.call("apply_patch", json!({"input": patch})).await;
        assert_eq!(text, "Applied:\nA sub/a\nM m\nM m\nR r -> moved\nD d\nA d");
        let texts = ["sub/a", "m", "moved", "d"].map(|name| bench.text_of(name));
        assert_eq!(texts, ["new\n", "1\ntwo\n3\n", "2\n", "again\n"]);
        let mode = std::fs::metadata(bench.folder.path().join("moved")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert_eq!(names(&bench), ["d", "m", "moved", "sub"]);
    }

    #[tokio::test]
    async fn a_patch_that_fails_anywhere_changes_nothing() {
        let bench = Bench::new();
        bench.write("a", "1\n");
        bench.write("b", "1\n");
        bench.write("folder/inside", "x");
        for (last, part) in [
            ("*** Update File: b\n@@\n-9\n", "`b`, hunk 1: the line `9` is not in the file"),
            ("*** Update File: none\n@@\n-9\n", "`none` does not exist"),
            ("*** Add File: b\n+x\n", "`b` exists already"),
            ("*** Delete File: folder\n", "is a directory"),
            ("*** Add File: b/x\n+x\n", "is a file, not a directory"),
            ("*** Add File: new/x\n+x\n*** Add File: new/x/y\n+x\n", ""),
            ("*** Update File: ~/.chela/chela.json\n@@\n-x\n", "private to the gateway"),
            ("*** Delete File: a\n*** Delete File: a\n", "does not exist"),
        ] {
            let patch =
                format!("*** Begin Patch\n*** Update File: a\n@@\n-1\n+2\n*** Add File: c\n+x\n{last}*** End Patch");
            let text = bench.refused("apply_patch", json!({"input": patch})).await;
            assert!(
                text.starts_with("The patch was not applied, and no file is changed: ") && text.contains(part),
                "{text}"
            );
            assert_eq!((bench.text_of("a"), bench.text_of("b")), ("1\n".into(), "1\n".into()), "{last}");
            assert!(
                names(&bench).iter().all(|name| ["a", "b", "folder", "new"].contains(&name.as_str())),
                "{:?}",
                names(&bench)
            );
        }
    }
}
