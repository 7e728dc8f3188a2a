//! `/v1/embeddings`: texts become vectors by a provider of embeddings.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chela_testkit::model::FakeModel;
use serde_json::{Value, json};

use crate::conversation::{Answer, config, fake_model, house, http};
use crate::support::{Setup, TestGateway};

/// The header that names a model of the fake vendor.
const MINE: &str = "x-openclaw-model: fake/vectors\r\n";

async fn embed(gateway: &TestGateway, body: &Value, headers: &str) -> Answer {
    http(gateway, "POST", "/v1/embeddings", body, headers).await
}

/// A gateway where the fake vendor is called OpenAI.
async fn house_of_openai(model: &FakeModel) -> TestGateway {
    let mut config = config(model);
    let mut provider = config["models"]["providers"]["fake"].clone();
    provider["api"] = json!("openai-responses");
    config["models"]["providers"]["openai"] = provider;
    Setup::default().config(config).start().await
}

#[tokio::test]
async fn texts_become_vectors_in_their_order() {
    let model = fake_model([]).await;
    let gateway = house_of_openai(&model).await;
    let body = json!({ "model": "openclaw/default", "input": ["a", "four"] });
    let answer = embed(&gateway, &body, "").await.json();
    let row = |index: usize, vector: Value| json!({ "object": "embedding", "index": index, "embedding": vector });
    assert_eq!(
        answer,
        json!({
            "object": "list", "data": [row(0, json!([1.0, 0.0, 0.5])), row(1, json!([4.0, 0.0, 0.5]))],
            "model": "openclaw/default", "usage": { "prompt_tokens": 4, "total_tokens": 4 },
        })
    );
    let body = json!({ "model": "chela", "input": "four", "encoding_format": "base64", "dimensions": 2 });
    let packed = embed(&gateway, &body, "x-chela-model: other\r\n").await.json();
    let bytes = STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
    let numbers: Vec<f32> = bytes.chunks_exact(4).map(|four| f32::from_le_bytes(four.try_into().unwrap())).collect();
    assert_eq!(numbers, [4.0, 0.5]);
    let sent: Vec<Value> = model.embeddings().into_iter().map(|asked| asked.body["model"].clone()).collect();
    assert_eq!(sent, ["text-embedding-3-small", "other"]);
    model.assert_clean();
}

#[tokio::test]
async fn without_a_provider_the_error_says_what_to_set() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let body = json!({ "model": "chela", "input": "a" });
    let refused = embed(&gateway, &body, "").await;
    let error = refused.json()["error"].clone();
    assert_eq!((refused.status, &error["type"]), (500, &json!("api_error")));
    assert!(error["message"].as_str().unwrap().contains("no provider of embeddings is configured"), "{error}");
    assert_eq!(embed(&gateway, &body, MINE).await.status, 200, "one that is named is enough");
}

#[tokio::test]
async fn what_can_not_be_embedded_is_refused() {
    let model = fake_model([]).await;
    let gateway = house(&model).await;
    let rows = [
        (json!({ "model": "gpt-4", "input": "a" }), MINE, "Invalid `model`"),
        (json!({ "model": "chela/ghost", "input": "a" }), MINE, "ghost"),
        (json!({ "model": "chela" }), MINE, "`input` must be a string or an array of strings."),
        (json!({ "model": "chela", "input": [1, 2] }), MINE, "`input` must be"),
        (json!({ "model": "chela", "input": [] }), MINE, "`input` must be"),
        (json!({ "model": "chela", "input": vec!["x"; 129] }), MINE, "Too many inputs (max 128)."),
        (json!({ "model": "chela", "input": "x".repeat(65 * 1024) }), MINE, "An input has at most"),
        (json!({ "model": "chela", "input": vec!["x".repeat(60 * 1024); 20] }), MINE, "bytes together"),
        (json!({ "model": "chela", "input": "a", "encoding_format": "hex" }), MINE, "`encoding_format`"),
        (json!({ "model": "chela", "input": "a", "dimensions": 0 }), MINE, "`dimensions`"),
        (json!({ "model": "chela", "input": "a" }), "x-openclaw-model: nobody/x\r\n", "does not allow that embedding"),
        (json!({ "model": "chela", "input": "" }), MINE, "invalid"),
    ];
    for (body, headers, named) in rows {
        let refused = embed(&gateway, &body, headers).await;
        let error = refused.json()["error"].clone();
        assert_eq!((refused.status, &error["type"]), (400, &json!("invalid_request_error")), "{named}: {error}");
        assert!(error["message"].as_str().unwrap().contains(named), "{named}: {error}");
    }
}

#[tokio::test]
async fn it_is_on_where_one_of_the_other_endpoints_is() {
    let model = fake_model([]).await;
    let off = json!({ "enabled": false });
    for (responses, status) in [(json!({}), 200), (off.clone(), 404)] {
        let mut config = config(&model);
        config["gateway"] = json!({ "http": { "endpoints": { "chatCompletions": off, "responses": responses } } });
        let gateway = Setup::default().config(config).start().await;
        assert_eq!(embed(&gateway, &json!({ "model": "chela", "input": "a" }), MINE).await.status, status);
    }
}
