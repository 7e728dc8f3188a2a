//! The conformance suite: what holds for every tool, by walking the table. A new row is tested by being there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use chela_agent::{Effect, SessionKey, SessionStatus, Tool, ToolContext, ToolError, ToolOutput, ToolProgress, ToolSet};
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use crate::sandbox::Sandbox;
use crate::{Processes, TOOLS, ToolHost, ToolsConfig, builtin};

/// All definitions together, in bytes of JSON: about 1,500 tokens of the 3,000 that a first "hi" may cost (G27).
const DEFINITIONS_LIMIT: usize = 5_300;
/// How soon a call returns when its turn is aborted.
const ABORT_LIMIT: Duration = Duration::from_millis(200);

/// Makes the test program the launcher of its own sandboxes: libtest owns its `main`, and this runs before that.
#[used]
#[unsafe(link_section = ".init_array")]
#[expect(unsafe_code, reason = "the only way into a test program ahead of libtest")]
static LAUNCHER: extern "C" fn() = {
    extern "C" fn before_main() {
        crate::sandbox::launch_if_asked();
        crate::sandbox::tests::attack_if_asked();
    }
    before_main
};

pub(crate) fn host(folder: &Path) -> ToolHost {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    ToolHost {
        home: folder.to_path_buf(),
        path: "/usr/local/bin:/usr/bin:/bin".into(),
        variables: BTreeMap::new(),
        state_dir: folder.join(".chela"),
        secret_files: Vec::new(),
        readable: Vec::new(),
        user_agent: "chela-test".into(),
        tls,
        sandbox: Sandbox::new(),
        processes: Processes::new(),
        cron: crate::CronLine::default(),
    }
}

pub(crate) fn context(workspace: &Path) -> ToolContext {
    ToolContext {
        agent: "main".into(),
        session: SessionKey::main(&"main".into()),
        run: "run".into(),
        call_id: "call".into(),
        workspace: workspace.to_path_buf(),
        cancel: CancellationToken::new(),
        progress: ToolProgress::silent(),
        status: Arc::new(SessionStatus::default()),
        clearance: chela_agent::Clearance::Trusted,
    }
}

/// A workspace with the tools of a configuration.
pub(crate) struct Bench {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) tools: ToolSet,
    pub(crate) processes: Processes,
}

impl Bench {
    pub(crate) fn new() -> Self {
        Self::with("{}")
    }

