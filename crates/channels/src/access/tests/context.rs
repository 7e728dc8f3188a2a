//! Whose words become context, and whose are told where they are quoted.

use super::*;

#[test]
fn whose_words_become_context() {
    use ContextVisibility::{All, Allowlist, AllowlistQuote};
    let table = [
        (All, STRANGER, "overheard"),
        (Allowlist, STRANGER, "ignore"),
        (AllowlistQuote, STRANGER, "ignore"),
        (Allowlist, FRIEND, "overheard"),
    ];
    for (context, sender, expected) in table {
        let server = Place { users: Some(list(&[FRIEND])), ..place("server") };
        let rules = AccessRules { context, places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { mention: Mention::default(), ..mentioning(sender) };
        assert_eq!(ask(&rules, &message), expected, "{context:?}, {sender}");
    }
}

#[test]
fn whose_words_are_told_where_they_are_quoted() {
    use ContextVisibility::{All, Allowlist, AllowlistQuote};
    let quoting = |id: &str| Quoted { sender: Sender { id: id.to_owned(), ..Sender::default() }, ..Quoted::default() };
    let ours = Quoted { is_ours: true, ..quoting(STRANGER) };
    let table = [
        (All, quoting(STRANGER), true),
        (AllowlistQuote, quoting(STRANGER), true),
        (Allowlist, quoting(STRANGER), false),
        (Allowlist, quoting(""), false),
        (Allowlist, quoting(FRIEND), true),
        (Allowlist, quoting(OWNER), true),
        (Allowlist, ours, true),
    ];
    let owners = list(&[OWNER]);
    for (context, quoted, expected) in table {
        let server = Place { users: Some(list(&[FRIEND])), ..place("server") };
        let rules = AccessRules { context, places: Some(vec![server]), ..AccessRules::default() };
        let message = InboundMessage { reply_to: Some(quoted), ..mentioning(FRIEND) };
        assert_eq!(shows_quote(&rules, facts(&owners), &message), expected, "{context:?}, {:?}", message.reply_to);
        let direct = InboundMessage { chat_kind: ChatKind::Direct, ..message };
        assert!(shows_quote(&rules, facts(&owners), &direct), "the chat is theirs");
    }
}
