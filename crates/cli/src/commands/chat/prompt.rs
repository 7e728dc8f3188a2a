//! The line that people type on, with its history.

use std::path::{Path, PathBuf};

use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use crate::failure::Failure;

/// Name of the file of typed lines in the state dir.
const HISTORY_FILE: &str = "chat_history";

/// Lines that are remembered.
const HISTORY_LINES: usize = 1000;

/// What a person typed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Message(String),
    Help,
    Nothing,
    Leave,
}

/// The prompt. The editor travels to a thread and back for every line, so that the connection stays alive meanwhile.
pub(super) struct Prompt {
    editor: Option<DefaultEditor>,
    history: PathBuf,
}

impl Prompt {
    pub(super) fn open(state_dir: &Path) -> Self {
        Self { editor: None, history: state_dir.join(HISTORY_FILE) }
    }

    /// Waits for a line.
    pub(super) async fn read(&mut self) -> Result<Entry, Failure> {
        let mut editor = match self.editor.take() {
            Some(editor) => editor,
            None => self.editor()?,
        };
        let history = self.history.clone();
        let typed = tokio::task::spawn_blocking(move || {
            let line = editor.readline("› ");
            if let Ok(line) = &line
                && !line.trim().is_empty()
                && editor.add_history_entry(line).unwrap_or(false)
            {
                // A history that can't be kept is no reason to stop talking.
                let _ = editor.append_history(&history);
            }
            (editor, line)
        });
        let (editor, line) = typed.await.map_err(|_| Failure::new("terminal", "the prompt broke"))?;
        self.editor = Some(editor);
        match line {
            Ok(line) => Ok(entry(&line)),
            Err(ReadlineError::Eof | ReadlineError::Interrupted) => Ok(Entry::Leave),
            Err(error) => Err(Failure::new("terminal", format!("can't read the keyboard: {error}"))),
        }
    }

    fn editor(&self) -> Result<DefaultEditor, Failure> {
        let config = rustyline::Config::builder()
            .max_history_size(HISTORY_LINES)
            .and_then(|builder| builder.history_ignore_dups(true))
            .map(rustyline::config::Builder::build);
        let mut editor = config
            .and_then(DefaultEditor::with_config)
            .map_err(|error| Failure::new("terminal", format!("can't use this terminal: {error}")))?;
        // There is none before the first line.
        let _ = editor.load_history(&self.history);
        Ok(editor)
    }
}

fn entry(line: &str) -> Entry {
    match line.trim() {
        "" => Entry::Nothing,
        "/help" | "/?" => Entry::Help,
        "/quit" | "/exit" | "/q" => Entry::Leave,
        message => Entry::Message(message.to_owned()),
    }
}
