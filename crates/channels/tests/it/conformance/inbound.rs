//! What a channel hears.

use chela_channels::{InboundEvent, InboundMessage, MediaKind, SendErrorKind};

use super::platform::{Mentions, Platform, Said, SaidFile, Spot, Told};
use super::world::{Door, Running, eventually, now_ms, part};

pub(crate) async fn a_message_comes_in<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let message = running.hear(&spot, &Said::text("hello there")).await;
    let person = running.platform.person();
    assert_eq!(message.text, "hello there");
    assert_eq!((message.sender.id, message.sender.name), (person.id, person.name));
    assert!(!message.sender.is_bot);
    assert!(!message.event.is_empty());
    assert!((now_ms() - message.sent_at_ms).abs() < 60_000, "{}", message.sent_at_ms);
    assert!(running.status.read().last_inbound_at_ms.is_some());
    running.platform.assert_clean();
}

pub(crate) async fn places_have_their_names<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group(), platform.thread()] {
        let message = running.hear(&spot, &Said::to(Mentions::Us, "where is this?")).await;
        assert_place(&message, &spot);
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_mention_is_seen<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    for (mentions, us, others) in
        [(Mentions::Us, true, false), (Mentions::SomebodyElse, false, true), (Mentions::Nobody, false, false)]
    {
        let message = running.hear(&spot, &Said::to(mentions, "what is new?")).await;
        assert_eq!((message.mention.us, message.mention.others), (us, others), "{mentions:?}");
        if mentions != Mentions::SomebodyElse {
            assert_eq!(message.text, "what is new?", "our own name is not part of what is said");
        }
    }
}

pub(crate) async fn a_reply_to_us_is_a_mention<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.group(), platform.thread()] {
        let question = running.hear(&spot, &Said::text("first")).await;
        let ours = running.channel().send(&part(&spot, "run", "an answer")).await.unwrap().message;
        let said = Said { reply_to: Some(ours.clone()), ..Said::text("and then?") };
        let reply = running.hear(&spot, &said).await;
        assert!(reply.mention.us);
        let quoted = reply.reply_to.expect("it quotes");
        assert_eq!((quoted.message, quoted.is_ours, quoted.text.as_str()), (ours, true, "an answer"));
        let said = Said { reply_to: Some(question.message.clone()), ..Said::text("to myself") };
        let reply = running.hear(&spot, &said).await;
        assert!(!reply.mention.us);
        assert_eq!(reply.reply_to.map(|quoted| (quoted.message, quoted.is_ours)), Some((question.message, false)));
    }
}

pub(crate) async fn one_chat_keeps_its_order<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    let spots = [platform.direct(), platform.group()];
    let texts: Vec<String> = (0..40).map(|number| format!("message {number}")).collect();
    for text in &texts {
        for spot in &spots {
            running.platform.say(spot, &Said::text(text.as_str()));
        }
    }
    running.inbox.wait_for("all messages", |events| (events.len() == 80).then_some(())).await;
    for spot in &spots {
        let here = running.inbox.messages().into_iter().filter(|message| message.chat == spot.chat);
        assert_eq!(here.map(|message| message.text).collect::<Vec<_>>(), texts);
    }
    assert_eq!(running.inbox.duplicates(), 0);
}

pub(crate) async fn a_busy_chat_gets_its_message_again_and_holds_up_no_other<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let (busy, free) = (running.platform.direct(), running.platform.group());
    running.inbox.set_door(Door::Busy { chat: busy.chat.clone(), times: usize::MAX });
    let first = running.platform.say(&busy, &Said::text("one"));
    let second = running.platform.say(&busy, &Said::text("two"));
    running.hear(&free, &Said::text("meanwhile")).await;
    eventually("a second try", || (running.inbox.offers() > 3).then_some(())).await;
    assert_eq!(running.inbox.messages().len(), 1);
    running.inbox.set_door(Door::Open);
    running.heard(&busy, &first).await;
    running.heard(&busy, &second).await;
    let texts: Vec<String> = running.inbox.messages().into_iter().map(|message| message.text).collect();
    assert_eq!(texts, ["meanwhile", "one", "two"]);
    running.platform.assert_clean();
}

pub(crate) async fn an_edit_comes_in<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let message = running.hear(&spot, &Said::text("helo")).await;
    running.platform.edit(&spot, &message.message, "hello");
    let edited = running.inbox.wait_for("the edit", |events| {
        events.iter().find_map(|event| match event {
            InboundEvent::Edited(edited) => Some((**edited).clone()),
            InboundEvent::Message(_) | InboundEvent::Deleted { .. } | InboundEvent::Reaction(_) => None,
        })
    });
    let edited = edited.await;
    assert_eq!((edited.message, edited.text.as_str()), (message.message, "hello"));
    assert_ne!(edited.event, message.event);
    assert_place(&running.inbox.messages()[0], &spot);
}

