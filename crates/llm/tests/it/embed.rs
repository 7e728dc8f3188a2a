//! Texts become vectors, in their order, by the provider that was named or the first that embeds.

use chela_config::Environment;
use chela_llm::{EmbedError, EmbedOrder, LlmErrorKind, ModelRef};
use chela_testkit::FakeModel;
use serde_json::{Value, json};

use crate::support::{KEY, build};

fn order(texts: &[&str], model: Option<&str>) -> EmbedOrder {
    let model = model.map(|name| name.parse::<ModelRef>().expect("a model is named"));
    EmbedOrder { texts: texts.iter().map(|text| (*text).to_owned()).collect(), model, dimensions: None }
}

fn providers(name: &str, fake: &FakeModel) -> Value {
    json!({ "providers": { name: { "baseUrl": fake.url(), "apiKey": KEY, "models": [{ "id": "m" }] } } })
}

#[tokio::test]
async fn the_vendor_with_a_key_embeds() {
    let fake = FakeModel::start([]).await;
    let (models, _) = build(providers("openai", &fake), &Environment::default());
    let embedded = models.embed(&order(&["a", "four"], None)).await.unwrap();
    assert_eq!(embedded.model.to_string(), "openai/text-embedding-3-small");
    assert_eq!((embedded.vectors, embedded.tokens), (vec![vec![1.0, 0.0, 0.5], vec![4.0, 0.0, 0.5]], 4));
    let sent = fake.embeddings().remove(0);
    assert_eq!(sent.authorization, "Bearer k-1234567890");
    let body = json!({ "model": "text-embedding-3-small", "input": ["a", "four"], "encoding_format": "float" });
    assert_eq!(sent.body, body);
    let short = EmbedOrder { dimensions: Some(2), ..order(&["a"], None) };
    assert_eq!(models.embed(&short).await.unwrap().vectors, [[1.0, 0.5]]);
    fake.assert_clean();
}

#[tokio::test]
async fn a_server_of_ones_own_embeds_when_it_is_named() {
    let fake = FakeModel::start([]).await;
    let (models, _) = build(providers("mine", &fake), &Environment::default());
    let embedded = models.embed(&order(&["a"], Some("mine/vectors"))).await.unwrap();
    assert_eq!((embedded.model.to_string().as_str(), embedded.vectors.len()), ("mine/vectors", 1));
    assert_eq!(models.embed(&order(&["a"], None)).await, Err(EmbedError::NoProvider));
    let unknown = models.embed(&order(&["a"], Some("nobody/x"))).await;
    assert_eq!(unknown, Err(EmbedError::UnknownProvider("nobody".into())));
}

#[tokio::test]
async fn what_the_vendor_refuses_is_told() {
    let fake = FakeModel::start([]).await;
    let (models, _) = build(providers("mine", &fake), &Environment::default());
    let refused = models.embed(&order(&[""], Some("mine/vectors"))).await.unwrap_err();
    assert!(matches!(&refused, EmbedError::Failed(error) if matches!(error.kind, LlmErrorKind::InvalidRequest { .. })));
}
