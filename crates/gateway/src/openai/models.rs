//! `GET /v1/models`: one model for each agent.

use axum::Json;
use axum::extract::{Path, Request};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::error::ApiError;
use super::{NAMES, is_on};
use crate::app::Gateway;
use crate::auth::http::authorise;
use crate::server::Ready;

pub(super) async fn list(Ready(gateway): Ready, request: Request) -> Response {
    match names(&gateway, request).await {
        Ok(names) => {
            let data: Vec<Value> = names.iter().map(|name| model(name)).collect();
            Json(json!({ "object": "list", "data": data })).into_response()
        }
        Err(refusal) => refusal,
    }
}

pub(super) async fn one(Ready(gateway): Ready, Path(id): Path<String>, request: Request) -> Response {
    match names(&gateway, request).await {
        Ok(names) if names.contains(&id) => Json(model(&id)).into_response(),
        Ok(_) => ApiError::not_found(format!("The model `{id}` does not exist.")).with_param("model").into_response(),
        Err(refusal) => refusal,
    }
}

async fn names(gateway: &Gateway, request: Request) -> Result<Vec<String>, Response> {
    let (parts, _) = request.into_parts();
    authorise(gateway, &parts).await.map_err(|refusal| *refusal)?;
    let endpoints = gateway.config.load().gateway.http.endpoints;
    if !is_on(gateway, endpoints.chat_completions) && !is_on(gateway, endpoints.responses) {
        return Err(ApiError::not_found("This endpoint is off; see gateway.http.endpoints.").into());
    }
    let book = gateway.sessions.agents(gateway);
    let of = |name: &&str| {
        let agents = book.agents().iter().map(move |agent| format!("{name}/{}", agent.id));
        [(*name).to_owned(), format!("{name}/default")].into_iter().chain(agents).collect::<Vec<_>>()
    };
    Ok(NAMES.iter().flat_map(of).collect())
}

fn model(name: &str) -> Value {
    json!({ "id": name, "object": "model", "created": 0, "owned_by": "chela", "permission": [] })
}
