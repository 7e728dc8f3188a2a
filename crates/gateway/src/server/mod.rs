//! The one port: accepts connections, serves HTTP by path, and hands WebSocket upgrades to `connection`.

mod accept;
mod body;
mod front;
mod listen;
mod metrics;
mod owner;
mod probes;
mod routes;
mod upgrade;
mod waiting;
mod webhooks;

pub(crate) use accept::accept_all;
pub(crate) use body::{BodyError, json_object, read_body};
pub(crate) use front::PreauthSlot;
pub(crate) use front::{Front, Ready, starting};
pub(crate) use listen::{BindError, Bound, bind, reaches_others};
pub(crate) use owner::PortOwner;
pub use owner::port_owner;
pub(crate) use routes::router;
