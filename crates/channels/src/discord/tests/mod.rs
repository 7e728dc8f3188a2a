//! Discord without Discord: what the configuration means, and what events and messages become.

mod normalising;
mod policies;
mod saying;
