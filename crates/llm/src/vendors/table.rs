//! The rows. Order matters: the first vendor with a key gives the default model.
//!
//! Models and prices as the vendors published them in November 2026.

use super::Quirk::{
    EnableThinking, MaxCompletionTokens, NineLetterIds, NoStreamOptions, PromptCacheKey, ReasoningEffort,
    ReasoningObject, ReplayReasoning, ThinkingSwitch,
};
use super::Senses::{Images, ImagesAndDocuments, Text};
use super::Thinks::{No, Yes};
use super::{KeyHeader, KeyNeed, KnownModel, UNKNOWN, Vendor, Wire};

/// What rows of Chat Completions vendors have in common.
const CHAT: Vendor = Vendor {
    id: "",
    name: "",
    wire: Wire::OpenAiChat,
    base_url: "",
    base_url_vars: &[],
    key_vars: &[],
    key_need: KeyNeed::Required,
    key_header: KeyHeader::Bearer,
    default_model: None,
    quirks: &[],
    unlisted: UNKNOWN,
    models: &[],
};

pub(super) const VENDORS: &[Vendor] = &[
    Vendor {
        id: "anthropic",
        name: "Anthropic",
        wire: Wire::Anthropic,
        base_url: "https://api.anthropic.com",
        base_url_vars: &["ANTHROPIC_BASE_URL"],
        key_vars: &["ANTHROPIC_OAUTH_TOKEN", "ANTHROPIC_API_KEY"],
        key_header: KeyHeader::Anthropic,
        default_model: Some("claude-opus-5-5"),
        unlisted: KnownModel::unpriced("", 200, 32, ImagesAndDocuments, Yes),
        models: &[
            KnownModel::new("claude-opus-5-5", 1000, 128, ImagesAndDocuments, Yes, [4.0, 20.0, 0.4, 5.0]),
            KnownModel::new("claude-sonnet-5-5", 1000, 128, ImagesAndDocuments, Yes, [2.0, 10.0, 0.2, 2.5]),
            KnownModel::new("claude-haiku-5-5", 1000, 128, ImagesAndDocuments, Yes, [0.1, 0.5, 0.01, 0.125]),
            KnownModel::new("claude-fable-5-1", 1000, 128, ImagesAndDocuments, Yes, [10.0, 50.0, 1.0, 12.5]),
            KnownModel::new("claude-opus-5", 1000, 128, ImagesAndDocuments, Yes, [5.0, 25.0, 0.5, 6.25]),
            KnownModel::new("claude-sonnet-5", 1000, 128, ImagesAndDocuments, Yes, [2.0, 10.0, 0.2, 2.5]),
            KnownModel::new("claude-opus-4-6", 200, 128, ImagesAndDocuments, Yes, [5.0, 25.0, 0.5, 6.25]),
            KnownModel::new("claude-sonnet-4-6", 200, 64, ImagesAndDocuments, Yes, [3.0, 15.0, 0.3, 3.75]),
            KnownModel::new("claude-opus-4-5", 200, 64, ImagesAndDocuments, Yes, [5.0, 25.0, 0.5, 6.25]),
            KnownModel::new("claude-sonnet-4-5", 200, 64, ImagesAndDocuments, Yes, [3.0, 15.0, 0.3, 3.75]),
            KnownModel::new("claude-haiku-4-5", 200, 64, ImagesAndDocuments, Yes, [1.0, 5.0, 0.1, 1.25]),
        ],
        ..CHAT
    },
    Vendor {
        id: "openai",
        name: "OpenAI",
        wire: Wire::OpenAiResponses,
        base_url: "https://api.openai.com/v1",
        base_url_vars: &["OPENAI_BASE_URL", "OPENAI_API_BASE"],
        key_vars: &["OPENAI_API_KEY"],
        default_model: Some("gpt-5.6-terra"),
        quirks: &[MaxCompletionTokens, PromptCacheKey, ReasoningEffort],
        unlisted: KnownModel::unpriced("", 400, 128, ImagesAndDocuments, Yes),
        models: &[
            KnownModel::new("gpt-5.6-sol", 1050, 128, ImagesAndDocuments, Yes, [5.0, 30.0, 0.5, 0.0]),
            KnownModel::new("gpt-5.6-terra", 1050, 128, ImagesAndDocuments, Yes, [2.0, 12.0, 0.2, 0.0]),
            KnownModel::new("gpt-5.6-luna", 1050, 128, ImagesAndDocuments, Yes, [0.2, 1.2, 0.02, 0.0]),
            KnownModel::new("gpt-5.5", 1050, 128, ImagesAndDocuments, Yes, [5.0, 30.0, 0.5, 0.0]),
            KnownModel::new("gpt-5.4", 1050, 128, ImagesAndDocuments, Yes, [2.5, 15.0, 0.25, 0.0]),
            KnownModel::new("gpt-5.4-mini", 400, 128, ImagesAndDocuments, Yes, [0.75, 4.5, 0.075, 0.0]),
            KnownModel::new("gpt-5.2", 400, 128, ImagesAndDocuments, Yes, [1.75, 14.0, 0.175, 0.0]),
            KnownModel::new("gpt-5", 400, 128, ImagesAndDocuments, Yes, [1.25, 10.0, 0.125, 0.0]),
            KnownModel::new("gpt-5-mini", 400, 128, ImagesAndDocuments, Yes, [0.25, 2.0, 0.025, 0.0]),
            KnownModel::new("gpt-4.1", 1047, 32, ImagesAndDocuments, No, [2.0, 8.0, 0.5, 0.0]),
            KnownModel::new("gpt-4o", 128, 16, ImagesAndDocuments, No, [2.5, 10.0, 1.25, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "google",
        name: "Google Gemini",
        wire: Wire::Gemini,
        base_url: "https://generativelanguage.googleapis.com/v1beta",
        base_url_vars: &["GOOGLE_GEMINI_BASE_URL", "GEMINI_BASE_URL"],
        key_vars: &["GEMINI_API_KEY", "GOOGLE_API_KEY"],
        key_header: KeyHeader::Google,
        default_model: Some("gemini-3.8-flash"),
        unlisted: KnownModel::unpriced("", 1048, 65, ImagesAndDocuments, Yes),
        models: &[
            KnownModel::new("gemini-3.8-flash", 1048, 65, ImagesAndDocuments, Yes, [0.75, 3.75, 0.075, 0.0]),
            KnownModel::unpriced("gemini-3.5-flash-lite", 1048, 65, ImagesAndDocuments, Yes),
            KnownModel::new("gemini-3.1-pro-preview", 1048, 65, ImagesAndDocuments, Yes, [2.0, 12.0, 0.2, 0.0]),
            KnownModel::new("gemini-3.1-flash-lite", 1048, 65, ImagesAndDocuments, Yes, [0.25, 1.5, 0.025, 0.0]),
            KnownModel::new("gemini-2.5-flash-lite", 1048, 65, ImagesAndDocuments, Yes, [0.1, 0.4, 0.01, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "openrouter",
        name: "OpenRouter",
        base_url: "https://openrouter.ai/api/v1",
        base_url_vars: &["OPENROUTER_BASE_URL"],
        key_vars: &["OPENROUTER_API_KEY"],
        default_model: Some("openrouter/auto"),
        quirks: &[ReasoningObject],
        unlisted: KnownModel::unpriced("", 128, 16, Images, No),
        models: &[
            KnownModel::new("anthropic/claude-opus-4.5", 200, 32, ImagesAndDocuments, Yes, [5.0, 25.0, 0.5, 6.25]),
            KnownModel::new("anthropic/claude-sonnet-4.5", 200, 64, ImagesAndDocuments, Yes, [3.0, 15.0, 0.3, 3.75]),
            KnownModel::unpriced("openrouter/auto", 200, 16, Images, No),
        ],
        ..CHAT
    },
    Vendor {
        id: "groq",
        name: "Groq",
        base_url: "https://api.groq.com/openai/v1",
        base_url_vars: &["GROQ_BASE_URL"],
        key_vars: &["GROQ_API_KEY"],
        default_model: Some("openai/gpt-oss-120b"),
        quirks: &[MaxCompletionTokens, ReasoningEffort],
        models: &[
            KnownModel::new("openai/gpt-oss-120b", 131, 65, Text, Yes, [0.15, 0.6, 0.075, 0.0]),
            KnownModel::new("openai/gpt-oss-20b", 131, 65, Text, Yes, [0.075, 0.3, 0.0375, 0.0]),
            KnownModel::new("llama-3.3-70b-versatile", 131, 32, Text, No, [0.59, 0.79, 0.0, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "mistral",
        name: "Mistral",
        base_url: "https://api.mistral.ai/v1",
        base_url_vars: &["MISTRAL_BASE_URL"],
        key_vars: &["MISTRAL_API_KEY"],
        default_model: Some("mistral-large-latest"),
        quirks: &[NoStreamOptions, NineLetterIds],
        models: &[
            KnownModel::new("mistral-large-latest", 256, 32, Images, No, [0.5, 1.5, 0.0, 0.0]),
            KnownModel::new("mistral-medium-latest", 128, 32, Images, No, [0.4, 2.0, 0.0, 0.0]),
            KnownModel::new("mistral-small-latest", 128, 32, Images, No, [0.1, 0.3, 0.0, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "xai",
        name: "xAI",
        base_url: "https://api.x.ai/v1",
        base_url_vars: &["XAI_BASE_URL"],
        key_vars: &["XAI_API_KEY"],
        default_model: Some("grok-4"),
        models: &[
            // Thinks always and takes no effort.
            KnownModel::new("grok-4", 256, 64, Images, No, [3.0, 15.0, 0.75, 0.0]),
            KnownModel::new("grok-4-fast-non-reasoning", 2000, 30, Images, No, [0.2, 0.5, 0.05, 0.0]),
            KnownModel::new("grok-4-fast-reasoning", 2000, 30, Images, No, [0.2, 0.5, 0.05, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "deepseek",
        name: "DeepSeek",
        base_url: "https://api.deepseek.com/v1",
        base_url_vars: &["DEEPSEEK_BASE_URL"],
        key_vars: &["DEEPSEEK_API_KEY"],
        default_model: Some("deepseek-v4-flash"),
        quirks: &[ThinkingSwitch, ReplayReasoning],
        models: &[
            KnownModel::unpriced("deepseek-v4-flash", 1000, 384, Text, Yes),
            KnownModel::unpriced("deepseek-v4-pro", 1000, 384, Text, Yes),
        ],
        ..CHAT
    },
    Vendor {
        id: "together",
        name: "Together AI",
        base_url: "https://api.together.xyz/v1",
        base_url_vars: &["TOGETHER_BASE_URL"],
        key_vars: &["TOGETHER_API_KEY"],
        default_model: Some("openai/gpt-oss-120b"),
        quirks: &[ReasoningEffort],
        models: &[KnownModel::new("openai/gpt-oss-120b", 128, 32, Text, Yes, [0.15, 0.6, 0.0, 0.0])],
        ..CHAT
    },
    Vendor {
        id: "fireworks",
        name: "Fireworks AI",
        base_url: "https://api.fireworks.ai/inference/v1",
        base_url_vars: &["FIREWORKS_BASE_URL"],
        key_vars: &["FIREWORKS_API_KEY"],
        default_model: Some("accounts/fireworks/models/gpt-oss-120b"),
        quirks: &[ReasoningEffort],
        models: &[KnownModel::new("accounts/fireworks/models/gpt-oss-120b", 131, 32, Text, Yes, [0.15, 0.6, 0.0, 0.0])],
        ..CHAT
    },
    Vendor {
        id: "cerebras",
        name: "Cerebras",
        base_url: "https://api.cerebras.ai/v1",
        base_url_vars: &["CEREBRAS_BASE_URL"],
        key_vars: &["CEREBRAS_API_KEY"],
        default_model: Some("gpt-oss-120b"),
        quirks: &[MaxCompletionTokens, ReasoningEffort],
        models: &[KnownModel::new("gpt-oss-120b", 131, 40, Text, Yes, [0.35, 0.75, 0.0, 0.0])],
        ..CHAT
    },
    Vendor {
        id: "moonshot",
        name: "Moonshot AI",
        base_url: "https://api.moonshot.ai/v1",
        base_url_vars: &["MOONSHOT_BASE_URL"],
        key_vars: &["MOONSHOT_API_KEY"],
        default_model: Some("kimi-k2.5"),
        quirks: &[ThinkingSwitch, ReplayReasoning],
        unlisted: KnownModel::unpriced("", 262, 32, Text, No),
        models: &[
            KnownModel::new("kimi-k2.5", 262, 32, Images, Yes, [0.6, 3.0, 0.1, 0.0]),
            KnownModel::new("kimi-k2-0905-preview", 262, 32, Text, No, [0.6, 2.5, 0.15, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "minimax",
        name: "MiniMax",
        wire: Wire::Anthropic,
        base_url: "https://api.minimax.io/anthropic",
        base_url_vars: &["MINIMAX_BASE_URL"],
        key_vars: &["MINIMAX_API_KEY"],
        key_header: KeyHeader::Bearer,
        default_model: Some("MiniMax-M2.1"),
        unlisted: KnownModel::unpriced("", 200, 32, Text, Yes),
        models: &[
            KnownModel::new("MiniMax-M2.1", 200, 64, Text, Yes, [0.3, 1.2, 0.03, 0.375]),
            KnownModel::new("MiniMax-M2", 200, 64, Text, Yes, [0.3, 1.2, 0.03, 0.375]),
        ],
        ..CHAT
    },
    Vendor {
        id: "zai",
        name: "Z.AI",
        base_url: "https://api.z.ai/api/paas/v4",
        base_url_vars: &["ZAI_BASE_URL"],
        key_vars: &["ZAI_API_KEY", "Z_AI_API_KEY"],
        default_model: Some("glm-4.7"),
        quirks: &[ThinkingSwitch, ReplayReasoning],
        unlisted: KnownModel::unpriced("", 200, 64, Text, Yes),
        models: &[
            KnownModel::new("glm-4.7", 200, 128, Text, Yes, [0.6, 2.2, 0.11, 0.0]),
            KnownModel::new("glm-4.6", 200, 128, Text, Yes, [0.6, 2.2, 0.11, 0.0]),
        ],
        ..CHAT
    },
    Vendor {
        id: "qwen",
        name: "Alibaba Qwen",
        base_url: "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
        base_url_vars: &["DASHSCOPE_BASE_URL", "QWEN_BASE_URL"],
        key_vars: &["DASHSCOPE_API_KEY", "QWEN_API_KEY", "MODELSTUDIO_API_KEY"],
        default_model: Some("qwen3-max"),
        quirks: &[EnableThinking],
        models: &[
            KnownModel::new("qwen3-max", 262, 32, Text, No, [1.2, 6.0, 0.24, 0.0]),
            KnownModel::unpriced("qwen-plus", 1000, 32, Text, Yes),
        ],
        ..CHAT
    },
    Vendor {
        id: "nvidia",
        name: "NVIDIA",
        base_url: "https://integrate.api.nvidia.com/v1",
        base_url_vars: &["NVIDIA_BASE_URL"],
        key_vars: &["NVIDIA_API_KEY"],
        default_model: Some("openai/gpt-oss-120b"),
        quirks: &[ReasoningEffort],
        models: &[KnownModel::unpriced("openai/gpt-oss-120b", 128, 32, Text, Yes)],
        ..CHAT
    },
    Vendor {
        id: "ollama",
        name: "Ollama",
        base_url: "http://127.0.0.1:11434/v1",
        base_url_vars: &["OLLAMA_BASE_URL", "OLLAMA_HOST"],
        key_vars: &["OLLAMA_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[ReasoningEffort],
        ..CHAT
    },
    Vendor {
        id: "lmstudio",
        name: "LM Studio",
        base_url: "http://127.0.0.1:1234/v1",
        base_url_vars: &["LMSTUDIO_BASE_URL"],
        key_vars: &["LM_API_TOKEN", "LMSTUDIO_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[ReasoningEffort],
        ..CHAT
    },
    Vendor {
        id: "vllm",
        name: "vLLM",
        base_url: "http://127.0.0.1:8000/v1",
        base_url_vars: &["VLLM_BASE_URL"],
        key_vars: &["VLLM_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[ReasoningEffort],
        ..CHAT
    },
    Vendor {
        id: "litellm",
        name: "LiteLLM",
        base_url: "http://127.0.0.1:4000/v1",
        base_url_vars: &["LITELLM_BASE_URL"],
        key_vars: &["LITELLM_API_KEY"],
        key_need: KeyNeed::Optional,
        quirks: &[ReasoningEffort],
        ..CHAT
    },
];
