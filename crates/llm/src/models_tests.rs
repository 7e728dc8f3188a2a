//! Which models can be named and reached under which configuration and environment.

use chela_config::{Environment, Secret, Severity};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::*;
use crate::config::{AuthConfig, ModelsConfig};
use crate::http::http_client;
use crate::vendors::vendors;

fn build(config: Value, auth: Value, variables: &[(&str, &str)]) -> (Models, Vec<Problem>) {
    let config: ModelsConfig = serde_json::from_value(config).expect("a section");
    let auth: AuthConfig = serde_json::from_value(auth).expect("a section");
    let environment = Environment::from_pairs(variables.iter().copied());
    let resolve = |secret: &Secret| match secret {
        Secret::Text(text) => Ok(text.clone()),
        Secret::Reference(reference) if reference.id == "GOOD" => Ok(SecretString::from(" key\n")),
        Secret::Reference(reference) => Err(format!("{} is not set", reference.id)),
    };
    let http = http_client(None);
    Models::build(ModelsBuild { config: &config, auth: &auth, environment: &environment, resolve: &resolve, http })
}

fn of_environment(variables: &[(&str, &str)]) -> Models {
    let (models, problems) = build(json!({}), json!({}), variables);
    assert_eq!(problems, []);
    models
}

fn names(chain: &[ModelRef]) -> Vec<String> {
    chain.iter().map(ToString::to_string).collect()
}

fn chain(models: &Models, primary: Option<&str>, fallbacks: &[&str]) -> Vec<String> {
    let fallbacks: Vec<String> = fallbacks.iter().map(ToString::to_string).collect();
    names(&models.chain(primary, &fallbacks))
}

#[test]
fn with_nothing_at_all_the_guide_answers() {
    let models = of_environment(&[]);
    assert!(!models.is_configured() && models.list().is_empty());
    assert_eq!(chain(&models, None, &[]), [GUIDE]);
    assert_eq!(chain(&models, Some("anthropic/claude-opus-5-5"), &["openai/gpt-5"]), [GUIDE]);
    assert!(models.info(&guide()).available);
}

#[test]
fn the_source_of_a_key_is_told_and_the_environments_comes_first() {
    let variables = [("OPENAI_API_KEY", "k"), ("XAI_API_KEY", "k"), ("GOOGLE_API_KEY", "k")];
    let config = json!({"providers": {
        "openai": {"apiKey": "c"}, "mistral": {"apiKey": "c"}, "vllm": {"baseUrl": "http://127.0.0.1:1/v1"},
        // A key in the environment is for the vendor, not for the address that the file puts in its place.
        "xai": {"apiKey": "c", "baseUrl": "http://127.0.0.1:2/v1"},
    }});
    let (models, _) = build(config, json!({}), &variables);
    assert_eq!(models.key_source("openai"), Some("env:OPENAI_API_KEY"));
    assert_eq!(models.key_source("mistral"), Some("config:models.providers.mistral.apiKey"));
    assert_eq!(models.key_source("xai"), Some("config:models.providers.xai.apiKey"));
    assert_eq!(models.key_source("google"), Some("env:GOOGLE_API_KEY"));
    assert_eq!((models.key_source("vllm"), models.key_source("anthropic"), models.key_source("?")), (None, None, None));
}

#[test]
fn each_vendors_variable_opens_that_vendor() {
    for row in vendors() {
        for name in row.key_vars {
            let models = of_environment(&[(name, "k")]);
            assert!(models.is_configured(), "{name}");
            assert!(models.list().iter().all(|info| info.reference.provider == row.id && info.available), "{name}");
            let expected = row.default_model.map_or(GUIDE.to_owned(), |model| format!("{}/{model}", row.id));
            assert_eq!(chain(&models, None, &[]), [expected], "{name}");
        }
    }
    assert!(!of_environment(&[("ANTHROPIC_API_KEY", "")]).is_configured());
}

