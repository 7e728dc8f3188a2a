//! The gate over every trust, rule and risk.

use proptest::prelude::*;

use super::*;
use crate::{ToolResultEntry, ToolResultsBody, UntrustedMark, UserBody};

fn said(text: &str, sender_is_owner: bool) -> ItemBody {
    ItemBody::User(UserBody { text: text.into(), sender_is_owner, ..UserBody::default() })
}

fn owner() -> Trust {
    Trust::of([said("do it, see https://example.com/a.", true)])
}

fn tainted() -> Trust {
    let mut trust = owner();
    trust.taint(Provenance::new(Source::Web, "https://evil.example"));
    trust
}

fn stranger() -> Trust {
    Trust::of([said("do it, see https://example.com/a", false)])
}

fn call(risk: Risk, rule: ExecRule) -> CallRisk {
    CallRisk { risk, subject: Subject::Nothing, rule }
}

fn fetch(url: &str) -> CallRisk {
    CallRisk { risk: Risk::Outbound, subject: Subject::Url(url.into()), rule: ExecRule::Auto }
}

const RISKS: [Risk; 4] = [Risk::Exec, Risk::Outbound, Risk::Instructions, Risk::Secret];

#[test]
fn g26_a_tainted_turn_asks_about_every_risk_and_a_trusted_one_about_none() {
    for risk in RISKS {
        assert_eq!(gate(&owner(), &call(risk, ExecRule::Auto)), Gate::Run, "{risk:?}");
        assert_eq!(gate(&tainted(), &call(risk, ExecRule::Auto)), Gate::Ask, "{risk:?}");
        assert_eq!(gate(&stranger(), &call(risk, ExecRule::Auto)), Gate::Ask, "{risk:?}");
    }
    assert_eq!(gate(&stranger(), &CallRisk::none()), Gate::Run);
}

#[test]
fn g36_what_is_the_owners_alone_is_read_unasked_where_nobody_else_hears_it() {
    let memory = call(Risk::Private, ExecRule::Full);
    assert_eq!([gate(&owner(), &memory), gate(&tainted(), &memory)], [Gate::Run, Gate::Run]);
    assert_eq!(gate(&stranger(), &memory), Gate::Ask);
    let mut body = UserBody { text: "go".into(), sender_is_owner: true, ..UserBody::default() };
    body.origin.mentioned = Some(true);
    let mut group = Trust::of([ItemBody::User(body)]);
    assert_eq!(gate(&group, &memory), Gate::Run, "the owner's own wish");
    group.taint(Provenance::new(Source::Web, "https://evil.example"));
    assert_eq!(gate(&group, &memory), Gate::Ask, "a page's");
}

#[test]
fn g23_the_rule_decides_about_commands() {
    use ExecRule::{Allowlist, Ask, AskAlways, Auto, Deny, Full};
    for (rule, trusted, tainted_turn, others) in [
        (Deny, Gate::Refuse, Gate::Refuse, Gate::Refuse),
        (Allowlist, Gate::OnlyListed, Gate::OnlyListed, Gate::OnlyListed),
        (Ask, Gate::Ask, Gate::Ask, Gate::Ask),
        (AskAlways, Gate::AlwaysAsk, Gate::AlwaysAsk, Gate::AlwaysAsk),
        (Auto, Gate::Run, Gate::Ask, Gate::Ask),
        (Full, Gate::Run, Gate::Run, Gate::Ask),
    ] {
        let exec = call(Risk::Exec, rule);
        assert_eq!(
            [gate(&owner(), &exec), gate(&tainted(), &exec), gate(&stranger(), &exec)],
            [trusted, tainted_turn, others],
            "{rule:?}"
        );
    }
}

#[test]
fn g26_only_an_address_that_an_owner_wrote_is_fetched_unasked() {
    assert_eq!(gate(&tainted(), &fetch("https://example.com/a")), Gate::Run);
    for url in [
        "https://example.com/",
        "https://example.com/a?x=secret",
        "https://example.co",
        "https",
        "",
        "https://evil.example",
    ] {
        assert_eq!(gate(&tainted(), &fetch(url)), Gate::Ask, "{url}");
    }
    assert_eq!(gate(&stranger(), &fetch("https://example.com/a")), Gate::Ask, "a stranger's word is no owner's");
    let quote = UserBody {
        text: "[In reply to Mallory: https://evil.example/x]\n\nwhat is this?".into(),
        sender_is_owner: true,
        untrusted: vec![Provenance::new(Source::Quote, "Mallory")],
        ..UserBody::default()
    };
    assert_eq!(gate(&Trust::of([ItemBody::User(quote)]), &fetch("https://evil.example/x")), Gate::Ask);
}

#[test]
fn g26_trust_is_told_by_the_transcript() {
    let result = chela_llm::ToolResult {
        tool_use_id: "a".into(),
        name: "web_fetch".into(),
        text: "x".into(),
        media: Vec::new(),
        is_error: false,
    };
    let mark = UntrustedMark { provenance: Provenance::new(Source::Web, "https://a.example"), mark: "1".into() };
    let entry = ToolResultEntry { result, details: None, untrusted: Some(mark) };
    let trust = Trust::of([said("go", true), ItemBody::ToolResults(ToolResultsBody { results: vec![entry] })]);
    assert!(trust.is_tainted());
    assert_eq!(trust.reason().unwrap(), "this turn has read a web page (https://a.example)");
    assert_eq!(Trust::of([said("go", true), said("now this", false)]).speaker(), Speaker::Other);
    assert!(!owner().is_tainted());
}

proptest! {
    /// However a turn goes on, what was asked about before is still asked about: taint never leaves.
    #[test]
    fn g26_taint_never_goes_away(later in proptest::collection::vec(any::<bool>(), 0..20)) {
        let mut trust = tainted();
        for is_owner in later {
            trust.take_in(&said("go on", is_owner));
        }
        for risk in RISKS {
            prop_assert_ne!(gate(&trust, &call(risk, ExecRule::Auto)), Gate::Run);
        }
    }
}
