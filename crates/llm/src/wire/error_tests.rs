//! Errors as the vendors' public documentation and their servers word them.

use reqwest::header::{HeaderMap, HeaderValue};

use super::*;

fn kind(status: u16, body: &str) -> LlmErrorKind {
    of_response(status, &HeaderMap::new(), body.as_bytes()).kind
}

fn name(kind: &LlmErrorKind) -> String {
    let debug = format!("{kind:?}");
    debug.split(['(', ' ', '{']).next().unwrap_or_default().to_owned()
}

#[test]
fn every_vendors_wording_has_its_class() {
    for (expected, status, body) in [
        (
            "Billing",
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the API."}}"#,
        ),
        (
            "Billing",
            429,
            r#"{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}"#,
        ),
        (
            "Billing",
            402,
            r#"{"error":{"message":"Insufficient Balance","type":"unknown_error","code":"invalid_request_error"}}"#,
        ),
        (
            "Unauthorized",
            400,
            r#"{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}"#,
        ),
        ("Unauthorized", 403, r#"{"error":{"type":"permission_error","message":"no"}}"#),
        ("UnknownModel", 404, r#"{"type":"error","error":{"type":"not_found_error","message":"model: claude-x"}}"#),
        ("UnknownModel", 400, r#"{"error":{"message":"foo/bar is not a valid model ID","code":400}}"#),
        ("UnknownModel", 400, r#"{"error":{"message":"Invalid model name passed in model=x","code":"400"}}"#),
        (
            "RateLimited",
            500,
            "data: {\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}\n\ndata: [DONE]\n\n",
        ),
        (
            "ContextLength",
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        ),
        (
            "ContextLength",
            400,
            r#"{"error":{"message":"the request exceeds the available context size","type":"exceed_context_size_error","code":400}}"#,
        ),
        (
            "ContextLength",
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens.","code":400}"#,
        ),
        ("RateLimited", 429, r#"[{"error":{"code":429,"message":"Quota exceeded","status":"RESOURCE_EXHAUSTED"}}]"#),
        ("Overloaded", 529, r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        ("Overloaded", 503, r#"{"error":{"code":503,"message":"The model is overloaded.","status":"UNAVAILABLE"}}"#),
        ("Server", 500, r#"{"type":"error","error":{"type":"api_error","message":"Internal server error"}}"#),
        ("Server", 502, "<html>Bad Gateway</html>"),
        ("Server", 408, ""),
        ("InvalidRequest", 422, r#"{"detail":[{"loc":["body","x"],"msg":"extra fields not permitted"}]}"#),
        ("InvalidRequest", 400, r#"{"error":"json: cannot unmarshal"}"#),
    ] {
        assert_eq!(name(&kind(status, body)), expected, "{status} {body}");
    }
}

#[test]
fn an_error_in_a_stream_has_no_status() {
    for (expected, body) in [
        ("Overloaded", r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#),
        ("RateLimited", r#"{"type":"error","code":"rate_limit_exceeded","message":"Slow"}"#),
        ("Server", r#"{"code":"server_error","message":"The server had an error"}"#),
        ("Server", r#"{"error":{"code":502,"message":"Provider returned error"}}"#),
        ("InvalidRequest", r#"{"code":"invalid_prompt","message":"Invalid prompt"}"#),
        ("ContextLength", r#"{"code":"context_length_exceeded","message":"Your input exceeds"}"#),
        ("Server", "null"),
    ] {
        let body = serde_json::from_str(body).expect("JSON");
        assert_eq!(name(&in_stream(&body)), expected, "{body}");
    }
}

#[test]
fn messages_are_found_wherever_they_stand() {
    for (body, expected) in [
        (r#"{"error":{"message":"a"}}"#, "a"),
        (r#"{"error":"b"}"#, "b"),
        (r#"{"detail":"c"}"#, "c"),
        ("plain words\n", "plain words"),
        ("", "HTTP 418"),
    ] {
        assert_eq!(kind(418, body), LlmErrorKind::InvalidRequest { message: expected.into() });
    }
    let LlmErrorKind::Server { message } = kind(500, &"é".repeat(2000)) else { panic!("a server's error") };
    assert_eq!(message.chars().count(), MAX_MESSAGE_CHARS + 1);
}

#[test]
fn the_wish_for_a_pause_is_read_in_every_form() {
    let wish = |name: &'static str, value: &str| {
        let headers =
            HeaderMap::from_iter([(name.parse().expect("a name"), HeaderValue::from_str(value).expect("a value"))]);
        match of_response(429, &headers, b"{}").kind {
            LlmErrorKind::RateLimited { retry_after, .. } => retry_after,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(wish("retry-after", "7"), Some(Duration::from_secs(7)));
    assert_eq!(wish("retry-after", "0.5"), Some(Duration::from_millis(500)));
    assert_eq!(wish("retry-after-ms", "250"), Some(Duration::from_millis(250)));
    assert_eq!(wish("retry-after", "Wed, 21 Oct 2015 07:28:00 GMT"), Some(Duration::ZERO));
    assert_eq!(wish("retry-after", "99999999"), Some(MAX_RETRY_AFTER));
    for nonsense in ["-1", "soon", "inf", "NaN"] {
        assert_eq!(wish("retry-after", nonsense), None, "{nonsense}");
    }
    let google = br#"{"error":{"code":429,"message":"q","status":"RESOURCE_EXHAUSTED","details":[{"@type":"x"},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"34s"}]}}"#;
    let failure = of_response(429, &HeaderMap::new(), google);
    assert!(
        matches!(failure.kind, LlmErrorKind::RateLimited { retry_after: Some(after), .. } if after.as_secs() == 34)
    );
}

#[test]
fn a_whole_body_under_a_good_status_is_an_error() {
    let limited = br#"{"error":{"message":"slow down","code":"rate_limit_exceeded"}}"#;
    assert_eq!(name(&of_unstreamed(limited)), "RateLimited");
    assert_eq!(name(&of_unstreamed(br#"{"choices":[],"error":null}"#)), "Protocol");
    assert_eq!(name(&of_unstreamed(b"{")), "Protocol");
}