#[test]
fn a_server_on_this_machine_counts_once_somebody_speaks_of_it() {
    let silent = of_environment(&[]);
    assert_eq!(chain(&silent, Some("ollama/qwen3"), &[]), ["ollama/qwen3"]);
    assert!(silent.info(&"ollama/qwen3".parse().expect("a name")).available);
    assert!(of_environment(&[("OLLAMA_HOST", "127.0.0.1:11434")]).is_configured());
    let (named, _) = build(json!({"providers": {"ollama": {"models": [{"id": "qwen3"}]}}}), json!({}), &[]);
    assert_eq!(chain(&named, None, &[]), ["ollama/qwen3"]);
}

#[test]
fn what_the_user_wrote_down_comes_before_what_lies_around() {
    let config = json!({"providers": {"mine": {"baseUrl": "http://127.0.0.1:9", "models": [{"id": "m"}]}}});
    let (models, problems) = build(config.clone(), json!({}), &[("ANTHROPIC_API_KEY", "k")]);
    assert_eq!(problems, []);
    assert_eq!(chain(&models, None, &[]), ["mine/m"]);
    assert!(models.list().iter().any(|info| info.reference.provider == "anthropic"));
    let mut only = config;
    only["mode"] = json!("replace");
    let (models, _) = build(only, json!({}), &[("ANTHROPIC_API_KEY", "k")]);
    assert_eq!(models.list().len(), 1);
    assert_eq!(chain(&models, Some("anthropic/claude-opus-5-5"), &["mine/other"]), ["mine/other"]);
}

#[test]
fn a_chain_keeps_its_order_and_loses_what_nobody_knows() {
    let models = of_environment(&[("OPENAI_API_KEY", "k")]);
    let fallbacks = ["nobody/x", "openai/gpt-5", "gpt-4o", "openai/gpt-5", "nonsense"];
    let expected = ["anthropic/claude-opus-5-5", "openai/gpt-5", "openai/gpt-4o"];
    assert_eq!(chain(&models, Some("anthropic/claude-opus-5-5"), &fallbacks), expected);
    assert_eq!(chain(&models, Some("nobody/x"), &[]), ["openai/gpt-5.6-terra"]);
    assert_eq!(chain(&models, Some(GUIDE), &[]), [GUIDE]);
}

#[test]
fn descriptions_of_the_user_win_over_the_table() {
    let config = json!({"providers": {"openai": {"models": [
        {"id": "gpt-5", "name": "Five", "input": ["text"], "contextWindow": 1000, "cost": {"input": 9.0}},
        {"id": "gpt-9", "maxTokens": 5},
    ]}}});
    let (models, _) = build(config, json!({}), &[("OPENAI_API_KEY", "k")]);
    let five = models.info(&"openai/gpt-5".parse().expect("a name"));
    assert_eq!((five.name.as_str(), five.context_window, five.images, five.documents), ("Five", 1000, false, false));
    assert_eq!((five.max_output_tokens, five.price.map(|price| price.input)), (128_000, Some(9.0)));
    let nine = models.info(&"openai/gpt-9".parse().expect("a name"));
    assert_eq!((nine.max_output_tokens, nine.context_window, nine.reasoning), (5, 400_000, true));
    assert_eq!(chain(&models, None, &[]), ["openai/gpt-5"]);
    let unlisted = models.info(&"openai/gpt-77".parse().expect("a name"));
    assert_eq!((unlisted.reference.model.as_str(), unlisted.name.as_str()), ("gpt-77", "gpt-77"));
}

