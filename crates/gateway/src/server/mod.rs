//! The one port: accepts connections, serves HTTP by path, and hands WebSocket upgrades to `connection`.

mod front;

pub use front::{Front, Ready};
