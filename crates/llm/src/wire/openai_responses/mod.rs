//! OpenAI Responses, without the vendor's store: the conversation travels whole, reasoning encrypted.
//!
//! Source: OpenAI's public API reference for `POST /responses` with `stream: true`.

mod body;
pub(in crate::wire) mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::call::{self, Call};
use super::endpoint::{Endpoint, api_url};
use crate::{EventStream, Provider, Request};

pub(crate) struct OpenAiResponses {
    endpoint: Arc<Endpoint>,
}

impl OpenAiResponses {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint }
    }
}

impl Provider for OpenAiResponses {
    fn stream(&self, request: Request) -> EventStream {
        let body = body::build(&request, &self.endpoint);
        let assembler = stream::Assembler::new(self.endpoint.origin(&request.model));
        let url = api_url(&self.endpoint.base_url, "v1", false, "responses");
        call::start(
            Call { endpoint: Arc::clone(&self.endpoint), model: request.model, url, headers: &[], body },
            assembler,
        )
    }
}
