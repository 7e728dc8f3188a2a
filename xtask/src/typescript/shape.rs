//! What a Rust source declares, as JSON sees it: structs and enums that serde writes or reads, and the lists of names.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use syn::{Expr, Fields, File, GenericArgument, Item, PathArguments, Type, Visibility};

use super::serde_words::{Case, SerdeWords};

/// Types that write themselves; both are a plain text on the wire.
const TEXTS: &[&str] = &["CronTarget", "SessionKey"];

/// A type of the wire.
#[derive(Debug)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// `<P>`-like, with what stands for it when nothing is said.
    pub(crate) parameter: &'static str,
    pub(crate) doc: String,
    pub(crate) shape: Shape,
}

#[derive(Debug)]
pub(crate) enum Shape {
    Object(Object),
    /// One of these.
    Union(Vec<Variant>),
    /// Another name for this type.
    Alias(Ts),
}

/// One form of a union.
#[derive(Debug)]
pub(crate) struct Variant {
    pub(crate) doc: String,
    pub(crate) form: Form,
}

#[derive(Debug)]
pub(crate) enum Form {
    Fields(Object),
    Plain(Ts),
}

#[derive(Debug, Default)]
pub(crate) struct Object {
    pub(crate) fields: Vec<Field>,
    /// Types whose fields stand among these.
    pub(crate) flattened: Vec<Ts>,
}

#[derive(Debug)]
pub(crate) struct Field {
    pub(crate) name: String,
    pub(crate) doc: String,
    pub(crate) ts: Ts,
    /// Left out of what is written when it says nothing.
    pub(crate) is_skipped: bool,
    /// Filled in when what is read lacks it.
    pub(crate) has_default: bool,
}

/// A type as TypeScript writes it, with the types of ours that it mentions.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ts {
    pub(crate) text: String,
    pub(crate) mentions: Vec<String>,
    /// `Option<…>`: `null` where it is written at all.
    pub(crate) is_option: bool,
    /// `Option<Option<…>>`: `null` is another thing than left out.
    pub(crate) is_nested: bool,
}

impl Declared {
    /// The types of ours that it is made of.
    pub(crate) fn mentions(&self) -> Vec<&str> {
        let parts = match &self.shape {
            Shape::Object(object) => object.parts(),
            Shape::Alias(ts) => vec![ts],
            Shape::Union(variants) => variants.iter().flat_map(|variant| variant.form.parts()).collect(),
        };
        parts.into_iter().flat_map(|ts| ts.mentions.iter().map(String::as_str)).collect()
    }
}

impl Form {
    fn parts(&self) -> Vec<&Ts> {
        match self {
            Self::Fields(object) => object.parts(),
            Self::Plain(ts) => vec![ts],
        }
    }
}

impl Object {
    fn parts(&self) -> Vec<&Ts> {
        self.fields.iter().map(|field| &field.ts).chain(&self.flattened).collect()
    }
}

impl Ts {
    fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    fn word(word: &str) -> Self {
        Self::plain(format!("\"{word}\""))
    }
}

/// The wire types of a source file, in its order.
pub(crate) fn declared(file: &File) -> Result<Vec<Declared>> {
    let mut found = Vec::new();
    for item in &file.items {
        match item {
            Item::Struct(item) if is_public(&item.vis) => {
                let words = SerdeWords::of(&item.attrs)?;
                if words.is_serde {
                    found.push(of_struct(item, &words).with_context(|| item.ident.to_string())?);
                }
            }
            Item::Enum(item) if is_public(&item.vis) => {
                let words = SerdeWords::of(&item.attrs)?;
                if words.is_serde {
                    found.push(of_enum(item, &words).with_context(|| item.ident.to_string())?);
                }
            }
            Item::Macro(item) if item.mac.path.is_ident("id") => found.push(of_id(item)?),
            _ => {}
        }
    }
    Ok(found)
}

/// Lists of names and numbers: `METHOD_NAMES`, `PROTOCOL_VERSION` and their like.
pub(crate) fn constants(file: &File) -> BTreeMap<String, Expr> {
    let constants = file.items.iter().filter_map(|item| match item {
        Item::Const(item) if is_public(&item.vis) => Some((item.ident.to_string(), (*item.expr).clone())),
        _ => None,
    });
    constants.collect()
}

fn is_public(visibility: &Visibility) -> bool {
    matches!(visibility, Visibility::Public(_))
}

fn of_struct(item: &syn::ItemStruct, words: &SerdeWords) -> Result<Declared> {
    let name = item.ident.to_string();
    let shape = if TEXTS.contains(&name.as_str()) {
        Shape::Alias(Ts::plain("string"))
    } else if words.is_transparent {
        let field = item.fields.iter().next().context("a transparent type has a field")?;
        Shape::Alias(ts(&field.ty)?)
    } else {
        let mut object = object(&item.fields, words.rename_all, words.has_default)?;
        if let Some(tag) = &words.tag {
            let value = words.rename.clone().unwrap_or_else(|| name.clone());
            object.fields.insert(0, constant(tag, &value));
        }
        Shape::Object(object)
    };
    let parameter = if item.generics.type_params().next().is_some() { "<P = unknown>" } else { "" };
    Ok(Declared { name, parameter, doc: words.doc.clone(), shape })
}

