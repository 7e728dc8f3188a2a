//! The machinery of configuration: where the file is, what it says, what is wrong with it, and how to change it.
//!
//! Knows no section of its own besides `env` and `secrets`: every other section's struct stands beside the code that it
//! configures, and the root in the gateway. One of the two crates that read the environment.
//!
//! ```no_run
//! use chela_config::{Criticality, Environment, PlaceOverrides, Places, SecretResolver, Section, load};
//! # #[derive(Default, serde::Deserialize, schemars::JsonSchema)]
//! # struct LoggingConfig {}
//!
//! let mut environment = Environment::of_process();
//! let places = Places::locate(&environment, &PlaceOverrides::default())?;
//! let loaded = load(&places, &mut environment);
//! let mut problems = loaded.problems.clone();
//! let logging: Section<LoggingConfig> = loaded.section("logging", Criticality::Normal, &mut problems);
//! let secrets = SecretResolver::new(&loaded, &environment, &places, &mut problems);
//! # Ok::<(), chela_config::PlaceError>(())
//! ```

mod changes;
mod check;
mod describe;
mod dotenv;
pub mod edit;
mod effect;
mod environment;
mod fates;
mod foreign;
mod forms;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod ids;
mod include;
mod load;
mod lookup;
mod mask;
mod nearest;
mod normalise;
mod path;
mod places;
mod problem;
mod program;
mod redact;
mod reference;
mod secret;
mod secrets;
mod section;
mod shape;
mod substitute;
mod syntax;
mod url;
mod write;

pub use changes::changes;
pub use check::{check, read_typed};
pub use edit::EditError;
pub use effect::needing_restart;
pub use environment::{EnvSection, EnvValue, Environment, PREFIXES};
pub use fates::{KeyFate, KeyReport};
pub use forms::secret_forms;
pub use ids::Ids;
pub use load::{Loaded, load};
pub use lookup::{SchemaPlace, lookup};
pub use path::{KeyPath, PathError, Segment};
pub use places::{CONFIG_NAMES, FIRST_FILE, FOREIGN_STATE_DIRS, PlaceError, PlaceOverrides, Places};
pub use problem::{Problem, Severity};
pub use redact::{NothingStored, REDACTED, redact, restore_redacted, secrets_in};
pub use reference::reference;
pub use secret::{Secret, SecretReference, SecretSource};
pub use secrets::{SecretDefaults, SecretError, SecretFileMode, SecretProvider, SecretResolver, SecretsSection};
pub use section::{Criticality, Section, extend, inline_schema_of, schema_of};
pub use syntax::{SyntaxError, hash, parse};
pub use write::{WriteError, former_texts, write};

#[cfg(test)]
mod tests;
