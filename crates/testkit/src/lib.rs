//! Fake servers of the outside world, for tests only.

pub mod clawhub;
pub mod discord;
pub mod fly;
pub mod model;
mod multipart;
pub mod telegram;

pub use clawhub::FakeClawHub;
pub use discord::FakeDiscord;
pub use fly::FlyProxy;
pub use model::FakeModel;
pub use telegram::FakeTelegram;
