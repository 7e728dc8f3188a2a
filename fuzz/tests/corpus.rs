//! Every file of every corpus keeps its target's promise, and so do some inputs that are made of it.

#![allow(clippy::unwrap_used, reason = "a test stops at the first thing that is not as it should be")]

use chela_fuzz::{Mutator, TARGETS, Target, corpus, folder};

/// Made inputs of each target: enough to notice a target that is broken, few enough for every test run.
const MADE: u64 = 100;
/// All corpora together; they are read by people and cloned by everybody.
const CORPORA_MAX_BYTES: usize = 200 * 1024;

fn files(target: &Target) -> Vec<(String, Vec<u8>)> {
    corpus(target).unwrap_or_else(|error| panic!("the corpus of {}: {error}", target.name))
}

#[test]
fn every_corpus_keeps_its_promise() {
    for target in TARGETS {
        let files = files(target);
        assert!(!files.is_empty(), "{} has no corpus", target.name);
        for (name, bytes) in &files {
            eprintln!("{}/{name}", target.name);
            (target.check)(bytes);
        }
        let inputs: Vec<Vec<u8>> = files.into_iter().map(|(_, bytes)| bytes).collect();
        for index in 0..MADE {
            eprintln!("{}: input {index} of seed 1", target.name);
            (target.check)(&Mutator::new(1, index).input(&inputs, target.words));
        }
    }
}

#[test]
fn corpora_are_small_and_belong_to_targets() {
    let bytes: usize = TARGETS.iter().flat_map(files).map(|(_, bytes)| bytes.len()).sum();
    assert!(bytes <= CORPORA_MAX_BYTES, "{bytes}");
    for entry in std::fs::read_dir(folder().join("corpus")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "corpus/{name} belongs to no target");
    }
}
