//! Anthropic Messages, spoken by Anthropic and a few others.
//!
//! Source: Anthropic's public API reference for `POST /v1/messages` with `stream: true`.

mod body;
pub(in crate::wire) mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::call::{self, Call};
use super::endpoint::{Endpoint, api_url};
use crate::{EventStream, Provider, Request};

const HEADERS: &[(&str, &str)] = &[("anthropic-version", "2023-06-01")];

pub(crate) struct Anthropic {
    endpoint: Arc<Endpoint>,
}

impl Anthropic {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint }
    }
}

impl Provider for Anthropic {
    fn stream(&self, request: Request) -> EventStream {
        let body = body::build(&request, &self.endpoint);
        let assembler = stream::Assembler::new(self.endpoint.origin(&request.model));
        let url = api_url(&self.endpoint.base_url, "v1", true, "messages");
        call::start(
            Call { endpoint: Arc::clone(&self.endpoint), model: request.model, url, headers: HEADERS, body },
            assembler,
        )
    }
}
