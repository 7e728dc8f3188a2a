//! Fake servers of the outside world, for tests only.

pub mod model;
pub mod telegram;

pub use model::FakeModel;
pub use telegram::FakeTelegram;
