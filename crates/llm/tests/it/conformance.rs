//! What each wire must do, whatever its vendor's dialect.

use chela_llm::{Block, LlmErrorKind, StopReason, StreamEvent};
use chela_testkit::FakeModel;
use chela_testkit::model::{FakeCall, FakeStop, FakeUsage, Part, Reply, Step};
use serde_json::json;

use crate::support::*;

#[tokio::test]
async fn text_comes_in_pieces_and_whole() {
    for api in WIRES {
        let usage = FakeUsage { input: 70, output: 9, cache_read: 20, cache_write: 0 };
        let fake = FakeModel::start([Reply::text("Hello there, né?").costing(usage).into()]).await;
        let heard = hear(mock(api, &fake).stream(&chain(&["m1"]), request(vec![says("hi")]))).await;
        let done = heard.done();
        let started = StreamEvent::Started { provider: "mock".into(), model: "m1".into() };
        assert_eq!(heard.events[0], started, "{api}");
        assert_eq!(heard.text(), "Hello there, né?", "{api}");
        assert_eq!(done.blocks, [Block::Text { text: "Hello there, né?".into() }], "{api}");
        assert_eq!(done.stop, StopReason::EndTurn, "{api}");
        assert_eq!((done.usage.input, done.usage.output, done.usage.cache_read), (70, 9, 20), "{api}");
        assert!(done.response_id.is_some(), "{api}");
        fake.assert_clean();
    }
}