    pub(crate) fn with(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let config: ToolsConfig = serde_json::from_str(config).unwrap();
        let host = host(folder.path());
        let processes = host.processes.clone();
        Self { tools: builtin(&config, host), folder, processes }
    }

    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    pub(crate) fn text_of(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    pub(crate) fn context(&self) -> ToolContext {
        context(self.folder.path())
    }

    pub(crate) fn tool(&self, name: &str) -> Arc<dyn Tool> {
        self.tools.get(name).unwrap().clone()
    }

    pub(crate) async fn try_call(&self, name: &str, args: Value) -> Result<ToolOutput, ToolError> {
        self.tool(name).call(args, self.context()).await
    }

    pub(crate) async fn call(&self, name: &str, args: Value) -> String {
        self.try_call(name, args).await.unwrap().text
    }

    pub(crate) async fn refused(&self, name: &str, args: Value) -> String {
        match self.try_call(name, args).await {
            Err(ToolError::ToModel(text) | ToolError::FromOutside { text, .. }) => text,
            other => panic!("{other:?} instead of a refusal"),
        }
    }
}

#[test]
fn every_tool_is_built_in_the_order_of_the_table() {
    let bench = Bench::new();
    let names: Vec<String> = bench.tools.definitions().into_iter().map(|definition| definition.name).collect();
    assert_eq!(names, TOOLS.iter().map(|row| row.id).collect::<Vec<_>>());
}

#[test]
fn g27_definitions_are_short_valid_and_byte_stable() {
    let bench = Bench::new();
    let text = |tools: &ToolSet| {
        let shown = |d: chela_agent::ToolDefinition| json!({"name": d.name, "description": d.description, "input_schema": d.parameters});
        serde_json::to_string(&tools.definitions().into_iter().map(shown).collect::<Vec<_>>()).unwrap()
    };
    let all = text(&bench.tools);
    assert!(all.len() <= DEFINITIONS_LIMIT, "all definitions have {} bytes", all.len());
    assert_eq!(all, text(&Bench::new().tools));
    for definition in bench.tools.definitions() {
        jsonschema::meta::validate(&definition.parameters).unwrap();
        assert_eq!(definition.parameters["type"], "object", "{}", definition.name);
        let properties = definition.parameters["properties"].as_object().unwrap();
        for required in definition.parameters["required"].as_array().into_iter().flatten() {
            assert!(properties.contains_key(required.as_str().unwrap()), "{}: {required}", definition.name);
        }
    }
}

#[test]
fn no_call_has_a_greater_effect_than_its_row_says() {
    let bench = Bench::new();
    for (tool, row) in bench.tools.iter().zip(TOOLS) {
        for args in [json!({}), json!({"action": "list"}), json!({"action": "kill"}), json!({"action": 7})] {
            let effect = tool.effect(&args);
            assert!(effect == row.effect || effect == Effect::Read, "{} {args}: {effect:?}", row.id);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_an_aborted_turn_changes_nothing_and_returns_soon() {
    let calls = [
        ("read", json!({"path": "f"})),
        ("write", json!({"path": "new", "content": "x"})),
        ("edit", json!({"path": "f", "edits": [{"oldText": "text", "newText": "x"}]})),
        ("apply_patch", json!({"input": "*** Begin Patch\n*** Delete File: f\n*** End Patch"})),
        ("ls", json!({})),
        ("find", json!({"pattern": "*"})),
        ("grep", json!({"pattern": "t"})),
        ("exec", json!({"command": "touch new; sleep 60"})),
        ("process", json!({"action": "list"})),
        ("web_fetch", json!({"url": "http://192.0.2.1/"})),
        ("session_status", json!({})),
        ("cron", json!({"action": "list"})),
    ];
    assert_eq!(calls.len(), TOOLS.len(), "a new tool needs a row here");
    for (name, args) in calls {
        let bench = Bench::new();
        bench.write("f", "text");
        let context = bench.context();
        context.cancel.cancel();
        let started = Instant::now();
        let result = bench.tool(name).call(args, context).await;
        assert!(matches!(result, Err(ToolError::Aborted)), "{name}: {result:?}");
        assert!(started.elapsed() < ABORT_LIMIT, "{name} took {:?}", started.elapsed());
        assert_eq!(bench.text_of("f"), "text", "{name}");
        assert!(!bench.folder.path().join("new").exists(), "{name}");
    }
}

/// Any JSON, leaning towards the names and kinds that tools look for.
fn any_args() -> impl Strategy<Value = Value> {
    let text = prop_oneof![
        Just(String::new()),
        Just(".".into()),
        Just("..".into()),
        Just("f".into()),
        Just("\0".into()),
        Just("~/x".into()),
        Just("(".into()),
        Just("[".into()),
        Just("list".into()),
        Just("poll".into()),
        Just("*** Begin Patch\n*** Update File: f\n@@\n-a\n*** End Patch".into()),
        Just("http://[".into()),
        ".{0,12}",
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        text.prop_map(Value::from)
    ];
    let value = leaf.prop_recursive(2, 8, 3, |inner| {
        let name = prop_oneof![Just("oldText".to_owned()), Just("newText".to_owned()), "[a-z]{1,3}".boxed()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            prop::collection::vec((name, inner), 0..3).prop_map(|pairs| pairs.into_iter().collect()),
        ]
    });
    let name = prop::sample::select(vec![
        "path",
        "offset",
        "limit",
        "content",
        "edits",
        "oldText",
        "newText",
        "input",
        "pattern",
        "glob",
        "context",
        "literal",
        "ignoreCase",
        "workdir",
        "env",
        "timeout",
        "yieldMs",
        "background",
        "pty",
        "action",
        "sessionId",
        "data",
        "keys",
        "url",
        "maxChars",
        "extractMode",
    ]);
    prop::collection::vec((name, value), 0..6)
        .prop_map(|pairs| pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// `exec` never gets a command here, and `web_fetch` only addresses that it refuses or can't reach before the abort.
    #[test]
    fn wrong_arguments_never_panic(args in any_args()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let bench = Bench::with(r#"{"fs": {"workspaceOnly": true}}"#);
            bench.write("f", "a\nb\n");
            for tool in bench.tools.iter() {
                let context = bench.context();
                let cancel = context.cancel.clone();
                let name = &tool.definition().name;
                let call = tool.call(args.clone(), context);
                let abort = async {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    cancel.cancel();
                    std::future::pending::<()>().await;
                };
                tokio::select! {
                    result = call => if let Err(ToolError::ToModel(text) | ToolError::FromOutside { text, .. }) = result {
                        assert!(!text.contains("failed inside"), "{name}: {text}");
                    },
                    () = abort => {}
                }
            }
        });
    }
}

#[tokio::test]
async fn files_are_written_read_edited_and_searched() {
    let bench = Bench::new();
    assert_eq!(
        bench.call("write", json!({"path": "a/b.txt", "content": "one\ntwo\nthree\n"})).await,
        "Wrote 14 bytes (3 lines) to a/b.txt."
    );
    assert_eq!(
        bench.call("read", json!({"file_path": "a/b.txt", "offset": "2", "limit": 1.0})).await,
        "two\n\n[Lines 2 to 2; the file goes on. Continue with offset=3.]"
    );
    assert_eq!(
        bench.call("edit", json!({"path": "a/b.txt", "old_string": "two", "new_string": "2"})).await,
        "Replaced the text at line 2 in a/b.txt."
    );
    assert_eq!(bench.text_of("a/b.txt"), "one\n2\nthree\n");
    assert_eq!(bench.call("ls", json!({})).await, "a/");
    bench.write(".gitignore", "*.log\n");
    bench.write("x.log", "three");
    bench.write(".chela/.env", "three=secret");
    assert_eq!(bench.call("find", json!({"pattern": "*.txt"})).await, "a/b.txt");
    assert_eq!(bench.call("find", json!({"pattern": "*"})).await, ".gitignore\na/\na/b.txt");
    assert_eq!(
        bench.call("find", json!({"pattern": "*", "limit": 1})).await,
        ".gitignore\n[The first 1; there are more. Narrow the pattern or the path.]"
    );
    assert_eq!(bench.call("grep", json!({"pattern": "^thr", "context": 1})).await, "a/b.txt-2- 2\na/b.txt:3: three");
    assert_eq!(bench.call("grep", json!({"pattern": "(", "literal": true})).await, "[No match.]");
    assert_eq!(
        bench.call("grep", json!({"pattern": "ONE$", "ignoreCase": true, "path": "a/b.txt"})).await,
        "a/b.txt:1: one"
    );
}

#[tokio::test]
async fn refusals_name_the_thing_and_the_next_step() {
    let bench = Bench::new();
    bench.write("bin", b"\x7fELF\0\0");
    bench.write("f", "x\nx\n");
    for (name, args, part) in [
        ("read", json!({"path": "none"}), "`none` does not exist. Use ls or find"),
        ("read", json!({"path": "bin"}), "binary file"),
        ("read", json!({"path": "."}), "is a directory; use ls"),
        ("read", json!({"path": "/dev/zero"}), "neither a file nor a directory"),
        ("read", json!({}), "missing field `path`"),
        ("write", json!({"path": ".", "content": ""}), "is a directory"),
        ("write", json!({"path": "f/g", "content": ""}), "is a file, not a directory"),
        (
            "edit",
            json!({"path": "f", "edits": [{"oldText": "x", "newText": "y"}]}),
            "f is unchanged: an oldText occurs more than once, at lines 1, 2.",
        ),
        ("edit", json!({"path": "f"}), "edit needs `edits`"),
        ("ls", json!({"path": "f"}), "is a file, not a directory"),
        ("find", json!({"pattern": "["}), "Wrong glob"),
        ("grep", json!({"pattern": "("}), "Wrong regular expression"),
        ("grep", json!({"pattern": "x", "path": "none"}), "does not exist"),
        ("exec", json!({"command": " "}), "The command is empty"),
        ("exec", json!({"command": "true", "workdir": "none"}), "is not a directory"),
        ("process", json!({"action": "poll"}), "needs a sessionId"),
        ("process", json!({"action": "poll", "sessionId": "x"}), "There is no command `x`"),
    ] {
        let text = bench.refused(name, args.clone()).await;
        assert!(text.contains(part), "{name} {args}: {text}");
    }
}

#[tokio::test]
async fn images_come_as_media() {
    let bench = Bench::new();
    bench.write("p.txt", b"\x89PNG\r\n\x1a\nrest");
    let output = bench.try_call("read", json!({"path": "p.txt"})).await.unwrap();
    assert_eq!(output.text, "Read `p.txt` (image/png, 12 bytes).");
    assert_eq!((output.media[0].mime.as_str(), output.media[0].data.as_str()), ("image/png", "iVBORw0KGgpyZXN0"));
    bench.write("big.png", [b"\x89PNG\r\n\x1a\n".as_slice(), &vec![1; 4_000_000]].concat());
    assert!(bench.refused("read", json!({"path": "big.png"})).await.contains("larger than"));
}

#[tokio::test]
async fn the_session_status_says_what_the_snapshot_holds() {
    let bench = Bench::new();
    let status = SessionStatus {
        model: "a/b".into(),
        context_window: 200,
        context_tokens: 50,
        now_ms: 1_800_000_000_000,
        ..SessionStatus::default()
    };
    let context = ToolContext { status: Arc::new(status), ..bench.context() };
    let text = bench.tool("session_status").call(json!({}), context).await.unwrap().text;
    assert!(text.starts_with("Time: Friday 2027-01-15 08:00:00 UTC\nSession: agent:main:main"), "{text}");
    assert!(text.contains("Model: a/b\nContext: 50 of 200 tokens (25 %)"), "{text}");
}
