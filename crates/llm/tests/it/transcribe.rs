//! Recordings are sent as the vendors want them, to the first who hears.

use chela_config::Environment;
use chela_llm::{Ear, Hearing, LlmErrorKind, Recording, TranscribeError};
use chela_testkit::FakeModel;
use serde_json::json;

use crate::support::{KEY, build};

fn recording() -> Recording {
    Recording { bytes: b"OggS\r\n--x".to_vec(), mime: "audio/ogg; codecs=opus".into(), name: None }
}

fn ear(name: &str) -> Ear {
    Ear { model: name.parse().expect("a model is named"), base_url: None }
}

#[tokio::test]
async fn the_vendor_with_a_key_hears() {
    let fake = FakeModel::start([]).await;
    let (models, _) =
        build(json!({ "providers": { "openai": { "baseUrl": fake.url(), "apiKey": KEY } } }), &Environment::default());
    let hearing = Hearing { candidates: Vec::new(), language: Some("de".into()) };
    assert_eq!(models.transcribe(&recording(), &hearing).await.unwrap(), "words of 9 bytes");
    let sent = fake.recordings().remove(0);
    assert_eq!((sent.authorization.as_str(), sent.file_name.as_str()), ("Bearer k-1234567890", "recording.ogg"));
    assert_eq!(sent.bytes, recording().bytes);
    assert_eq!(sent.fields["model"], "gpt-4o-mini-transcribe");
    assert_eq!(sent.fields["language"], "de");
    fake.assert_clean();
}

#[tokio::test]
async fn the_next_one_is_asked_and_the_last_error_comes_back() {
    let fake = FakeModel::start([]).await;
    let providers =
        json!({ "providers": { "mine": { "baseUrl": fake.url(), "apiKey": KEY, "models": [{ "id": "w" }] } } });
    let (models, _) = build(providers, &Environment::default());
    let both = Hearing { candidates: vec![ear("nobody/w"), ear("mine/w")], language: None };
    assert_eq!(models.transcribe(&recording(), &both).await.unwrap(), "words of 9 bytes");
    let unknown = Hearing { candidates: vec![ear("nobody/w")], language: None };
    let error = models.transcribe(&recording(), &unknown).await.unwrap_err();
    assert!(
        matches!(&error, TranscribeError::Failed(error) if matches!(error.kind, LlmErrorKind::UnknownModel { .. }))
    );
    let error = models.transcribe(&recording(), &Hearing::default()).await.unwrap_err();
    assert_eq!(error, TranscribeError::NoProvider);
    let elsewhere = Ear { base_url: Some(format!("{}/nothing", fake.url())), ..ear("mine/w") };
    let refused = Hearing { candidates: vec![elsewhere], language: None };
    assert!(models.transcribe(&recording(), &refused).await.is_err());
}