fn of_enum(item: &syn::ItemEnum, words: &SerdeWords) -> Result<Declared> {
    let name = item.ident.to_string();
    let shape = if TEXTS.contains(&name.as_str()) {
        Shape::Alias(Ts::plain("string"))
    } else {
        Shape::Union(item.variants.iter().map(|one| variant(one, words)).collect::<Result<_>>()?)
    };
    Ok(Declared { name, parameter: "", doc: words.doc.clone(), shape })
}

fn variant(variant: &syn::Variant, of: &SerdeWords) -> Result<Variant> {
    let words = SerdeWords::of(&variant.attrs)?;
    let name = words.rename.clone().unwrap_or_else(|| of.rename_all.of_variant(&variant.ident.to_string()));
    let fields = object(&variant.fields, of.rename_all_fields.or(words.rename_all), false);
    let form = match (&variant.fields, &of.tag) {
        (Fields::Unit, None) => Form::Plain(Ts::word(&name)),
        (Fields::Unit, Some(tag)) => Form::Fields(Object { fields: vec![constant(tag, &name)], flattened: Vec::new() }),
        (Fields::Named(_), Some(tag)) => {
            let mut object = fields?;
            object.fields.insert(0, constant(tag, &name));
            Form::Fields(object)
        }
        (Fields::Named(_), None) if of.is_untagged => Form::Fields(fields?),
        (Fields::Unnamed(inner), None) if of.is_untagged && inner.unnamed.len() == 1 => {
            Form::Plain(ts(&inner.unnamed[0].ty)?)
        }
        _ => bail!("the variant `{}` has a form that the generator doesn't know", variant.ident),
    };
    Ok(Variant { doc: words.doc, form })
}

fn of_id(item: &syn::ItemMacro) -> Result<Declared> {
    let text = item.mac.tokens.to_string();
    let name = text.split_whitespace().last().context("an id has a name")?.to_owned();
    Ok(Declared { name, parameter: "", doc: String::new(), shape: Shape::Alias(Ts::plain("string")) })
}

fn object(fields: &Fields, case: Case, has_default: bool) -> Result<Object> {
    let mut object = Object::default();
    for field in fields {
        let Some(ident) = &field.ident else { bail!("a field without a name") };
        let words = SerdeWords::of(&field.attrs)?;
        let ts = ts(&field.ty).with_context(|| format!("the field `{ident}`"))?;
        if words.is_flattened {
            object.flattened.push(ts);
            continue;
        }
        let name = words.rename.clone().unwrap_or_else(|| case.of_field(&ident.to_string()));
        let has_default = has_default || words.has_default;
        object.fields.push(Field { name, doc: words.doc, ts, is_skipped: words.is_skipped, has_default });
    }
    Ok(object)
}

fn constant(name: &str, value: &str) -> Field {
    Field { name: name.to_owned(), doc: String::new(), ts: Ts::word(value), is_skipped: false, has_default: false }
}

fn ts(ty: &Type) -> Result<Ts> {
    match ty {
        Type::Reference(reference) => ts(&reference.elem),
        Type::Array(array) => named("Vec", &[ts(&array.elem)?]),
        Type::Tuple(tuple) => {
            let parts = tuple.elems.iter().map(ts).collect::<Result<Vec<_>>>()?;
            let texts: Vec<&str> = parts.iter().map(|part| part.text.as_str()).collect();
            let mentions = parts.iter().flat_map(|part| part.mentions.clone()).collect();
            Ok(Ts { text: format!("[{}]", texts.join(", ")), mentions, ..Ts::default() })
        }
        Type::Path(path) => {
            let last = path.path.segments.last().context("a type has a name")?;
            named(&last.ident.to_string(), &inner(&last.arguments)?)
        }
        _ => bail!("a type that the generator doesn't know"),
    }
}

fn inner(arguments: &PathArguments) -> Result<Vec<Ts>> {
    let PathArguments::AngleBracketed(list) = arguments else { return Ok(Vec::new()) };
    let types = list.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ts(ty)),
        _ => None,
    });
    types.collect()
}

fn named(name: &str, inner: &[Ts]) -> Result<Ts> {
    let of = |index: usize| inner.get(index).with_context(|| format!("`{name}` lacks what it holds"));
    Ok(match name {
        "String" | "str" => Ts::plain("string"),
        "bool" => Ts::plain("boolean"),
        "u8" | "u16" | "u32" | "u64" | "usize" | "i32" | "i64" | "f64" => Ts::plain("number"),
        "Value" | "RawValue" => Ts::plain("unknown"),
        "Box" => of(0)?.clone(),
        "Option" if of(0)?.is_option => Ts { is_nested: true, ..of(0)?.clone() },
        "Option" => Ts { is_option: true, ..of(0)?.clone() },
        "Vec" => {
            let text = &of(0)?.text;
            let text = if text.contains('|') { format!("({text})[]") } else { format!("{text}[]") };
            Ts { text, is_option: false, ..of(0)?.clone() }
        }
        "Map" | "BTreeMap" | "HashMap" => {
            Ts { text: format!("Record<string, {}>", of(1)?.text), is_option: false, ..of(1)?.clone() }
        }
        "P" => Ts::plain("P"),
        ours => Ts { text: ours.to_owned(), mentions: vec![ours.to_owned()], ..Ts::default() },
    })
}
