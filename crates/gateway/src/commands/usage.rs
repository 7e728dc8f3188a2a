//! `/usage cost`: what was used so far, from the recorded calls.

use std::fmt::Write as _;

use chela_store::{Spent, StoreError};

use super::Asked;

const DAY_MS: i64 = 86_400_000;

/// Times that are summed, with what they are called.
const SPANS: [(&str, i64); 3] = [("The last 24 hours", 1), ("The last 7 days", 7), ("The last 30 days", 30)];

pub(super) async fn costs(asked: &Asked<'_>) -> Result<String, StoreError> {
    let store = &asked.gateway.store;
    let session = asked.session().await?;
    let mut lines = vec![format!("- This conversation: {}", words(store.spent_in(&session.id).await?))];
    // What others cost is the owner's to know.
    if asked.input.sender_is_owner {
        for (name, days) in SPANS {
            let mut sum = Spent::default();
            let since = store.spent_since(asked.gateway.now_ms() - days * DAY_MS).await?;
            for (_, spent) in since {
                sum.add(spent);
            }
            lines.push(format!("- {name}, all agents: {}", words(sum)));
        }
    }
    Ok(format!("Used so far:\n{}", lines.join("\n")))
}

fn words(spent: Spent) -> String {
    let mut text = format!("{} tokens", spent.tokens);
    if spent.cost_micros > 0 {
        let _ = write!(text, ", ${}.{:04}", spent.cost_micros / 1_000_000, spent.cost_micros % 1_000_000 / 100);
    }
    if spent.unpriced > 0 {
        let _ = write!(text, ", {} calls without a known price", spent.unpriced);
    }
    text
}
