//! What worked and what did not, a line each as it happens.

use anyhow::{Result, bail};

/// Counts for the end.
#[derive(Debug, Default)]
pub(crate) struct Report {
    passed: usize,
    failed: usize,
}

impl Report {
    /// One thing that a client did; `fault` is what was wrong with it.
    pub(crate) fn add(&mut self, client: &str, what: &str, fault: Option<&str>) {
        match fault {
            None => {
                self.passed += 1;
                println!("PASS  {client}: {what}");
            }
            Some(fault) => {
                self.failed += 1;
                println!("FAIL  {client}: {what}");
                for line in fault.lines() {
                    println!("      {line}");
                }
            }
        }
    }

    /// What can't be tried here.
    pub(crate) fn skipped(client: &str, why: &str) {
        println!("SKIP  {client}: {why}");
    }

    /// The value, or a failure in the name of a client that could not be had.
    pub(crate) fn or_missing<T>(&mut self, client: &str, value: Result<T>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(error) => {
                self.add(client, "is installed", Some(&format!("{error:#}")));
                None
            }
        }
    }

    /// What the fakes found wrong with what our gateway sent them.
    pub(crate) fn faults(&mut self, client: &str, faults: &[String]) {
        let fault = faults.join("\n");
        self.add(client, "models and channels are spoken to by their rules", (!fault.is_empty()).then_some(&fault));
    }

    /// The sum; an error when something failed.
    pub(crate) fn end(self) -> Result<()> {
        println!("{} passed, {} failed", self.passed, self.failed);
        if self.failed > 0 {
            bail!("{} of {} did not work", self.failed, self.failed + self.passed);
        }
        Ok(())
    }
}
