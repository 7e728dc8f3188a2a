//! What channels need: messages of ours that platforms have, and senders who were let in.

use chela_store::{
    NewOutbound, NewPairing, Ownership, PAIRING_KEEP_MS, PAIRINGS_MAX, PairingAsked, SentPart, WriterMode,
};
use serde_json::json;

use crate::support::{House, main_key, open};

fn notice(chat: &str, text: &str) -> NewOutbound {
    NewOutbound {
        channel: "telegram".into(),
        account: "default".into(),
        chat: chat.into(),
        session: main_key(),
        body: json!(text),
        created_at_ms: 0,
    }
}

fn asked(sender: &str, now_ms: i64) -> NewPairing {
    NewPairing {
        channel: "telegram".into(),
        account: "default".into(),
        sender: sender.into(),
        name: format!("Person {sender}"),
        chat: sender.into(),
        code: format!("CODE{sender}"),
        reply: notice(sender, "your code"),
        now_ms,
    }
}

#[tokio::test]
async fn a_stranger_gets_one_code_and_one_reply() {
    let house = House::new(WriterMode::Inline);
    let store = &house.store;
    assert_eq!(store.ask_pairing(asked("7", 1)).await.unwrap(), PairingAsked::New);
    assert_eq!(store.ask_pairing(asked("7", 2)).await.unwrap(), PairingAsked::Waiting);
    for sender in 8..7 + i64::try_from(PAIRINGS_MAX).unwrap() {
        assert_eq!(store.ask_pairing(asked(&sender.to_string(), 3)).await.unwrap(), PairingAsked::New);
    }
    assert_eq!(store.ask_pairing(asked("99", 4)).await.unwrap(), PairingAsked::Full);
    let replies = store.due_outbox(10, 10).await.unwrap();
    assert_eq!(replies.iter().filter(|row| row.chat == "7").count(), 1);

    let later = 2 + PAIRING_KEEP_MS;
    assert_eq!(store.pairing_codes(later).await.unwrap().len(), PAIRINGS_MAX - 1);
    assert_eq!(store.ask_pairing(asked("99", later)).await.unwrap(), PairingAsked::New, "the expired one made room");
}

#[tokio::test]
async fn a_code_lets_its_person_in_once_and_the_first_is_the_owner() {
    let house = House::new(WriterMode::Inline);
    for sender in ["7", "8"] {
        house.store.ask_pairing(asked(sender, 1)).await.unwrap();
    }
    let approve = async |code: &'static str, now_ms| {
        let welcome = |code: &chela_store::PairingCode| Some(notice(&code.chat, "welcome"));
        house.store.approve_pairing("telegram", code, Ownership::First, now_ms, welcome).await.unwrap()
    };
    assert!(approve("CODE7", 5).await.unwrap().owner);
    assert!(approve("CODE7", 5).await.is_none(), "a code is used up");
    assert!(!approve("CODE8", 6).await.unwrap().owner);
    assert!(house.store.reject_pairing("telegram", "CODE8").await.unwrap().is_none());

    let store = open(&house.dir, WriterMode::Inline);
    let senders: Vec<_> = store.paired_senders().await.unwrap().into_iter().map(|paired| paired.sender).collect();
    assert_eq!(senders, ["7", "8"]);
    assert!(store.unpair_sender("telegram", "default", "7").await.unwrap());
    assert!(!store.unpair_sender("telegram", "default", "7").await.unwrap());
}

#[tokio::test]
async fn whoever_is_let_in_where_owners_are_named_elsewhere_is_none() {
    let house = House::new(WriterMode::Inline);
    house.store.ask_pairing(asked("7", 1)).await.unwrap();
    let welcome = |code: &chela_store::PairingCode| Some(notice(&code.chat, "welcome"));
    let paired = house.store.approve_pairing("telegram", "CODE7", Ownership::Nobody, 5, welcome).await.unwrap();
    assert!(!paired.unwrap().owner);
}

#[tokio::test]
async fn an_expired_code_opens_nothing() {
    let house = House::new(WriterMode::Inline);
    house.store.ask_pairing(asked("7", 1)).await.unwrap();
    let welcome = |code: &chela_store::PairingCode| Some(notice(&code.chat, "welcome"));
    let late = 1 + PAIRING_KEEP_MS;
    let late = house.store.approve_pairing("telegram", "CODE7", Ownership::First, late, welcome).await.unwrap();
    assert!(late.is_none());
    assert_eq!(house.store.paired_senders().await.unwrap(), []);
}

#[tokio::test]
async fn messages_of_ours_are_known_by_run_and_by_chat() {
    let house = House::new(WriterMode::Inline);
    let sent = |chat: &str, message: &str, part| SentPart {
        channel: "discord".into(),
        account: "default".into(),
        chat: chat.into(),
        message: message.into(),
        run: "run-1".into(),
        part,
        sent_at_ms: 10 + i64::from(part),
    };
    for (chat, message, part) in [("1", "a", 0), ("1", "b", 1), ("2", "a", 2)] {
        house.store.record_sent(sent(chat, message, part), None).await.unwrap();
    }
    house.store.record_sent(sent("1", "b", 1), None).await.unwrap();
    assert_eq!(house.store.sent_of_run("run-1").await.unwrap().len(), 3);
    let newest = house.store.sent_in_chat("discord", "default", "1", 1).await.unwrap();
    assert_eq!(newest[0].message, "b");
    let known = house.store.sent_message("discord", "default", "1", "a").await.unwrap();
    assert_eq!(known, Some(sent("1", "a", 0)));
    house.store.forget_sent(&sent("1", "a", 0)).await.unwrap();
    assert_eq!(house.store.prune_sent(12).await.unwrap(), 1);
    assert_eq!(house.store.sent_of_run("run-1").await.unwrap(), [sent("2", "a", 2)]);
}
