//! Answers to Discord's commands: they go to the interaction for as long as its token lives, and to the channel after that.

use chela_channels::{InboundMessage, OutboundPart};
use chela_testkit::discord::Snowflake;

use crate::conformance::platform::{Platform as _, Spot};
use crate::conformance::world::{IMPATIENT, Running, eventually, messages, part};
use crate::fake_discord::DiscordPlatform;

#[tokio::test]
async fn an_answer_goes_where_the_command_was_chosen() {
    let (running, spot, interaction, command) = chosen().await;
    let discord = &running.platform.fake;
    running.channel().send(&answer(&spot, &command)).await.expect("it is sent");
    let response = discord.response(interaction).expect("the command is answered");
    assert_eq!(response.content, "all is well");
    let deferred = discord.interaction(interaction);
    assert!(deferred.answer == Some(5) && deferred.answered_after.is_some_and(|after| after.as_secs() < 3));
    assert_eq!(discord.sent_count(), 1);
    discord.assert_clean();
}

/// Discord says 401 to a dead token of an interaction, as it does to a dead token of the bot.
#[tokio::test]
async fn a_dead_interaction_leaves_the_answer_to_the_channel() {
    let (running, spot, _, command) = chosen().await;
    running.platform.fake.expire_interactions();
    running.channel().send(&answer(&spot, &command)).await.expect("the channel takes it");
    let texts: Vec<String> = running.platform.shown(&spot).into_iter().map(|shown| shown.text).collect();
    assert_eq!(texts, ["all is well"]);
    running.platform.assert_clean();
}

/// A command that a person chose in the group, and what came in of it.
async fn chosen() -> (Running<DiscordPlatform>, Spot, Snowflake, InboundMessage) {
    let running = Running::connect_with(DiscordPlatform::start().await, IMPATIENT).await;
    let (spot, discord) = (running.platform.group(), &running.platform.fake);
    eventually("the menu", || (!discord.commands().is_empty()).then_some(())).await;
    let channel = Snowflake(spot.chat.parse().unwrap());
    let interaction = discord.slash(channel, running.platform.ada, "status", &[]);
    let heard = running.inbox.wait_for("the command", |events| messages(events).into_iter().next()).await;
    discord.wait_until("its first answer", |discord| discord.interaction(interaction).answer.is_some()).await;
    (running, spot, interaction, heard)
}

fn answer(spot: &Spot, command: &InboundMessage) -> OutboundPart {
    OutboundPart { via: command.via.clone(), ..part(spot, "run", "all is well") }
}
