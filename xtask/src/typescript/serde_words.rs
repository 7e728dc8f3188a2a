//! The attributes of serde as they stand on a type, a variant or a field, and how they change a name.

use anyhow::{Result, bail};
use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token};

/// What the attributes say.
#[expect(clippy::struct_excessive_bools, reason = "each is an attribute that stands there or doesn't")]
#[derive(Debug, Default)]
pub(crate) struct SerdeWords {
    /// Derives `Serialize` or `Deserialize`.
    pub(crate) is_serde: bool,
    pub(crate) doc: String,
    pub(crate) rename: Option<String>,
    pub(crate) rename_all: Case,
    pub(crate) rename_all_fields: Case,
    pub(crate) tag: Option<String>,
    pub(crate) is_untagged: bool,
    pub(crate) is_transparent: bool,
    pub(crate) is_flattened: bool,
    pub(crate) is_skipped: bool,
    pub(crate) has_default: bool,
}

/// How the names of fields or variants are written.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Case {
    #[default]
    AsItIs,
    Camel,
    Snake,
    Kebab,
    Lower,
    ScreamingSnake,
}

impl SerdeWords {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut words = Self::default();
        for attribute in attributes {
            match &attribute.meta {
                Meta::NameValue(doc) if doc.path.is_ident("doc") => words.add_doc(&doc.value),
                Meta::List(list) if list.path.is_ident("derive") => {
                    let names = list.tokens.to_string();
                    words.is_serde = names.contains("Serialize") || names.contains("Deserialize");
                }
                Meta::List(list) if list.path.is_ident("serde") => {
                    for meta in list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)? {
                        words.add(&meta)?;
                    }
                }
                _ => {}
            }
        }
        Ok(words)
    }

    fn add_doc(&mut self, line: &Expr) {
        if !self.doc.is_empty() {
            self.doc.push('\n');
        }
        self.doc.push_str(text(line).trim());
    }

    fn add(&mut self, meta: &Meta) -> Result<()> {
        let name = meta.path().get_ident().map(ToString::to_string).unwrap_or_default();
        let value = match meta {
            Meta::NameValue(pair) => text(&pair.value),
            _ => String::new(),
        };
        match name.as_str() {
            "rename" => self.rename = Some(value),
            "rename_all" => self.rename_all = Case::of(&value)?,
            "rename_all_fields" => self.rename_all_fields = Case::of(&value)?,
            "tag" => self.tag = Some(value),
            "untagged" => self.is_untagged = true,
            "transparent" => self.is_transparent = true,
            "flatten" => self.is_flattened = true,
            "skip_serializing_if" => self.is_skipped = true,
            "default" => self.has_default = true,
            // How something is read, which changes no form; and types that write themselves stand in a list of their own.
            "alias" | "deny_unknown_fields" | "deserialize_with" | "from" | "into" | "other" => {}
            _ => bail!("serde's `{name}` is not known to the generator"),
        }
        Ok(())
    }
}

impl Case {
    fn of(word: &str) -> Result<Self> {
        Ok(match word {
            "camelCase" => Self::Camel,
            "snake_case" => Self::Snake,
            "kebab-case" => Self::Kebab,
            "lowercase" => Self::Lower,
            "SCREAMING_SNAKE_CASE" => Self::ScreamingSnake,
            _ => bail!("serde's case `{word}` is not known to the generator"),
        })
    }

    pub(crate) fn or(self, other: Self) -> Self {
        if self == Self::AsItIs { other } else { self }
    }

    /// A field, which Rust writes in `snake_case`.
    pub(crate) fn of_field(self, name: &str) -> String {
        let words: Vec<&str> = name.trim_start_matches("r#").split('_').collect();
        self.joined(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>())
    }

    /// A variant, which Rust writes in `PascalCase`.
    pub(crate) fn of_variant(self, name: &str) -> String {
        if self == Self::AsItIs {
            return name.to_owned();
        }
        let mut words: Vec<String> = Vec::new();
        for letter in name.chars() {
            match words.last_mut() {
                Some(word) if !letter.is_uppercase() => word.push(letter),
                _ => words.push(letter.to_lowercase().collect()),
            }
        }
        self.joined(&words)
    }

    fn joined(self, words: &[String]) -> String {
        match self {
            Self::AsItIs | Self::Snake => words.join("_"),
            Self::Kebab => words.join("-"),
            Self::Lower => words.concat(),
            Self::ScreamingSnake => words.join("_").to_uppercase(),
            Self::Camel => {
                let (first, others) = words.split_first().expect("a name has a word");
                others.iter().fold(first.clone(), |name, word| name + &capitalised(word))
            }
        }
    }
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn text(expression: &Expr) -> String {
    match expression {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => text.value(),
            _ => String::new(),
        },
        _ => String::new(),
    }
}
