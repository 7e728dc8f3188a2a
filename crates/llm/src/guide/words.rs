//! Words of a question: cut, stemmed, and widened by a few synonyms, also from Chinese.

/// Words that say nothing about what is asked.
const STOP: &[&str] = &[
    "a", "about", "after", "all", "am", "an", "and", "any", "are", "as", "at", "be", "but", "by", "can", "chela",
    "could", "did", "do", "doe", "for", "from", "get", "give", "has", "have", "help", "how", "i", "if", "in", "into",
    "is", "it", "its", "just", "know", "let", "like", "make", "may", "me", "my", "need", "no", "not", "of", "on",
    "one", "or", "our", "out", "please", "should", "so", "some", "tell", "than", "that", "the", "their", "then",
    "there", "this", "to", "up", "us", "use", "want", "was", "we", "what", "when", "where", "which", "who", "why",
    "will", "with", "would", "you", "your",
];

/// What people say, and what the documentation calls it. Stems on both sides.
const SYNONYMS: &[(&str, &[&str])] = &[
    ("apikey", &["key", "model"]),
    ("api", &["key"]),
    ("credential", &["key", "secret"]),
    ("claude", &["anthropic", "model", "key"]),
    ("gpt", &["openai", "model", "key"]),
    ("chatgpt", &["openai", "model", "key"]),
    ("gemini", &["google", "model", "key"]),
    ("llm", &["model"]),
    ("ai", &["model"]),
    ("provider", &["vendor", "model"]),
    ("setup", &["set", "start"]),
    ("install", &["start", "set"]),
    ("begin", &["start"]),
    ("configure", &["set", "configuration"]),
    ("config", &["configuration"]),
    ("setting", &["configuration"]),
    ("deploy", &["deployment", "version", "systemd", "container"]),
    ("docker", &["container"]),
    ("podman", &["container"]),
    ("kubernet", &["container"]),
    ("host", &["deployment", "box"]),
    ("vp", &["box", "systemd"]),
    ("server", &["box", "systemd"]),
    ("service", &["systemd"]),
    ("cloud", &["deployment", "fly"]),
    ("bot", &["channel"]),
    ("messenger", &["channel"]),
    ("slack", &["channel"]),
    ("signal", &["channel"]),
    ("offline", &["local", "ollama"]),
    ("password", &["token", "auth"]),
    ("login", &["token", "page"]),
    ("browser", &["page", "web"]),
    ("ui", &["page", "web"]),
    ("broken", &["doctor", "problem"]),
    ("wrong", &["doctor", "problem"]),
    ("trouble", &["troubleshooting", "doctor"]),
    ("upgrade", &["version"]),
    ("migrate", &["openclaw", "move"]),
    ("import", &["openclaw", "move"]),
    ("clawdbot", &["openclaw", "move"]),
    ("secure", &["security", "protect"]),
    ("safe", &["security", "protect"]),
    ("history", &["conversation"]),
    ("env", &["environment", "variable"]),
    ("switch", &["choose"]),
    ("change", &["choose", "set"]),
    ("backup", &["fallback"]),
    ("remote", &["reach", "machine"]),
    ("exit", &["leave", "quit"]),
];

/// Chinese terms and the documentation's words for them. Users' own documents are Chinese.
const CHINESE: &[(&str, &[&str])] = &[
    ("密钥", &["key", "model", "set"]),
    ("模型", &["model", "choose"]),
    ("频道", &["channel"]),
    ("渠道", &["channel"]),
    ("通道", &["channel"]),
    ("部署", &["deployment", "systemd"]),
    ("配置", &["configuration"]),
    ("设置", &["set"]),
    ("令牌", &["token", "gateway"]),
    ("启动", &["start", "gateway"]),
    ("安装", &["start", "gateway"]),
    ("开始", &["start"]),
    ("容器", &["container"]),
    ("服务器", &["box", "systemd"]),
    ("故障", &["troubleshooting", "doctor"]),
    ("错误", &["doctor", "problem"]),
    ("问题", &["doctor", "problem"]),
    ("安全", &["security", "protect"]),
    ("端口", &["port"]),
    ("备用", &["fallback"]),
    ("回退", &["fallback"]),
    ("网页", &["page", "web"]),
    ("浏览器", &["page", "web"]),
    ("电报", &["telegram", "channel"]),
    ("聊天", &["chat", "talk"]),
    ("对话", &["conversation"]),
    ("会话", &["conversation"]),
    ("迁移", &["openclaw", "move"]),
    ("命令", &["command"]),
    ("本地", &["local"]),
    ("重启", &["restart"]),
];

/// A word of a question and how much it counts.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Term {
    pub word: String,
    pub weight: f64,
}

/// Stems of a text, in order, stop words left out.
pub(super) fn stems(text: &str) -> impl Iterator<Item = String> + '_ {
    text.split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| word.len() > 1)
        .map(stem)
        .filter(|word| !STOP.contains(&word.as_str()))
}

/// What is asked for: each word once at full weight, and the documentation's words for it at less.
pub(super) fn terms(question: &str) -> Vec<Term> {
    const SYNONYM_WEIGHT: f64 = 0.5;
    let mut terms: Vec<Term> = Vec::new();
    let mut add = |word: &str, weight: f64| {
        if !terms.iter().any(|term| term.word == word) {
            terms.push(Term { word: word.to_owned(), weight });
        }
    };
    let own: Vec<String> = stems(question).collect();
    for word in &own {
        add(word, 1.0);
    }
    for (chinese, meant) in CHINESE {
        if question.contains(chinese) {
            for word in *meant {
                add(word, 1.0);
            }
        }
    }
    for (said, meant) in SYNONYMS {
        if own.iter().any(|word| word == said) {
            for word in *meant {
                add(word, SYNONYM_WEIGHT);
            }
        }
    }
    terms
}

/// Whether a text is written in Chinese characters.
pub(super) fn is_chinese(text: &str) -> bool {
    text.chars().any(|letter| ('\u{4e00}'..='\u{9fff}').contains(&letter))
}

/// Cuts the commonest endings, so that `keys` finds `key` and `setting` finds `set`.
fn stem(word: &str) -> String {
    let word = word.to_ascii_lowercase();
    if let Some(base) = word.strip_suffix("ing").filter(|base| base.len() > 2) {
        let letters = base.as_bytes();
        let doubled = letters[letters.len() - 1] == letters[letters.len() - 2];
        return base[..base.len() - usize::from(doubled)].to_owned();
    }
    match word.strip_suffix('s') {
        Some(base) if base.len() > 1 && !base.ends_with('s') => base.to_owned(),
        _ => word,
    }
}
