//! Parameters and results of the methods, one file per noun. Read tolerantly, written exactly.

pub mod agent;
pub mod agents;
pub mod approvals;
pub mod channels;
pub mod chat;
pub mod config;
pub mod cron;
pub mod devices;
pub mod health;
pub mod hooks;
pub mod identity;
pub mod logs;
pub mod message;
pub mod models;
pub mod nodes;
pub mod plugins;
pub mod sessions;
pub mod skills;
pub mod status;
pub mod system;
pub mod tasks;
pub mod tools;
pub mod usage;
