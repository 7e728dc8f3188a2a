//! The table of patterns. Case never counts; `Lines` patterns stay within a command, `Flow` patterns cross line ends.

use super::Severity::{self, Critical, Warning};
use super::text::View::{self, Flow, Lines};

/// One pattern and what it means.
pub(super) struct Rule {
    pub name: &'static str,
    pub severity: Severity,
    pub view: View,
    /// Held against code only: in prose the same words explain.
    pub only_code: bool,
    pub pattern: &'static str,
    pub why: &'static str,
}

const fn rule(name: &'static str, severity: Severity, view: View, pattern: &'static str, why: &'static str) -> Rule {
    Rule { name, severity, view, only_code: false, pattern, why }
}

const fn code(name: &'static str, severity: Severity, pattern: &'static str, why: &'static str) -> Rule {
    Rule { name, severity, view: Lines, only_code: true, pattern, why }
}

const RUNS_WHAT_IS_LOADED: &str = "it runs whatever a server sends";
const RUNS_WHAT_IS_HIDDEN: &str = "it runs something that is hidden from whoever reads it";
const OPENS_THE_MACHINE: &str = "it gives somebody else a shell on this machine";
const STEERS: &str = "it tells the assistant to forget what it was told before";
const KEEPS_FROM_OWNER: &str = "it tells the assistant to keep something from its owner";
const SKIPS_QUESTIONS: &str = "it tells the assistant to get around questions and protections";
const SENDS_SECRETS: &str = "it sends secrets to somebody";
const READS_SECRETS: &str = "it names a place where secrets are kept";
const STAYS: &str = "it makes something run again later";
const STEERS_FILES: &str = "it writes into files that steer the assistant";
const CANT_BE_READ: &str = "it is written so that nobody can read it";

