//! Keys of the reference system: a key listed here that no section reads is noted as "no effect", not called unknown.
//!
//! Taken from the schemas of its January and September 2026 releases (reference §4.5). Listing a key that a section does read
//! does no harm: sections are asked first.

use crate::path::{KeyPath, Segment};

/// Where, and which keys there. `*` stands for any key or element.
const KEYS: &[(&str, &str)] = &[
    (
        "",
        "accessGroups acp agents approvals attachments audio auth bindings broadcast browser canvasHost channels \
         cloudWorkers commands cron desktop diagnostics discovery env gateway hooks logging mcp media memory \
         messages models nodeHost plugins proxy secrets security session skills surfaces talk telemetry \
         tools transcripts tts ui update web wizard worktreeAcceleration worktreeRoot",
    ),
    ("agents", "defaults entries list ownership"),
    (
        "agents.defaults",
        "authInheritance blockStreamingBreak blockStreamingChunk blockStreamingCoalesce blockStreamingDefault \
         bootstrapMaxChars bootstrapTotalMaxChars cliBackends compaction contextInjection contextLimits \
         contextPruning contextTokens cwd decisionModel elevatedDefault embeddedAgent envelopeElapsed \
         envelopeTimestamp envelopeTimezone experimental fastModeDefault heartbeat humanDelay imageMaxDimensionPx \
         imageModel imageQuality maxConcurrent mediaMaxMb mediaModels memorySearch model modelPolicy \
         modelSelectionScope models params pdfMaxMb pdfMaxPages pdfModel reasoningDefault repoRoot sandbox \
         sessionStore silentReply skills skipBootstrap skipOptionalBootstrapFiles startupContext subagents \
         systemAgent thinkingDefault timeFormat timeoutSeconds toolProgressDetail typingIntervalSeconds \
         typingMode userTimezone utilityModel verboseDefault voiceModel workspace",
    ),
    (
        "agents.defaults.compaction",
        "identifierPolicy maxActiveTranscriptBytes maxHistoryShare midTurnPrecheck mode notifyUser \
         postCompactionSections postIndexSync provider qualityGuard thinkingLevel",
    ),
    (
        "agents.defaults.compaction.memoryFlush",
        "forceFlushTranscriptBytes model prompt softThresholdTokens systemPrompt",
    ),
    ("agents.defaults.contextPruning", "minPrunableToolChars tools"),
    (
        "agents.list.*",
        "agentDir bootstrapMaxChars bootstrapTotalMaxChars contextInjection contextLimits cwd decisionModel \
         description embeddedAgent experimental fastModeDefault groupChat heartbeat humanDelay identity memory \
         memorySearch modelPolicy models params reasoningDefault runtime sandbox skills skillsLimits subagents \
         thinkingDefault toolProgressDetail tools tts typingMode utilityModel verboseDefault",
    ),
    ("agents.list.*.identity", "avatar emoji name theme"),
    ("auth", "cooldowns order profiles"),
    ("auth.profiles.*", "displayName email"),
    ("bindings.*", "acp comment session type"),
    ("channels.discord", DISCORD),
    ("channels.discord.accounts.*", DISCORD),
    ("channels.discord.commands", "nativeSkills"),
    ("channels.discord.guilds.*", "presenceEvents"),
    ("channels.discord.guilds.*.channels.*", "autoThread includeThreadStarter ingest"),
    ("channels.discord.intents", "voiceStates"),
    ("channels.discord.streaming", "block preview progress"),
    ("channels.telegram", TELEGRAM),
    ("channels.telegram.accounts.*", TELEGRAM),
    ("channels.telegram.commands", "nativeSkills"),
    ("channels.telegram.groups.*", "disableAudioPreflight ingest"),
    ("channels.telegram.groups.*.topics.*", "disableAudioPreflight errorPolicy ingest"),
    ("channels.telegram.streaming", "block preview progress"),
    (
        "commands",
        "allowFrom bash bashForegroundMs config debug mcp native nativeSkills ownerAllowFrom plugins restart text \
         useAccessGroups",
    ),
    ("cron", "store triggers"),
    ("cron.failureAlert", "mode"),
    ("cron.webhookSsrfPolicy", "allowIpv6UniqueLocalRange allowRfc2544BenchmarkRange"),
    ("env", "shellEnv"),
    (
        "gateway",
        "allowRealIpFallback cliAgents controlUi customBindHost http nodes portals publicOrigin push reload \
         remote roles tailscale terminal tls tools trustedProxies",
    ),
    ("gateway.auth", "allowTailscale identityScopes rateLimit trustedProxy"),
    (
        "gateway.controlUi",
        "allowExternalEmbedUrls allowInsecureAuth allowedOrigins automaticallyFetchFavicons basePath \
         communityInvite dangerouslyAllowHostHeaderOriginFallback dangerouslyDisableDeviceAuth embedSandbox \
         enabled environment experimental github root sessionObserver",
    ),
    ("gateway.nodes", "allowSkills browser pairing pluginTools"),
    ("gateway.reload", "debounceMs"),
    ("gateway.remote", "edgeAuth remotePort sshHostKeyPolicy sshIdentity sshTarget tlsFingerprint transport"),
    ("hooks", "internal transformsDir"),
    ("hooks.gmail", "account hookUrl includeBody label pushToken renewEveryMinutes serve subscription tailscale topic"),
    ("logging", "audit consoleLevel consoleStyle file level maxFileBytes redactPatterns redactSensitive"),
    (
        "messages",
        "ackReaction ackReactionScope groupChat inbound messagePrefix queue removeAckAfterReply responsePrefix \
         responseUsage statusReactions usageTemplate visibleReplies",
    ),
    ("meta", "lastTouchedAt lastTouchedVersion migrations"),
    ("models", "bedrockDiscovery catalogRefresh mode providers"),
    ("plugins", "allow deny enabled entries installs load slots"),
    ("plugins.entries", "*"),
    ("secrets", "defaults providers resolution"),
    (
        "session",
        "agentToAgent dmScope groupScope identityLinks mainKey maintenance notifyOnCreate reset resetByChannel \
         resetByType resetTriggers scope sendPolicy sharing store threadBindings typingIntervalSeconds typingMode",
    ),
    ("skills", "allowBundled entries install limits load workshop"),
    (
        "tools",
        "agentToAgent allow alsoAllow byProvider codeMode deny elevated exec fs github links loopDetection media \
         message profile sandbox sessions sessions_spawn subagents swarm toolSearch updatePlan web",
    ),
    (
        "tools.exec",
        "applyPatch approvalRunningNoticeMs ask backgroundMs cleanupMs host mode node notifyOnExit pathPrepend \
         safeBins security strictInlineEval",
    ),
    (
        "secrets.providers.*",
        "allowInsecurePath allowSymlinkCommand env jsonOnly maxBytes maxOutputBytes noOutputTimeoutMs timeoutMs \
         trustedDirs",
    ),
];

