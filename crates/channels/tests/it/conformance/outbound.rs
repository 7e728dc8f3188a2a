//! What a channel says.

use chela_channels::render::{Rendered, render};
use chela_channels::{MessageId, OutboundMedia, OutboundPart, PartKey};

use super::platform::{Platform, Said};
use super::world::{Running, part};

pub(crate) async fn a_message_goes_out_to_every_place<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group(), platform.thread()] {
        running.hear(&spot, &Said::text("a question")).await;
        let sent = running.channel().send(&part(&spot, "run", "an answer")).await.expect("it is sent");
        let shown = running.platform.shown(&spot);
        let shown: Vec<(&MessageId, &str)> = shown.iter().map(|shown| (&shown.message, shown.text.as_str())).collect();
        assert_eq!(shown, [(&sent.message, "an answer")]);
    }
    running.platform.assert_clean();
}

pub(crate) async fn an_answer_quotes_its_question<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let question = running.hear(&spot, &Said::text("a question")).await.message;
    let answer = OutboundPart { reply_to: Some(question.clone()), ..part(&spot, "run", "an answer") };
    running.channel().send(&answer).await.expect("it is sent");
    let gone = OutboundPart { reply_to: Some(MessageId("987654321".to_owned())), ..part(&spot, "run2", "another") };
    running.channel().send(&gone).await.expect("an answer is worth more than its quote");
    let quotes: Vec<Option<MessageId>> =
        running.platform.shown(&spot).into_iter().map(|shown| shown.reply_to).collect();
    assert_eq!(quotes, [Some(question), None]);
    running.platform.assert_clean();
}

pub(crate) async fn markup_shows_as_formatting<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    send_markdown(&running, "It is **very** good: `1 < 2 && 3 > 2`, see [here](https://example.com/?a=1&b=2).").await;
    let [shown] = running.platform.shown(&spot).try_into().expect("one message");
    assert!(shown.has_bold, "{shown:?}");
    for word in ["very", "1 < 2 && 3 > 2", "here"] {
        assert!(shown.text.contains(word), "{shown:?}");
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_text_without_markup_shows_as_it_stands<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let text = "if a < b && **c** then <b>d</b>";
    let content = Rendered { markup: String::new(), plain: text.to_owned() };
    running.channel().send(&OutboundPart { content, ..part(&spot, "run", "") }).await.expect("it is sent");
    let [shown] = running.platform.shown(&spot).try_into().expect("one message");
    assert!(!shown.has_bold, "{shown:?}");
    assert!(shown.text.contains("if a < b &&") && shown.text.contains("<b>d</b>"), "{shown:?}");
    running.platform.assert_clean();
}

pub(crate) async fn a_long_text_is_cut_where_the_platform_takes_it<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let words: Vec<String> = (0..3000).map(|number| format!("wörd{number}&<😀")).collect();
    let code = "```rust\nfn main() { let x = 1 < 2; }\n```\n".repeat(200);
    let paragraphs: Vec<String> = words.chunks(40).map(|words| words.join(" ")).collect();
    send_markdown(&running, &format!("{}\n\n{code}", paragraphs.join("\n\n"))).await;
    let shown = running.platform.shown(&spot);
    assert!(shown.len() > 5, "{} messages", shown.len());
    let whole: String = shown.iter().map(|shown| shown.text.as_str()).collect::<Vec<_>>().join("\n");
    let missing = words.iter().find(|word| !whole.contains(word.as_str()));
    assert_eq!(missing, None);
    assert_eq!(whole.matches("fn main()").count(), 200);
    running.platform.assert_clean();
}

pub(crate) async fn an_answer_grows_by_edits<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let channel = running.channel();
    let sent = channel.send(&part(&spot, "run", "1")).await.expect("it is sent").message;
    for text in ["1 2", "1 2 3", "1 2 3 4", "1 2 3 4"] {
        channel.edit(&sent, &part(&spot, "run", text)).await.expect("it is changed, or has this text already");
    }
    let [shown] = running.platform.shown(&spot).try_into().expect("one message");
    assert_eq!((shown.message, shown.text.as_str()), (sent, "1 2 3 4"));
    running.platform.assert_clean();
}

pub(crate) async fn a_message_is_taken_back<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let channel = running.channel();
    let sent = channel.send(&part(&spot, "run", "oh no")).await.expect("it is sent").message;
    channel.delete(&spot.chat, &sent).await.expect("it is removed");
    assert!(running.platform.shown(&spot).is_empty());
    channel.delete(&spot.chat, &sent).await.expect("one that is gone is no error");
}

pub(crate) async fn reactions_are_set_and_taken_away<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let message = running.hear(&spot, &Said::text("a question")).await.message;
    let channel = running.channel();
    for emoji in ["👀", "👍"] {
        channel.react(&spot.chat, &message, Some(emoji)).await.expect("it is set");
        assert_eq!(running.platform.reactions(&spot, &message), [emoji], "it takes the place of ours of before");
    }
    channel.react(&spot.chat, &message, None).await.expect("it is taken away");
    assert_eq!(running.platform.reactions(&spot, &message), Vec::<String>::new());
    running.platform.assert_clean();
}

pub(crate) async fn typing_shows<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.thread()] {
        running.channel().typing(&spot.chat).await.expect("it shows");
        assert_eq!(running.platform.typed(&spot), 1);
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_file_goes_out<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let folder = tempfile::tempdir().unwrap();
    let bytes = b"\x89PNG\r\n\x1a\n--not really--\r\n".to_vec();
    for (name, mime, voice) in
        [("chart.png", "image/png", false), ("notes.pdf", "application/pdf", false), ("said.ogg", "audio/ogg", true)]
    {
        let path = folder.path().join(name);
        std::fs::write(&path, &bytes).unwrap();
        let media = OutboundMedia { path, name: name.to_owned(), mime: mime.to_owned(), voice };
        let file = OutboundPart { media: Some(media), ..part(&spot, name, "see there") };
        running.channel().send(&file).await.expect("it is sent");
        let shown = running.platform.shown(&spot).pop().expect("it shows");
        assert_eq!(shown.text, "see there");
        let [(shown_name, shown_bytes)] = shown.files.as_slice() else { panic!("one file: {shown:?}") };
        assert_eq!(shown_bytes, &bytes);
        assert_eq!(shown_name, name);
    }
    running.platform.assert_clean();
}

/// Renders as delivery does, and sends every part.
async fn send_markdown<P: Platform>(running: &Running<P>, markdown: &str) {
    let spot = running.platform.direct();
    let channel = running.channel();
    let capabilities = channel.capabilities();
    let rendered = render(markdown, capabilities.dialect, capabilities.limits);
    for (number, content) in (0..).zip(rendered) {
        let key = PartKey { run: "run".to_owned(), part: number };
        channel.send(&OutboundPart { key, content, ..part(&spot, "run", "") }).await.expect("the platform takes it");
    }
}