/// Every rule. A name may stand more than once, for several ways to do one thing.
pub(super) const RULES: &[Rule] = &[
    rule(
        "download-and-run",
        Critical,
        Lines,
        r"\b(?:curl|wget|fetch|aria2c|iwr|irm|invoke-webrequest|invoke-restmethod)\b[^\n|]*(?:\|\s*(?:tee|cat|tac|rev|gunzip|zcat|base64|openssl|tr|sed|grep)\b[^\n|]*)*\|\s*(?:sudo\s+(?:-\S+\s+)*|env\s+(?:\S+=\S+\s+)*|nohup\s+|exec\s+)*(?:/\S*/)?(?:ba|z|da|k|fi|c)?sh\b",
        RUNS_WHAT_IS_LOADED,
    ),
    rule(
        "download-and-run",
        Critical,
        Lines,
        r"\b(?:curl|wget|fetch|iwr|irm|invoke-webrequest|invoke-restmethod)\b[^\n|]*\|\s*(?:sudo\s+)?(?:/\S*/)?(?:python[0-9.]*|node|deno|bun|perl|ruby|php|osascript|iex|invoke-expression|pwsh|powershell)\b(?:\s+-)?\s*(?:$|[\n;&`)])",
        RUNS_WHAT_IS_LOADED,
    ),
    rule(
        "download-and-run",
        Critical,
        Lines,
        r#"(?:\b(?:ba|z|da|k)?sh\s+(?:-\w+\s+)*-\w*c|\beval|\biex|\bsource|(?:^|[\s;&])\.)\s+["'(]*(?:\$\(|`|<\()\s*(?:curl|wget)\b"#,
        RUNS_WHAT_IS_LOADED,
    ),
    rule(
        "download-and-run",
        Critical,
        Lines,
        r"\b(?:ba|z|da|k)?sh\s+<\(\s*(?:curl|wget)\b|\biex\b[^\n]{0,80}(?:downloadstring|\biwr\b|\birm\b)|downloadstring\([^\n]{0,200}\)\s*\|\s*iex",
        RUNS_WHAT_IS_LOADED,
    ),
    code(
        "download-and-run",
        Critical,
        r"\b(?:exec|eval)\(\s*(?:compile\()?\s*(?:requests\.get|urllib\.request\.urlopen|urlopen|await\s+\(?\s*await\s+fetch|fetch)\b",
        RUNS_WHAT_IS_LOADED,
    ),
    rule(
        "download-then-run",
        Warning,
        Flow,
        r"\b(?:curl|wget)\b.{0,300}?\bchmod\s+(?:[ugoa]*\+[rwx]*x|0?[1357][0-7]{2})\b",
        "it loads a program and makes it ready to run",
    ),
    rule(
        "locked-archive",
        Critical,
        Flow,
        r#"\bunzip\s+(?:-\w+\s+)*-P\s*\S|\b7za?\s+[xe]\s[^\n]{0,80}-p\S|\.(?:zip|rar|7z)\b.{0,120}?\b(?:pass(?:word|phrase)?|pw)\b\s*(?:is|:|=|`|")"#,
        "an archive behind a password hides its content from every scanner",
    ),
    rule(
        "decode-and-run",
        Critical,
        Lines,
        r"(?:\bbase64\b[^\n|]*\s-{1,2}d(?:ecode)?\b|\bbase64\s+-D\b|\bxxd\s+[^\n|]*-r\b|\bopenssl\s+(?:enc|base64)\b[^\n|]*\s-d\b)[^\n]*\|\s*(?:sudo\s+)?(?:/\S*/)?(?:(?:ba|z|da|k|fi)?sh|python[0-9.]*|node|perl|ruby|osascript)\b",
        RUNS_WHAT_IS_HIDDEN,
    ),
    rule(
        "decode-and-run",
        Critical,
        Lines,
        r#"\b(?:eval|exec|function|system|popen|spawn|subprocess\.\w+|os\.system|child_process\.\w+|marshal\.loads)\s*\(?.{0,60}?(?:\batob\s*\(|b64decode|base64\s+(?:-d|-D|--decode)|\bfromhex\b|unhexlify|decode\(["']base64|buffer\.from\([^)\n]*["'](?:base64|hex)|zlib\.decompress|codecs\.decode)"#,
        RUNS_WHAT_IS_HIDDEN,
    ),
    rule(
        "decode-and-run",
        Critical,
        Lines,
        r"\b(?:powershell|pwsh)(?:\.exe)?\b[^\n]*\s-e(?:nc|ncodedcommand|c)?\s+[A-Za-z0-9+/=]{16,}",
        RUNS_WHAT_IS_HIDDEN,
    ),
    rule(
        "reverse-shell",
        Critical,
        Lines,
        r"/dev/(?:tcp|udp)/\S|\b(?:nc|ncat|netcat)\b[^\n]*\s-\w*[ec]\s*(?:/bin/)?(?:ba|z|da)?sh\b|\bmkfifo\b[^\n]*\b(?:nc|ncat|netcat|telnet)\b|\bbash\s+-i\s*[>&]|\bsocat\b[^\n]*\bexec:",
        OPENS_THE_MACHINE,
    ),
    code("reverse-shell", Critical, r"\bos\.dup2\([^\n]*fileno|pty\.spawn\([^\n]*sh\b", OPENS_THE_MACHINE),
    rule(
        "overrides-instructions",
        Critical,
        Flow,
        r"\b(?:ignore|disregard|forget|override|discard)\s+(?:(?:all|any|every|each|everything|the|your|my|of|these|those|other)\s+){0,4}(?:previous|prior|above|earlier|preceding|former|existing|system)\s+(?:\w+\s+){0,2}(?:instructions?|prompts?|rules?|directions?|guidelines?|messages?|context)\b",
        STEERS,
    ),
    rule(
        "overrides-instructions",
        Critical,
        Flow,
        r"\b(?:you are now|act as|enter|switch (?:in)?to|enable)\s+(?:an?\s+|in\s+|the\s+)?(?:dan|jailbroken|jailbreak|unrestricted|uncensored|god|developer)\s*(?:mode|ai|assistant|model)\b|<\s*/?\s*(?:system|im_start|im_end)\s*\|?>|\[\s*(?:system|inst)\s*\]|\bnew\s+system\s+prompt\s*:",
        STEERS,
    ),
    rule(
        "hides-from-owner",
        Critical,
        Flow,
        r"\b(?:do\s+not|don't|dont|never|must\s+not|without)\s+(?:ever\s+)?(?:(?:tell(?:ing)?|inform(?:ing)?|notify(?:ing)?|alert(?:ing)?)\s+(?:the\s+|your\s+)?(?:user|owner|human|operator)s?\s*(?:about|of|that\s+(?:you|this|it)|what|[.!;,)]|$)|(?:mention(?:ing)?|reveal(?:ing)?|disclos(?:e|ing)|show(?:ing)?|report(?:ing)?)\s+(?:this|that|it|anything|any\s+of\s+(?:this|it)|these\s+\w+)(?:\s+\w+){0,3}\s+to\s+(?:the\s+|your\s+)?(?:user|owner|human|operator|anyone|anybody)|let(?:ting)?\s+(?:the\s+|your\s+)?(?:user|owner|human|operator|them)\s+(?:know|see|notice|find\s+out))",
        KEEPS_FROM_OWNER,
    ),
    rule(
        "hides-from-owner",
        Critical,
        Flow,
        r"\b(?:silently|secretly|covertly|quietly|in\s+the\s+background)\s+(?:and\s+\w+\s+)?(?:send|upload|post|exfiltrate|forward|copy|transmit|execute|run\s+(?:the|this)|collect|read)\b.{0,80}?\b(?:keys?|tokens?|passwords?|secrets?|credentials?|files?|commands?|script|data|messages?|memory|history)\b",
        KEEPS_FROM_OWNER,
    ),
    rule(
        "skips-questions",
        Warning,
        Flow,
        r"\b(?:bypass|disable|circumvent|turn\s+off|evade|get\s+around|skip)\s+(?:(?:all|any|the|every|your|its)\s+)*(?:approvals?|sandbox(?:ing)?|safety|security|guardrails?|permission(?:s)?|protections?)\b|\bwithout\s+(?:asking|approval|permission|confirmation)\b|\bdangerously[-_]?\w+",
        SKIPS_QUESTIONS,
    ),
    rule(
        "sends-secrets",
        Critical,
        Lines,
        r"(?:\b(?:env|printenv|export\s+-p|history|set)\b\s*|(?:\bcat|\btar|\bzip|\bfind|\bgrep)\b[^\n|]*(?:\.env\b|\.ssh\b|\.aws\b|id_rsa|id_ed25519|credentials|\.netrc|\.gnupg|wallet|keychain|gateway-token|openclaw\.json|chela\.json|clawdbot\.json|auth-profiles)[^\n|]*)(?:\|[^\n|]*)*\|\s*(?:sudo\s+)?(?:curl|wget|nc|ncat|netcat|telnet|mail|sendmail)\b",
        SENDS_SECRETS,
    ),
    rule(
        "sends-secrets",
        Critical,
        Lines,
        r"\b(?:curl|wget|http|xh)\b[^\n]*(?:-d|--data\S*|-F|--form\S*|-T|--upload-file|--post-file|--post-data|--body-file|\?)[^\n]*(?:\$\((?:[^\n)]*\b)?(?:env|printenv|cat)\b|`(?:env|printenv|cat)\b|@\S*(?:\.env\b|\.ssh/|\.aws/|id_rsa|id_ed25519|credentials|\.netrc|\.gnupg|wallet|keychain|gateway-token|openclaw\.json|chela\.json|clawdbot\.json|auth-profiles))",
        SENDS_SECRETS,
    ),
    rule(
        "sends-secrets",
        Critical,
        Lines,
        r"(?:json\.dumps|json\.stringify|urlencode|b64encode|btoa|str|repr)\s*\(\s*(?:dict\s*\(\s*)?(?:os\.environ|process\.env)\s*\)|(?:data|json|body|params)\s*[=:]\s*(?:dict\s*\(\s*)?(?:os\.environ|process\.env)\b\s*[,)}]",
        SENDS_SECRETS,
    ),
    rule(
        "sends-secrets",
        Critical,
        Flow,
        r"\b(?:send|post|upload|forward|e-?mail|transmit|submit|exfiltrate|leak|paste|copy)\b.{0,60}?\b(?:api[\s_-]?keys?|access[\s_-]?tokens?|passwords?|credentials?|private[\s_-]?keys?|seed[\s_-]?phrases?|mnemonics?|ssh[\s_-]?keys?|\.env\b|environment\s+variables?|session\s+cookies?|memory\.md|conversation\s+history)\b.{0,60}?\b(?:to|at|into)\s+(?:https?://|[\w.+-]+@[\w-]+\.\w|the\s+(?:following\s+)?(?:url|server|endpoint|webhook)|our\s+(?:server|api|endpoint)|this\s+(?:url|server|endpoint|webhook))",
        SENDS_SECRETS,
    ),
    rule(
        "drop-point",
        Critical,
        Lines,
        r"\b(?:webhook\.site|requestbin\.\w+|[\w-]+\.pipedream\.net|(?:[\w-]+\.)?(?:oast|oastify)\.\w+|interact\.sh|burpcollaborator\.net|canarytokens\.\w+|requestcatcher\.com|beeceptor\.com|glot\.io/snippets|hookbin\.com)\b",
        "this is an address that takes whatever is sent to it, for anybody",
    ),
    rule(
        "drop-point",
        Warning,
        Lines,
        r"\b(?:discord(?:app)?\.com/api/webhooks/|api\.telegram\.org/bot|hooks\.slack\.com/services/|pastebin\.com/raw|transfer\.sh|file\.io|0x0\.st|ix\.io|rentry\.co|[\w-]+\.ngrok(?:-free)?\.(?:io|app|dev)|[\w-]+\.trycloudflare\.com|https?://\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3})",
        "what goes there leaves this machine for a place that anybody can own",
    ),
    rule(
        "private-path",
        Warning,
        Lines,
        r"(?:~|\$\{?home\}?|/home/\w+|/users/\w+|/root)/\.?(?:ssh|aws|gnupg|netrc|kube|docker|config/gcloud|azure|git-credentials|npmrc|pypirc|password-store|electrum|bitcoin|ethereum|solana|mozilla|library/keychains|config/google-chrome|library/application\s+support/google/chrome)\b|\bid_(?:rsa|ed25519|ecdsa)\b|/etc/(?:shadow|sudoers)|\blogin\.keychain|\bsecurity\s+find-(?:generic|internet)-password|/proc/(?:self|\d+|\*)/environ",
        READS_SECRETS,
    ),
    rule(
        "private-path",
        Warning,
        Lines,
        r"\.(?:openclaw|clawdbot|moltbot|krabkrab|chela)/(?:\S*?)(?:\.json5?\b|\.env\b|credentials|gateway-token|device-key|auth-profiles|\.db\b|\.sqlite\b|identity|agents/)",
        "it names the gateway's own files, where keys and conversations are kept",
    ),
    rule(
        "opens-login",
        Critical,
        Lines,
        r"(?:>>?|\btee\b[^\n]*)\s*\S*(?:authorized_keys|/etc/sudoers|/etc/passwd|/etc/ld\.so\.preload)",
        OPENS_THE_MACHINE,
    ),
    rule(
        "weakens-machine",
        Critical,
        Lines,
        r"\bxattr\s+[^\n]*com\.apple\.quarantine|\bspctl\s+--(?:master|global)-disable|\bcsrutil\s+disable|\bset-mppreference\b|\bsetenforce\s+0|\bufw\s+disable\b|\biptables\s+-F\b",
        "it turns off what protects the machine",
    ),
    rule(
        "destroys",
        Critical,
        Lines,
        r#"\brm\s+(?:-\w+\s+)*-\w*(?:r\w*f|f\w*r)\w*\s+(?:--no-preserve-root\s+)?["']?(?:/|~/?|\$\{?home\}?/?)(?:["'\s*;&|]|$)|\bmkfs(?:\.\w+)?\s+/dev/|\bdd\s[^\n]*of=/dev/(?:sd|nvme|disk|hd|vd)|:\(\)\s*\{\s*:\|:&\s*\}"#,
        "it destroys what is on the machine",
    ),
    rule(
        "stays",
        Warning,
        Lines,
        r"\bcrontab\s+(?:-\s*$|-\s|\S*\.\w+|-e)|\|\s*crontab\b|\bsystemctl\s+(?:--user\s+)?enable\b|\blaunchctl\s+(?:load|bootstrap)\b|launch(?:agents|daemons)/|(?:>>?|tee\s+-a)\s*\S*\.(?:bashrc|zshrc|profile|bash_profile|zprofile|zshenv)\b|/etc/(?:cron|systemd|init\.d|profile\.d|rc\.local)|schtasks\s+/create|currentversion\\run",
        STAYS,
    ),
    rule(
        "steers-files",
        Warning,
        Flow,
        r"(?:>>?\s*|\btee\s+(?:-a\s+)?|\b(?:append|add|write|insert|save|edit|modify|update|overwrite|replace)\b.{0,60}?)\S{0,60}\b(?:soul|memory|agents|identity|user|heartbeat|bootstrap|tools|claude)\.md\b",
        STEERS_FILES,
    ),
    rule("runs-as-root", Warning, Lines, r"(?:^|[\s;&|(`])sudo\s+\S", "it asks for all rights on the machine"),
    rule(
        "unpinned-program",
        Warning,
        Lines,
        r"\bnpx\s+(?:-y|--yes)\b|\bnpm\s+(?:i|install)\s+(?:-\S+\s+)*(?:-g|--global)\b|\bpip[0-9.]*\s+install\s+[^\n]*(?:git\+|https?://|--(?:extra-)?index-url)|\b(?:uvx|pipx\s+run|bunx)\s+\S|\bgo\s+install\s+\S+@latest",
        "it installs and runs somebody's program in whatever version there is",
    ),
    rule(
        "insecure-download",
        Warning,
        Lines,
        r"\b(?:curl|wget)\b[^\n]*\s(?:-\w*k\w*|--insecure|--no-check-certificate)(?:\s|$)|verify\s*=\s*false\b|rejectunauthorized\s*:\s*false|node_tls_reject_unauthorized\S*\s*=\s*\S?0",
        "what it loads can be changed by anybody on the way",
    ),
    code(
        "runs-text",
        Warning,
        r#"(?:^|[^\w.])(?:eval|exec)\s*\(\s*[^)\s"']|\bnew\s+function\s*\(|\bsubprocess\.\w+\([^\n]*shell\s*=\s*true|\bos\.system\(|(?:^|[\s;])eval\s+["']?\$"#,
        "it runs text that it makes itself",
    ),
    rule("obfuscated", Warning, Lines, r"(?:\\x[0-9a-f]{2}){12,}|(?:\\u00[0-9a-f]{2}){12,}", CANT_BE_READ),
    rule(
        "obfuscated",
        Warning,
        Flow,
        r#"fromcharcode\s*\((?:\s*(?:0x)?[0-9a-f]+\s*,){6,}|(?:\bchr\(\s*\d+\s*\)\s*[+.,]\s*){6,}|(?:\[\s*(?:0x[0-9a-f]{2}\s*,\s*){32,})|\b_0x[0-9a-f]{4,}\b.{0,200}?\b_0x[0-9a-f]{4,}\b|\$\{?ifs\}?|(?:["'][a-z]["']\s*\+\s*){8,}"#,
        CANT_BE_READ,
    ),
    rule("obfuscated", Warning, Lines, r"[A-Za-z0-9+/]{240,}={0,2}", "a long encoded piece, which nobody can read"),
    rule(
        "markup-that-hides",
        Warning,
        Flow,
        r"<!--.{0,400}?\b(?:assistant|agent|model|you\s+must|instructions?|execute|run\s+the)\b.{0,400}?-->|<\w+[^>]*(?:display\s*:\s*none|font-size\s*:\s*0|visibility\s*:\s*hidden)",
        "words for the assistant stand where people who read the page don't see them",
    ),
];