/// Of a Discord account, at the top level of the channel and in each of its accounts.
const DISCORD: &str = "actions activities agentComponents applicationId autoPresence blockStreamingCoalesce capabilities configWrites \
    dangerouslyAllowNameMatching defaultTo dmHistoryLimit dms execApprovals healthMonitor heartbeat heartbeatVisibility inboundWorker joinIntro \
    mentionAliases mentionPatterns pluralkit proxy retry threadBindings voice";

/// Of a Telegram account, at the top level of the channel and in each of its accounts.
const TELEGRAM: &str = "actions autoTopicLabel blockStreaming blockStreamingCoalesce configWrites defaultTo direct dmHistoryLimit dms draftChunk \
    errorPolicy execApprovals healthMonitor heartbeat heartbeatVisibility joinIntro mentionPatterns network retry \
    richMessages threadBindings trustedLocalFileRoots webhookCertPath webhookHost webhookPort";

/// Channels of the reference system that have no counterpart here yet or ever.
const CHANNELS: &str = "a2a bluebubbles buzz clickclack defaults discord feishu googlechat imessage irc line \
    matrix mattermost modelByChannel msteams nextcloud-talk nostr qa-channel raft reef \
    signal slack sms synology-chat telegram tlon twitch whatsapp zalo zalouser";

/// Whether the reference system knows the key at this path.
pub(crate) fn knows(path: &KeyPath) -> bool {
    let Some((Segment::Key(key), parent)) = path.segments().split_last() else { return false };
    let among = |keys: &str| keys.split_whitespace().any(|known| known == key || known == "*");
    KEYS.iter().chain([&("channels", CHANNELS)]).any(|(place, keys)| among(keys) && place_fits(place, parent))
}

fn place_fits(place: &str, parent: &[Segment]) -> bool {
    let mut pattern = place.split('.').filter(|part| !part.is_empty());
    let fits = |part: &str, segment: &Segment| part == "*" || segment.as_key() == Some(part);
    parent.iter().all(|segment| pattern.next().is_some_and(|part| fits(part, segment))) && pattern.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_keys_by_their_place() {
        let knows = |path: &str| knows(&path.parse().expect("a path"));
        assert!(knows("wizard"));
        assert!(knows("channels.msteams"));
        assert!(knows("agents.list[3].humanDelay"));
        assert!(knows("plugins.entries.whatever"));
        assert!(!knows("humanDelay"));
        assert!(!knows("agents.list[3]"));
        assert!(!knows("channels.mstaems"));
        assert!(!knows("plugins.entries.whatever.config"));
        assert!(!knows(""));
    }

    #[test]
    fn lists_are_sorted_so_that_a_key_is_found_by_eye() {
        for keys in KEYS.iter().map(|(_, keys)| *keys).chain([CHANNELS]) {
            let keys: Vec<&str> = keys.split_whitespace().collect();
            assert!(keys.is_sorted(), "{keys:?}");
        }
    }
}