pub(crate) async fn a_removed_message_is_told_where_the_platform_tells<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.group();
    let message = running.hear(&spot, &Said::text("oh no")).await.message;
    let told = running.platform.delete(&spot, &message);
    let deleted = InboundEvent::Deleted { chat: spot.chat.clone(), message };
    if told == Told::Yes {
        running.inbox.wait_for("the removal", |events| events.contains(&deleted).then_some(())).await;
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_reaction_comes_in<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group()] {
        running.hear(&spot, &Said::text("a question")).await;
        let ours = running.channel().send(&part(&spot, "run", "an answer")).await.unwrap().message;
        running.platform.react(&spot, &ours, "👍");
        let reaction = running.inbox.wait_for("the reaction", |events| {
            events.iter().find_map(|event| match event {
                InboundEvent::Reaction(reaction) if reaction.place.chat == spot.chat => Some(reaction.clone()),
                _ => None,
            })
        });
        let reaction = reaction.await;
        assert_eq!((reaction.emoji.as_str(), reaction.added, reaction.on_ours), ("👍", true, true));
        assert_eq!(reaction.place.message, ours);
        assert_eq!(reaction.place.sender.id, running.platform.person().id);
    }
}

pub(crate) async fn a_file_comes_in_and_never_more_than_its_cap<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let spot = running.platform.direct();
    let bytes: Vec<u8> = (0..20_000_u32).map(|number| number.to_le_bytes()[0]).collect();
    for (kind, name, mime) in [
        (MediaKind::File, "notes.txt", "text/plain"),
        (MediaKind::Image, "a.jpg", "image/jpeg"),
        (MediaKind::Voice, "v.ogg", "audio/ogg"),
    ] {
        let file = SaidFile { kind, name, mime, bytes: bytes.clone() };
        let message = running.hear(&spot, &Said { file: Some(file), ..Said::text("look") }).await;
        assert_eq!(message.text, "look");
        let [media] = message.media.as_slice() else { panic!("one file: {:?}", message.media) };
        assert_eq!(media.kind, kind);
        let fetched = running.channel().fetch(media, 1_000_000).await.expect("it is there");
        assert_eq!(fetched.bytes, bytes);
        let too_large = running.channel().fetch(media, 1_000).await.expect_err("more than the cap");
        assert_eq!(too_large.kind, SendErrorKind::Refused, "{too_large}");
        assert!(!too_large.message.contains(&running.platform.token()), "{too_large}");
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_chosen_command_comes_in<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group()] {
        eventually("the menu", || running.platform.menu().contains(&"status".to_owned()).then_some(())).await;
        running.platform.choose(&spot, "status");
        let command = running.inbox.wait_for("the command", |events| {
            super::world::messages(events).into_iter().find(|message| message.chat == spot.chat)
        });
        let command = command.await;
        assert_eq!(command.text, "/status");
        assert!(command.is_native_command || command.mention.us || spot.places.is_empty(), "it is meant for us");
        assert_eq!(command.sender.id, running.platform.person().id);
    }
    running.platform.assert_clean();
}

pub(crate) async fn a_pressed_button_says_its_command<P: Platform>(platform: P) {
    let running = Running::connect(platform).await;
    let platform = &running.platform;
    for spot in [platform.direct(), platform.group()] {
        let mut question = part(&spot, "run", "May I?");
        let button = |label: &str, command: String| chela_channels::Button { label: label.to_owned(), command };
        question.buttons = vec![
            vec![button("Yes", "/approve 17 once".to_owned()), button("No", "/deny 17".to_owned())],
            vec![button("Too long", format!("/{}", "x".repeat(300)))],
        ];
        let sent = running.channel().send(&question).await.expect("it is sent").message;
        let shown = running.platform.shown(&spot).pop().expect("it shows");
        assert_eq!(shown.buttons, ["Yes", "No"], "what is too long for the platform is left out");
        running.platform.press(&spot, &sent, "Yes");
        let pressed = running.inbox.wait_for("the press", |events| {
            super::world::messages(events).into_iter().find(|message| message.chat == spot.chat)
        });
        let pressed = pressed.await;
        assert_eq!(pressed.text, "/approve 17 once");
        assert!(pressed.is_native_command);
        assert_eq!(pressed.sender.id, running.platform.person().id);
        assert_place(&pressed, &spot);
        eventually("an answer to the press", || (running.platform.open_presses() == 0).then_some(())).await;
    }
    running.platform.assert_clean();
}

#[track_caller]
fn assert_place(message: &InboundMessage, spot: &Spot) {
    assert_eq!(message.chat, spot.chat);
    assert_eq!(message.chat_id, spot.chat_id);
    assert_eq!(message.thread, spot.thread);
    assert_eq!(message.chat_kind, spot.kind);
    let ids: Vec<&String> = message.places.iter().map(|place| &place.id).collect();
    assert_eq!(ids, spot.places.iter().map(|(id, _)| id).collect::<Vec<_>>());
    for (place, (_, name)) in message.places.iter().zip(&spot.places) {
        if let Some(name) = name {
            assert!(place.names.contains(name), "{name} is not among {:?}", place.names);
        }
    }
}
