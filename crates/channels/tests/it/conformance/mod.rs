//! What every channel must do, whatever its platform: one case for one promise of the contract, run for each kind of the table.
//!
//! A new kind needs its [`Platform`] (`fake_<kind>.rs`) and a line in `conform!` below; without them `every_kind_has_a_platform` fails.

mod connection;
mod guarantees;
mod inbound;
mod outbound;
pub(crate) mod platform;
mod trouble;
pub(crate) mod world;

use chela_channels::CHANNELS;
use platform::Platform;

/// Runs every case for every kind, each as a test of its own: `conformance::telegram::inbound::a_message_comes_in`.
macro_rules! conform {
    ($($kind:ident: $platform:ty),* $(,)?) => {
        const KINDS: &[&str] = &[$(<$platform as Platform>::KIND),*];
        $(
            mod $kind {
                cases!($kind, $platform: connection, [
                    it_connects_and_says_who_it_is,
                    a_refused_token_ends_it_with_plain_words,
                    it_ends_within_a_second,
                    it_ends_within_a_second_while_nothing_answers,
                    a_probe_says_who_we_are,
                    the_menu_is_registered_once,
                    no_secret_is_told_anywhere,
                ]);
                cases!($kind, $platform: inbound, [
                    a_message_comes_in,
                    places_have_their_names,
                    a_mention_is_seen,
                    a_reply_to_us_is_a_mention,
                    one_chat_keeps_its_order,
                    a_busy_chat_gets_its_message_again_and_holds_up_no_other,
                    an_edit_comes_in,
                    a_removed_message_is_told_where_the_platform_tells,
                    a_reaction_comes_in,
                    a_file_comes_in_and_never_more_than_its_cap,
                    a_chosen_command_comes_in,
                    a_pressed_button_says_its_command,
                ]);
                cases!($kind, $platform: outbound, [
                    a_message_goes_out_to_every_place,
                    an_answer_quotes_its_question,
                    markup_shows_as_formatting,
                    a_text_without_markup_shows_as_it_stands,
                    a_long_text_is_cut_where_the_platform_takes_it,
                    an_answer_grows_by_edits,
                    a_message_is_taken_back,
                    reactions_are_set_and_taken_away,
                    typing_shows,
                    a_file_goes_out,
                ]);
                cases!($kind, $platform: trouble, [
                    a_rate_limit_says_how_long,
                    wrong_markup_is_shown_or_told_as_refused,
                    a_lost_answer_is_unknown_and_found_again,
                    what_was_never_sent_is_not_found,
                    another_part_with_the_same_words_is_not_taken_for_it,
                    a_closed_door_is_refused_for_good,
                    a_message_that_is_gone_is_told_as_gone,
                    an_unreachable_platform_is_no_refusal,
                ]);
                cases!($kind, $platform: guarantees, [
                    g07_nothing_is_acknowledged_before_it_was_accepted,
                    g09_an_event_ten_times_is_one_event,
                    g10_every_message_comes_once_over_reconnects,
                    g11_a_dead_inbound_side_is_made_again,
                    g11_a_send_proves_nothing_about_the_inbound_side,
                    g13_silence_is_never_healthy,
                ]);
            }
        )*
    };
}

/// One test for each case of a module.
macro_rules! cases {
    ($kind:ident, $platform:ty: $module:ident, [$($case:ident),* $(,)?]) => {
        mod $module {
            use super::super::*;

            $(
                #[tokio::test]
                async fn $case() {
                    $crate::conformance::$module::$case(<$platform as Platform>::start().await).await;
                }
            )*
        }
    };
}

conform! {
    discord: crate::fake_discord::DiscordPlatform,
    telegram: crate::fake_telegram::TelegramPlatform,
}

#[test]
fn every_kind_has_a_platform() {
    let kinds: Vec<&str> = CHANNELS.iter().map(|kind| kind.id).collect();
    assert_eq!(kinds, KINDS);
}
