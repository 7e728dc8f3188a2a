//! A patch over files: first everything is worked out in memory, then all of it is put in place, or nothing.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use chela_agent::{Missing, ToolError};

use super::hunks;
use super::parse::Operation;
use crate::args::refuse;
use crate::files::{Access, Judge, Spot, Staged, describe, open, read_text};

/// The files after a patch, worked out but not written.
pub(crate) struct Plan<'a> {
    judge: &'a Judge,
    changes: BTreeMap<PathBuf, Change>,
    /// One line for each operation.
    summary: Vec<String>,
}

/// One file of a plan.
struct Change {
    /// The path as the model wrote it.
    written: String,
    /// `None`: the file is gone afterwards.
    after: Option<String>,
    /// The file whose mode the new one takes.
    like: PathBuf,
}

impl<'a> Plan<'a> {
    pub(crate) fn new(judge: &'a Judge, operations: Vec<Operation>) -> Result<Self, ToolError> {
        let mut plan = Self { judge, changes: BTreeMap::new(), summary: Vec::new() };
        for operation in operations {
            plan.take(operation)?;
        }
        Ok(plan)
    }

    /// Puts everything in place. After an error, the files are as they were.
    pub(crate) fn commit(self) -> Result<Vec<String>, ToolError> {
        let mut staged = Vec::new();
        for (path, change) in &self.changes {
            if let Some(text) = &change.after {
                let stage = Staged::new(path, &change.like, text.as_bytes())
                    .map_err(|error| describe(&change.written, &error))?;
                staged.push((stage, change));
            }
        }
        let mut undo = Undo::default();
        for (path, change) in &self.changes {
            undo.keep(path, change).map_err(|error| describe(&change.written, &error))?;
        }
        for (stage, change) in staged {
            let spot = stage.commit().map_err(|error| describe(&change.written, &error))?;
            undo.created.push(spot);
        }
        undo.forget();
        Ok(self.summary)
    }

    fn take(&mut self, operation: Operation) -> Result<(), ToolError> {
        match operation {
            Operation::Add { path, text } => {
                let place = self.free_place(&path)?;
                self.summary.push(format!("A {path}"));
                self.set(place.clone(), path, Some(text), place);
            }
            Operation::Delete { path } => {
                let place = self.judge.resolve(&path, Access::Write)?;
                self.check_present(&path, &place)?;
                self.summary.push(format!("D {path}"));
                self.set(place.clone(), path, None, place);
            }
            Operation::Update { path, move_to, hunks } => {
                let place = self.judge.resolve(&path, Access::Write)?;
                let before = self.text(&path, &place)?;
                let after = hunks::apply(&before, &hunks).map_err(|reason| refuse(format!("`{path}`, {reason}")))?;
                let Some(target) = move_to else {
                    self.summary.push(format!("M {path}"));
                    self.set(place.clone(), path, Some(after), place);
                    return Ok(());
                };
                let new_place = self.free_place(&target)?;
                self.summary.push(format!("R {path} -> {target}"));
                self.set(place.clone(), path, None, place.clone());
                self.set(new_place, target, Some(after), place);
            }
        }
        Ok(())
    }

    fn set(&mut self, place: PathBuf, written: String, after: Option<String>, like: PathBuf) {
        self.changes.insert(place, Change { written, after, like });
    }

    fn text(&self, written: &str, place: &Path) -> Result<String, ToolError> {
        match self.changes.get(place) {
            None => read_text(written, place),
            Some(Change { after: Some(text), .. }) => Ok(text.clone()),
            Some(Change { after: None, .. }) => Err(describe(written, &io::ErrorKind::NotFound.into())),
        }
    }

    fn check_present(&self, written: &str, place: &Path) -> Result<(), ToolError> {
        if self.changes.contains_key(place) {
            self.text(written, place).map(drop)
        } else {
            open(written, place).map(drop)
        }
    }

    fn free_place(&self, written: &str) -> Result<PathBuf, ToolError> {
        let place = self.judge.resolve(written, Access::Write)?;
        let is_taken = match self.changes.get(&place) {
            Some(change) => change.after.is_some(),
            None => fs::symlink_metadata(&place).is_ok(),
        };
        if is_taken {
            return Err(refuse(format!(
                "`{written}` exists already. Use `*** Update File: `, or delete it in the same patch."
            )));
        }
        Ok(place)
    }
}

/// The way back. Dropped without [`Undo::forget`], it goes it.
#[derive(Default)]
struct Undo {
    /// Places, and the name under which each one's file is kept meanwhile.
    aside: Vec<(Spot, OsString)>,
    created: Vec<Arc<Spot>>,
}

impl Undo {
    /// Keeps the file, if there is one, by a second name in the same folder until the patch is through. A file that will be
    /// replaced stays in its place too, so that nobody sees it missing.
    fn keep(&mut self, path: &Path, change: &Change) -> io::Result<()> {
        let spot = Spot::of(path, Missing::Fail)?;
        if !spot.is_taken() {
            return Ok(());
        }
        let aside = if change.after.is_none() { spot.move_aside()? } else { spot.keep_aside()? };
        self.aside.push((spot, aside));
        Ok(())
    }

    fn forget(mut self) {
        self.created.clear();
        for (spot, aside) in self.aside.drain(..) {
            spot.forget(&aside);
        }
    }
}

impl Drop for Undo {
    fn drop(&mut self) {
        for spot in self.created.drain(..) {
            spot.remove();
        }
        for (spot, aside) in self.aside.drain(..).rev() {
            spot.put_back(&aside);
        }
    }
}
