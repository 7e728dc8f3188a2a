//! Which messages of a group are meant for us.

use super::*;

#[test]
fn which_messages_of_a_group_are_meant_for_us() {
    let plain = Mention::default();
    let us = Mention { us: true, others: false };
    let both = Mention { us: true, others: true };
    let others = Mention { us: false, others: true };
    let table = [
        // requireMention, ignoreOtherMentions, /activation, the mention, by name, native, what happens
        (Some(true), None, None, plain, false, false, "overheard"),
        (Some(true), None, None, us, false, false, "answer"),
        (Some(true), None, None, plain, true, false, "answer"),
        (Some(true), None, None, plain, false, true, "answer"),
        (Some(true), None, Some(true), plain, false, false, "answer"),
        (None, None, None, plain, false, false, "overheard"),
        (Some(false), None, None, plain, false, false, "answer"),
        (Some(false), None, None, others, false, false, "answer"),
        (Some(false), None, Some(false), plain, false, false, "overheard"),
        (Some(false), Some(true), None, plain, false, false, "answer"),
        (Some(false), Some(true), None, others, false, false, "ignore"),
        (Some(false), Some(true), None, others, true, false, "answer"),
        (Some(false), Some(true), None, both, false, false, "answer"),
        (Some(false), Some(true), Some(true), others, false, false, "ignore"),
    ];
    for (require_mention, ignore_other_mentions, always_active, mention, called_by_name, native, expected) in table {
        let said = format!(
            "{require_mention:?}, {ignore_other_mentions:?}, {always_active:?}, {mention:?}, {called_by_name}, {native}"
        );
        let server = Place { require_mention, ignore_other_mentions, ..place("server") };
        let rules = AccessRules { places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { mention, is_native_command: native, ..mentioning(FRIEND) };
        let owners = AllowList::default();
        let facts = Facts { called_by_name, always_active, ..facts(&owners) };
        assert_eq!(word(&decide(&rules, facts, &message)), expected, "{said}");
    }
}

#[test]
fn a_text_command_needs_a_mention_like_any_text() {
    let rules = AccessRules { places: Some(vec![place("server")]), ..AccessRules::default() };
    let message = InboundMessage { text: "/stop".to_owned(), mention: Mention::default(), ..mentioning(OWNER) };
    assert_eq!(ask(&rules, &message), "overheard");
}

#[test]
fn by_which_names_we_are_called() {
    let table = [
        // patterns, the agent's name, the text, whether it calls us
        (None, Some("Chela"), "chela, what time is it?", true),
        (None, Some("Chela"), "Ask @CHELA!", true),
        (None, Some("Chela"), "che\u{200b}la?", true),
        (None, Some("Chela"), "Chelation is slow", false),
        (None, Some("Chela"), "write to me@chela", false),
        (None, Some("Claw (v2)"), "hi Claw  (v2)", true),
        (None, Some("Клешня"), "привет, КЛЕШНЯ", true),
        (None, Some("🦀"), "hey🦀", false),
        (None, Some("🦀"), "hey 🦀 you", true),
        (None, Some(" "), "anything", false),
        (None, None, "anything", false),
        (Some(&["crab", "^ok bot"][..]), Some("Chela"), "OK Bot, go", true),
        (Some(&["crab"]), Some("Chela"), "Chela", false),
        (Some(&[]), Some("Chela"), "Chela", false),
    ];
    for (patterns, name, text, expected) in table {
        let (compiled, bad) = MentionPatterns::compile(patterns.map(strings).as_deref(), name);
        assert_eq!(bad, []);
        assert_eq!(compiled.called_by_name(text), expected, "{patterns:?}, {name:?}, {text}");
    }
}

#[test]
fn a_bad_pattern_is_told_and_the_others_work() {
    let patterns = strings(&["(", "", "(?=x)", r"\w{1000}\w{1000}", "crab"]);
    let (compiled, bad) = MentionPatterns::compile(Some(&patterns), None);
    assert!(compiled.called_by_name("Crab!"));
    assert!(!compiled.called_by_name("("));
    assert_eq!(bad.iter().map(|bad| bad.index).collect::<Vec<_>>(), [0, 1, 2, 3]);
    assert_eq!(bad[0].to_string(), "mentionPatterns[0] can't be used: error: unclosed group");
    assert!(bad[3].reason.contains("bytes when compiled"), "{}", bad[3]);
    let (_, bad) = MentionPatterns::compile(Some(&vec!["x".to_owned(); 65]), None);
    assert_eq!(bad.len(), 1);
}