#[test]
fn every_problem_is_told_at_once_and_the_rest_still_works() {
    let config = json!({"providers": {
        "a": {},
        "b": {"baseUrl": "ftp://h"},
        "c": {"baseUrl": "http://h", "api": "bedrock-converse-stream"},
        "d": {"baseUrl": "http://h", "headers": {"bad name": "v", "x-good": "v", "x-bad": "a\nb"}, "models": [{"id": "m"}]},
        "openai": {"apiKey": {"source": "env", "id": "MISSING"}},
        "google": {"apiKey": {"source": "env", "id": "GOOD"}, "auth": "aws-sdk"},
    }});
    let auth = json!({"profiles": {
        "anthropic:me": {"provider": "anthropic", "mode": "api_key"},
        "google:me": {"provider": "google", "mode": "api_key"},
    }});
    let (models, problems) = build(config, auth, &[]);
    let paths: Vec<_> = problems.iter().map(|problem| problem.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "models.providers.a.baseUrl",
            "models.providers.b.baseUrl",
            "models.providers.c.api",
            "models.providers.d.headers.bad name",
            "models.providers.d.headers.x-bad",
            "models.providers.google.auth",
            "models.providers.openai.apiKey",
            "auth.profiles.anthropic:me",
        ]
    );
    assert_eq!(problems.last().map(|problem| problem.severity), Some(Severity::Note));
    assert_eq!(chain(&models, None, &[]), ["d/m"]);
    let available = |name: &str| models.info(&name.parse().expect("a name")).available;
    assert!(available("google/gemini-3.8-flash") && !available("openai/gpt-5"));
}

#[test]
fn a_key_in_the_clear_is_warned_of_unless_it_stays_at_home() {
    let warned = |url: &str, key: Value| {
        let (_, problems) = build(json!({"providers": {"x": {"baseUrl": url, "apiKey": key}}}), json!({}), &[]);
        problems.iter().any(|problem| problem.severity == Severity::Warning)
    };
    assert!(warned("http://llm.example.com/v1", json!("k")));
    assert!(warned("http://93.184.216.34", json!("k")));
    for home in
        ["http://127.0.0.1:1", "http://[::1]:1", "http://192.168.1.5", "http://litellm:4000", "http://a.internal"]
    {
        assert!(!warned(home, json!("k")), "{home}");
    }
    assert!(!warned("https://llm.example.com", json!("k")) && !warned("http://llm.example.com", json!(null)));
}

#[tokio::test]
async fn the_missing_key_is_named_when_it_is_needed() {
    use futures_util::StreamExt;
    let models = of_environment(&[("OPENAI_API_KEY", "k")]);
    let mut stream = models.stream(&["anthropic/x".parse().expect("a name")], Request::default());
    let Some(Err(error)) = stream.next().await else { panic!("no key is there") };
    assert!(error.to_string().contains("ANTHROPIC_API_KEY"), "{error}");
    assert!(stream.next().await.is_none());
    let mut stream = models.stream(&["nobody/x".parse().expect("a name")], Request::default());
    assert!(matches!(stream.next().await, Some(Err(LlmError { kind: LlmErrorKind::UnknownModel { .. }, .. }))));
}

#[tokio::test]
async fn a_provider_in_code_goes_first_and_the_guide_needs_none() {
    use futures_util::StreamExt;
    struct Says(&'static str);
    impl Provider for Says {
        fn stream(&self, request: Request) -> EventStream {
            let event = crate::StreamEvent::TextDelta(format!("{} as {}", self.0, request.model));
            Box::pin(futures_util::stream::iter([Ok(event)]))
        }
    }
    let models = of_environment(&[("OPENAI_API_KEY", "k")]).with_provider("sim", "one", Arc::new(Says("sim")));
    assert_eq!(chain(&models, None, &[]), ["sim/one"]);
    let first = models.stream(&models.chain(Some("sim/two"), &[]), Request::default()).next().await;
    assert_eq!(first, Some(Ok(crate::StreamEvent::TextDelta("sim as two".into()))));
    let bare = of_environment(&[]);
    let first = bare.stream(&bare.chain(None, &[]), Request::default()).next().await;
    assert!(matches!(first, Some(Ok(crate::StreamEvent::Started { provider, .. })) if provider == "chela"));
}
