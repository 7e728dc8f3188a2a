//! The composition root: everything that the daemon's parts share, built once at start.

use arc_swap::ArcSwap;
use chela_llm::Models;
use chela_store::Store;

/// The running gateway. Parts receive it as `Arc<Gateway>`.
pub struct Gateway {
    pub store: Store,
    pub models: ArcSwap<Models>,
}
