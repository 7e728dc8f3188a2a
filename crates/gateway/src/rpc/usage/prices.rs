//! From sums as they are booked to totals as clients show them: dollars, and their parts.

use std::collections::HashMap;

use chela_llm::{ModelRef, Models, Price};
use chela_protocol::methods::usage::UsageTotals;
use chela_store::UsageSums;

const MICROS: f64 = 1_000_000.0;

/// Looks prices up, each once.
pub(super) struct Prices<'a> {
    models: &'a Models,
    known: HashMap<(String, String), Option<Price>>,
}

impl<'a> Prices<'a> {
    pub(super) fn of(models: &'a Models) -> Self {
        Self { models, known: HashMap::new() }
    }

    /// The totals of calls to one model.
    pub(super) fn totals(&mut self, provider: &str, model: &str, sums: &UsageSums) -> UsageTotals {
        let models = self.models;
        let price = self
            .known
            .entry((provider.to_owned(), model.to_owned()))
            .or_insert_with(|| models.info(&ModelRef { provider: provider.to_owned(), model: model.to_owned() }).price);
        totals(sums, *price)
    }
}

/// What was booked is true to the prices of its time; those of now only say how it is shared among the kinds of tokens.
#[expect(clippy::cast_precision_loss, reason = "token counts and millionths of dollars are far below 2^52")]
pub(super) fn totals(sums: &UsageSums, price: Option<Price>) -> UsageTotals {
    let price = price.unwrap_or_default();
    let parts = [
        price.input * sums.input as f64,
        price.output * sums.output as f64,
        price.cache_read * sums.cache_read as f64,
        price.cache_write * sums.cache_write as f64,
    ];
    let total_cost = sums.cost_micros as f64 / MICROS;
    let whole: f64 = parts.iter().sum();
    let [input_cost, output_cost, cache_read_cost, cache_write_cost] =
        parts.map(|part| if whole > 0.0 { total_cost * part / whole } else { 0.0 });
    UsageTotals {
        input: sums.input,
        output: sums.output,
        cache_read: sums.cache_read,
        cache_write: sums.cache_write,
        total_tokens: sums.input + sums.output + sums.cache_read + sums.cache_write,
        total_cost,
        input_cost,
        output_cost,
        cache_read_cost,
        cache_write_cost,
        missing_cost_entries: sums.unpriced,
    }
}

/// Adds the second to the first.
pub(super) fn add(to: &mut UsageTotals, more: &UsageTotals) {
    to.input += more.input;
    to.output += more.output;
    to.cache_read += more.cache_read;
    to.cache_write += more.cache_write;
    to.total_tokens += more.total_tokens;
    to.total_cost += more.total_cost;
    to.input_cost += more.input_cost;
    to.output_cost += more.output_cost;
    to.cache_read_cost += more.cache_read_cost;
    to.cache_write_cost += more.cache_write_cost;
    to.missing_cost_entries += more.missing_cost_entries;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_booked_is_shared_among_its_kinds() {
        let sums = UsageSums { calls: 1, input: 100, output: 50, cost_micros: 600, ..UsageSums::default() };
        let price = Price { input: 1.0, output: 10.0, ..Price::default() };
        let shared = totals(&sums, Some(price));
        assert!((shared.total_cost - 0.0006).abs() < 1e-12, "{shared:?}");
        assert!(
            (shared.input_cost - 0.0001).abs() < 1e-12 && (shared.output_cost - 0.0005).abs() < 1e-12,
            "{shared:?}"
        );
        let unknown = totals(&sums, None);
        assert!((unknown.total_cost - 0.0006).abs() < 1e-12 && unknown.input_cost.abs() < 1e-12, "{unknown:?}");
    }
}
