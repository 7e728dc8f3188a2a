//! Lists of things that clients ask for and that this gateway never has: nothing here makes a theme, asks a question of its own,
//! has plugins whose actions want a person's yes, or installs any. The true answer is an empty list, and clients show empty pages instead of errors.

use chela_protocol::Scope;
use serde_json::json;

use super::{Access, Method};

/// The methods of this file.
pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("themes.list", Access::Holding(Scope::Read), |_| async { Ok(json!({ "themes": [] })) }),
        Method::new("plugins.catalog.browse", Access::Holding(Scope::Read), |_| async { Ok(json!({ "items": [] })) }),
        Method::new("question.list", Access::Holding(Scope::Questions), |_| async { Ok(json!({ "questions": [] })) }),
        Method::new("plugin.approval.list", Access::Holding(Scope::Approvals), |_| async { Ok(json!([])) }),
        Method::new("openclaw.approval.list", Access::Holding(Scope::Approvals), |_| async { Ok(json!([])) }),
    ]
}
