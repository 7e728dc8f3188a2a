//! Google Gemini, `streamGenerateContent`.
//!
//! Source: Google's public API reference of the Generative Language API, v1beta.

mod body;
pub(in crate::wire) mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::call::{self, Call};
use super::endpoint::{Endpoint, api_url};
use crate::{EventStream, Provider, Request};

pub(crate) struct Gemini {
    endpoint: Arc<Endpoint>,
}

impl Gemini {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint }
    }
}

impl Provider for Gemini {
    fn stream(&self, request: Request) -> EventStream {
        let body = body::build(&request, &self.endpoint);
        let assembler = stream::Assembler::new(self.endpoint.origin(&request.model));
        let path = format!("models/{}:streamGenerateContent?alt=sse", request.model);
        let url = api_url(&self.endpoint.base_url, "v1beta", true, &path);
        call::start(
            Call { endpoint: Arc::clone(&self.endpoint), model: request.model, url, headers: &[], body },
            assembler,
        )
    }
}

/// A signature that belongs to a call, with the model that made it: [`crate::ToolUse`] has one field for both.
fn seal(origin: &str, signature: &str) -> String {
    format!("{origin} {signature}")
}

/// The signature, if this model made it.
fn unseal<'a>(origin: &str, sealed: &'a str) -> Option<&'a str> {
    sealed.strip_prefix(origin)?.strip_prefix(' ')
}
