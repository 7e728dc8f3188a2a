//! OpenAI Chat Completions, and the many servers that speak it more or less.
//!
//! Source: the vendors' public API references for `POST /chat/completions` with `stream: true`.

mod body;
pub(in crate::wire) mod stream;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use super::call::{self, Call};
use super::endpoint::{Endpoint, api_url};
use crate::{EventStream, Provider, Request};

pub(crate) struct OpenAiChat {
    endpoint: Arc<Endpoint>,
}

impl OpenAiChat {
    pub(crate) fn new(endpoint: Arc<Endpoint>) -> Self {
        Self { endpoint }
    }
}

impl Provider for OpenAiChat {
    fn stream(&self, request: Request) -> EventStream {
        let body = body::build(&request, &self.endpoint);
        let assembler = stream::Assembler::new(self.endpoint.origin(&request.model));
        let url = api_url(&self.endpoint.base_url, "v1", false, "chat/completions");
        call::start(
            Call { endpoint: Arc::clone(&self.endpoint), model: request.model, url, headers: &[], body },
            assembler,
        )
    }
}
