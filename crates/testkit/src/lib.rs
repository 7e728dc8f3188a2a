//! Fake servers of the outside world, for tests only.

pub mod model;

pub use model::FakeModel;
