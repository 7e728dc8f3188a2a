//! What a turn costs in prompt, and that the prefix stays what it is (G27).

use std::sync::Arc;

use chela_agent::{ItemBody, NoteBody, NoteKind, SkillIndex, SkillSources, SkillsConfig, UserBody};
use chela_config::Environment;
use chela_llm::{Block, Request};
use chela_protocol::RunId;
use chela_store::NewItem;
use serde_json::json;

use crate::support::{House, profile, results_so_far, session, text, tools_after};

/// The request as a vendor's cache sees it: system prompt, tools, then the messages in order.
pub(crate) fn bytes(request: &Request) -> String {
    let system: Vec<_> = request.system.iter().map(|block| block.text.as_str()).collect();
    let tools: Vec<_> =
        request.tools.iter().map(|tool| format!("{}{}{}", tool.name, tool.description, tool.parameters)).collect();
    let blocks: Vec<_> = request
        .messages
        .iter()
        .flat_map(|message| message.blocks.iter().map(|block| serde_json::to_string(block).unwrap()))
        .collect();
    [system.concat(), tools.concat(), blocks.concat()].concat()
}

fn common_prefix(one: &str, other: &str) -> usize {
    one.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count()
}

#[tokio::test]
async fn g27_prefix_is_byte_identical_over_a_replay_of_20_turns() {
    let house = House::new(|request| match results_so_far(request) {
        0 => tools_after(
            "Let me look.",
            &[(format!("c{}", request.messages.len()).as_str(), "look", json!({"n": request.messages.len()}))],
        ),
        _ => text("That is what I found."),
    });
    for turn in 0..20 {
        house.say(&format!("question number {turn}")).await;
        house.world.clock.advance_ms(3_600_000);
    }
    let requests: Vec<_> = house.requests().iter().map(bytes).collect();
    assert_eq!(requests.len(), 40);
    let (mut sent, mut cached) = (0, 0);
    for pair in requests.windows(2) {
        assert!(pair[1].starts_with(&pair[0]), "each request begins with all of the one before");
        sent += pair[1].len();
        cached += common_prefix(&pair[0], &pair[1]);
    }
    assert!(cached * 100 >= sent * 90, "{cached} of {sent} bytes can be read from a cache");
}

#[tokio::test]
async fn g27_the_prefix_changes_only_with_the_workspace() {
    let house = House::new(|_| text("ok"));
    house.say("one").await;
    house.say("two").await;
    std::fs::write(house.world.profile.workspace.join("SOUL.md"), "Be a pirate.").unwrap();
    house.say("three").await;
    let requests = house.requests();
    assert_eq!((&requests[0].system, &requests[0].tools), (&requests[1].system, &requests[1].tools));
    assert!(requests[2].system[0].text.contains("Be a pirate."));
    assert!(requests[0].system[0].cache);
    assert_eq!(requests[0].cache_key, requests[2].cache_key);
}

#[tokio::test]
async fn g27_first_hi_costs_little() {
    // The tools' own definitions are measured where they are, and held to 4,500 bytes: 8,500 of the 10,000 in all.
    const OURS_MAX_BYTES: usize = 4_000;
    let mut house = House::new(|_| text("hello"));
    let profile = profile(house.dir.path(), json!({}));
    let environment = Environment::from_pairs([("PATH", "/usr/bin:/bin")]);
    let config = SkillsConfig::default();
    let sources = SkillSources {
        profile: &profile,
        state_dir: house.dir.path(),
        home: None,
        config: &config,
        environment: &environment,
    };
    house.world.skills = SkillIndex::load(sources).into();
    house.world.tools = chela_agent::ToolSet::default();
    house.say("hi").await;
    let request = &house.requests()[0];
    assert!(bytes(request).len() <= OURS_MAX_BYTES, "{} bytes:\n{}", bytes(request).len(), request.system[0].text);
    for file in ["AGENTS.md", "SOUL.md", "IDENTITY.md", "USER.md", "BOOTSTRAP.md"] {
        assert!(request.system[0].text.contains(&format!("<file name=\"{file}\">")), "{file}");
    }
}

#[tokio::test]
async fn the_day_is_told_once_a_day() {
    let house = House::new(|_| text("ok"));
    house.say("one").await;
    house.say("two").await;
    house.world.clock.advance_ms(24 * 3_600_000);
    house.say("three").await;
    let last = house.requests().pop().unwrap();
    let texts = last.messages.iter().flat_map(|message| &message.blocks).filter_map(|block| match block {
        Block::Text { text } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<_> = texts.collect();
    assert_eq!(
        texts,
        ["one\n\n[today is Wednesday, 2026-11-18]", "ok", "two", "ok", "three\n\n[today is Thursday, 2026-11-19]"]
    );
}

#[tokio::test]
async fn g04_a_turn_reads_no_more_of_a_long_history_than_fits() {
    const OLD_TURNS: usize = 4_000;
    let mut house = House::new(|_| text("ok"));
    house.world.profile = Arc::new(profile(
        house.dir.path(),
        json!({"defaults": {
            "contextTokens": 12_000, "compaction": {"enabled": false}, "contextPruning": {"mode": "off"}}}),
    ));
    house.say("hi").await;
    let session = house.world.store.session(&session()).await.unwrap().unwrap();
    let old = (0..OLD_TURNS).flat_map(|turn| {
        let said = |text: String| NoteBody { text, kind: NoteKind::Injected };
        let asked = UserBody { text: format!("{turn}: {}", "some words ".repeat(60)), ..UserBody::default() };
        let bodies = [ItemBody::User(asked), ItemBody::Note(said("ok".to_owned()))];
        let run = RunId::new(format!("old-{turn}"));
        bodies.into_iter().enumerate().map(move |(place, body)| {
            let item = body.into_item(format!("old-{turn}-{place}").into(), Some(&run), 0);
            // What is found is no matter here, and indexing it takes longer than all else.
            NewItem { text: String::new(), ..item }
        })
    });
    house.world.store.append(&session.id, old.collect()).await.unwrap();
    let before = house.world.store.items_read();

    house.say("and now?").await;

    let read = house.world.store.items_read() - before;
    let sent = house.requests().pop().unwrap().messages.len() as u64;
    assert!((10..150).contains(&sent), "{sent} messages were sent");
    assert!(read <= sent * 2 + 2, "{read} items were read of {OLD_TURNS} turns for {sent} messages");
}

#[tokio::test]
async fn old_turns_go_in_chunks_so_that_the_prefix_holds() {
    let mut house = House::new(|_| text("ok"));
    house.world.profile = Arc::new(profile(
        house.dir.path(),
        json!({"defaults": {
            "contextTokens": 12_000, "compaction": {"enabled": false}, "contextPruning": {"mode": "off"}}}),
    ));
    for turn in 0..40 {
        house.say(&format!("{turn}: {}", "some words ".repeat(60))).await;
    }
    let requests: Vec<_> = house.requests().iter().map(bytes).collect();
    let kept = requests.windows(2).filter(|pair| pair[1].starts_with(&pair[0])).count();
    assert!((30..39).contains(&kept), "history was cut, but seldom: {kept} of 39 requests extend the one before");
    let longest = requests.iter().map(String::len).max().unwrap();
    assert!(longest < 12_000 * 36 / 10, "{longest} bytes were sent");
}
