//! Calls whose answer comes in one piece.

use reqwest::RequestBuilder;

use super::error::{self, Failure};

/// Sends a request and reads its whole answer, of which no more than `max_bytes` are taken. The caller sets the time.
pub(crate) async fn whole_answer(request: RequestBuilder, max_bytes: usize) -> Result<Vec<u8>, Failure> {
    let mut response = request.send().await.map_err(|error| error::network(&error))?;
    let (status, headers) = (response.status(), response.headers().clone());
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| error::network(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > max_bytes {
            return Err(error::protocol(format!("the answer is larger than {max_bytes} bytes")).into());
        }
    }
    if status.is_success() { Ok(body) } else { Err(error::of_response(status.as_u16(), &headers, &body)) }
}
