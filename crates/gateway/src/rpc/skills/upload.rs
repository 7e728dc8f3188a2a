//! `skills.upload.*`: an archive comes in pieces, and is installed by `skills.install` with `source: "upload"`.

use chela_protocol::RpcError;
use chela_protocol::methods::skills::{SkillUploadBeginParams, SkillUploadChunkParams, SkillUploadCommitParams};

use crate::rpc::{Call, RpcResult, answer_of};

pub(super) async fn begin(call: Call) -> RpcResult {
    let gateway = &call.gateway;
    if gateway.config.load().skills.install.allow_uploaded_archives == Some(false) {
        return Err(RpcError::invalid(
            "skills.install.allowUploadedArchives is false: archives of clients are not taken",
        ));
    }
    let params: SkillUploadBeginParams = call.params()?;
    chela_agent::SkillHome::check_name(&params.slug).map_err(|error| RpcError::invalid(error.to_string()))?;
    answer_of(&gateway.skills.uploads.begin(params, gateway.now_ms())?)
}

pub(super) async fn chunk(call: Call) -> RpcResult {
    let params: SkillUploadChunkParams = call.params()?;
    let (gateway, uploads) = (&call.gateway, &call.gateway.skills.uploads);
    answer_of(&uploads.chunk(&params.upload_id, params.offset, &params.data_base64, gateway.now_ms())?)
}

pub(super) async fn commit(call: Call) -> RpcResult {
    let params: SkillUploadCommitParams = call.params()?;
    let (gateway, uploads) = (&call.gateway, &call.gateway.skills.uploads);
    answer_of(&uploads.commit(&params.upload_id, params.sha256.as_deref(), gateway.now_ms())?)
}
