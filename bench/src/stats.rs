//! Medians and percentiles. A single number of a noisy machine is never reported.

use std::time::Duration;

/// Measurements of one thing.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    /// Adds a time, kept in milliseconds.
    pub(crate) fn time(&mut self, elapsed: Duration) {
        self.0.push(elapsed.as_secs_f64() * 1e3);
    }

    /// Adds a plain number.
    pub(crate) fn number(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The value below which this share (0 to 1) of the samples lies; zero without samples.
    pub(crate) fn quantile(&self, share: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a small length")]
        let index = (last as f64 * share).round() as usize;
        sorted.get(index.min(last)).copied().unwrap_or_default()
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_taken_from_the_sorted_samples() {
        let mut samples = Samples::default();
        for value in [5.0, 1.0, 4.0, 2.0, 3.0] {
            samples.number(value);
        }
        assert_eq!((samples.median(), samples.quantile(0.0), samples.quantile(1.0), samples.len()), (3.0, 1.0, 5.0, 5));
    }
}
