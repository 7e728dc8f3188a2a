//! A command line that is nothing but a program and its arguments, read as the shell reads it. Pure.
//!
//! Everything that a shell could make something else of is no plain command: operators, expansions, assignments, words with a
//! meaning of their own. What is left, every shell splits in the same way.

/// Longest command line that is looked at.
const COMMAND_LIMIT: usize = 8 * 1024;
/// Most words.
const WORDS_LIMIT: usize = 256;

/// First words that a shell doesn't look up as programs, or that change what it does next.
const SHELL_WORDS: &[&str] = &[
    ".", ":", "[[", "alias", "bg", "bind", "break", "builtin", "case", "cd", "command", "continue", "declare", "do",
    "done", "elif", "else", "enable", "esac", "eval", "exec", "exit", "export", "fc", "fg", "fi", "for", "function",
    "getopts", "hash", "if", "in", "jobs", "local", "readonly", "return", "select", "set", "shift", "shopt", "source",
    "then", "trap", "typeset", "umask", "unalias", "until", "while",
];

/// Why a command line is no plain one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NotPlain {
    #[error("it is empty")]
    Empty,
    #[error("it is too long")]
    TooLong,
    #[error("`{0:?}` means something to the shell")]
    Sign(char),
    #[error("a quote is not closed")]
    OpenQuote,
    #[error("its first word is the shell's own, or sets a variable")]
    ShellWord,
    #[error("the call sets environment variables")]
    Variables,
    #[error("there is no such program")]
    NoProgram,
    #[error("the program lies where the agent can change it")]
    Changeable,
}

/// The words of a plain command line.
pub(super) fn plain_words(command: &str) -> Result<Vec<String>, NotPlain> {
    if command.len() > COMMAND_LIMIT {
        return Err(NotPlain::TooLong);
    }
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut signs = command.chars();
    while let Some(sign) = signs.next() {
        match sign {
            ' ' | '\t' => words.extend(word.take()),
            '\'' | '"' => {
                let quoted = word.get_or_insert_default();
                loop {
                    match signs.next() {
                        None => return Err(NotPlain::OpenQuote),
                        Some(end) if end == sign => break,
                        Some(inside) if is_literal(inside, sign) => quoted.push(inside),
                        Some(inside) => return Err(NotPlain::Sign(inside)),
                    }
                }
            }
            plain if is_plain(plain) => word.get_or_insert_default().push(plain),
            other => return Err(NotPlain::Sign(other)),
        }
        if words.len() > WORDS_LIMIT {
            return Err(NotPlain::TooLong);
        }
    }
    words.extend(word);
    match words.first() {
        None => Err(NotPlain::Empty),
        Some(first) if first.is_empty() || first.contains('=') || SHELL_WORDS.contains(&first.as_str()) => {
            Err(NotPlain::ShellWord)
        }
        Some(_) => Ok(words),
    }
}

/// Signs that stand for themselves outside of quotes, in every shell and at every place of a word.
fn is_plain(sign: char) -> bool {
    sign.is_ascii_alphanumeric() || "_@%+=:,./-".contains(sign)
}

/// Signs that stand for themselves inside these quotes. What can't be seen is none of them: the person who allowed a command has not
/// seen it.
fn is_literal(sign: char, quote: char) -> bool {
    let expands = quote == '"' && "$`\\!".contains(sign);
    !expands && !sign.is_control() && (sign.is_ascii() || sign.is_alphanumeric())
}
