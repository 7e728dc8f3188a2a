//! The bodies of what we send, and what Discord's refusals mean.

use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::{HeaderValue, RETRY_AFTER};
use serde_json::{Value, json};

use crate::discord::api::Failure;
use crate::discord::failure::{Doing, explain, unserved};
use crate::discord::outgoing;
use crate::outbound::{Button, OutboundPart, PartKey, SendErrorKind};
use crate::render::Rendered;
use crate::{MessageId, OutboundMedia};

fn part(markup: &str) -> OutboundPart {
    OutboundPart {
        key: PartKey { run: "run".into(), part: 0 },
        chat: "20".into(),
        content: Rendered { markup: markup.into(), plain: markup.into() },
        media: None,
        reply_to: None,
        via: None,
        buttons: Vec::new(),
        silent: false,
        link_preview: true,
    }
}

#[test]
fn a_message_names_itself_and_calls_nobody_at_large() {
    let body = outgoing::create(&part("**hi** @everyone"));
    let expected = json!({
        "content": "**hi** @everyone",
        "allowed_mentions": { "parse": ["users"], "replied_user": true },
        "nonce": body["nonce"],
        "enforce_nonce": true,
    });
    assert_eq!(body, expected);
    assert!(body["nonce"].as_str().is_some_and(|nonce| (1..=25).contains(&nonce.len())));
    assert_eq!(body["nonce"], outgoing::create(&part("the same part, rendered anew"))["nonce"]);
    let elsewhere = outgoing::create(&OutboundPart { chat: "21".into(), ..part("**hi** @everyone") });
    assert_ne!(body["nonce"], elsewhere["nonce"]);
}

#[test]
fn replies_silence_previews_and_files_stand_in_the_body() {
    let media = OutboundMedia { path: "a.png".into(), name: "a.png".into(), mime: "image/png".into(), voice: false };
    let body = outgoing::create(&OutboundPart {
        reply_to: Some(MessageId("5".into())),
        silent: true,
        link_preview: false,
        media: Some(media),
        ..part("x")
    });
    assert_eq!(body["message_reference"], json!({ "message_id": "5", "fail_if_not_exists": false }));
    assert_eq!((&body["flags"], &body["attachments"]), (&json!(4 | 4096), &json!([{ "id": 0, "filename": "a.png" }])));
}

#[test]
fn text_without_markup_shows_as_it_is() {
    let content = Rendered { markup: String::new(), plain: "a_b *c* `d`".into() };
    let body = outgoing::create(&OutboundPart { content, ..part("") });
    assert_eq!(body["content"], r"a\_b \*c\* \`d\`");
}

#[test]
fn buttons_that_discord_would_refuse_are_left_out() {
    let button = |command: &str| Button { label: command.chars().take(3).collect(), command: command.into() };
    let wide: Vec<Button> = (0..7).map(|n| button(&format!("/{n}"))).collect();
    let long = format!("/{}", "x".repeat(100));
    let rows = vec![vec![button("/a"), button("/a"), button(&long)], wide, vec![], vec![button("/z")]];
    let body = outgoing::edit(&OutboundPart { buttons: rows, ..part("x") });
    let ids: Vec<Vec<&str>> = body["components"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| {
            row["components"]
                .as_array()
                .expect("buttons")
                .iter()
                .filter_map(|button| button["custom_id"].as_str())
                .collect()
        })
        .collect();
    assert_eq!(ids, [vec!["/a"], vec!["/0", "/1", "/2", "/3", "/4"], vec!["/5", "/6"], vec!["/z"]]);
    assert_eq!(outgoing::edit(&part("x"))["components"], Value::Array(vec![]));
}

#[test]
fn refusals_have_a_class_and_a_next_step() {
    let refused = |code| Failure::Refused { status: 403, code, words: "no".into() };
    let cases = [
        (refused(50_013), SendErrorKind::Refused, "grant it \"Send Messages\""),
        (refused(50_001), SendErrorKind::Refused, "can't see #general; grant it \"View Channel\""),
        (refused(50_007), SendErrorKind::Refused, "share a server"),
        (refused(10_003), SendErrorKind::Refused, "does not exist"),
        (refused(10_008), SendErrorKind::Gone, "is gone"),
        (refused(50_035), SendErrorKind::Refused, "malformed: no"),
        (refused(1), SendErrorKind::Refused, "no (status 403, code 1)"),
        (Failure::Unauthorized, SendErrorKind::Auth, "reset it on the page \"Bot\""),
        (Failure::NotSent("off".into()), SendErrorKind::Unreachable, "off"),
        (Failure::Unknown("late".into()), SendErrorKind::Unknown, "late"),
    ];
    for (failure, kind, words) in cases {
        let error = explain(failure, "#general", Doing::Send);
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(words), "{error}");
    }
    let after = Duration::from_secs(7);
    assert_eq!(explain(Failure::RateLimited { after }, "x", Doing::Send).kind, SendErrorKind::RateLimited { after });
}

#[test]
fn a_file_server_that_is_busy_or_ill_has_the_file_yet() {
    let after = |seconds| SendErrorKind::RateLimited { after: Duration::from_secs(seconds) };
    let cases = [
        (429, Some("7"), after(7)),
        (429, None, after(1)),
        (429, Some("1e9"), after(3600)),
        (408, None, SendErrorKind::Unreachable),
        (503, None, SendErrorKind::Unreachable),
        (404, None, SendErrorKind::Gone),
        (403, None, SendErrorKind::Gone),
    ];
    for (status, pause, kind) in cases {
        let told = pause.map(|pause| (RETRY_AFTER, HeaderValue::from_static(pause)));
        let error = unserved(StatusCode::from_u16(status).expect("a status"), &told.into_iter().collect());
        assert_eq!(error.kind, kind, "{error}");
    }
}
