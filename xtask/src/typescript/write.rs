//! Writes shapes as TypeScript, with the doc comments that they have in Rust.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use anyhow::{Context, Result, bail};
use syn::{Expr, Lit};

use super::shape::{Declared, Field, Form, Object, Shape, Ts};

const HEAD: &str = "// Generated from crates/protocol by `cargo xtask codegen`; not edited by hand.\n";

/// Names that become a list and the type of its members: the constant, the list and the type.
const LISTS: &[(&str, &str)] = &[("METHOD_NAMES", "MethodName"), ("EVENT_NAMES", "EventName")];
const NUMBERS: &[&str] = &["PROTOCOL_VERSION", "MIN_PROTOCOL_VERSION"];

/// Every type, by the file that declares it. `asked` are those that a client writes.
pub(crate) fn types(sections: &[(String, Vec<Declared>)], asked: &BTreeSet<String>) -> String {
    let mut out = HEAD.to_owned();
    for (heading, declared) in sections.iter().filter(|(_, declared)| !declared.is_empty()) {
        let _ = write!(out, "\n// {heading}\n");
        for one in declared {
            out.push('\n');
            write_type(&mut out, one, asked.contains(&one.name));
        }
    }
    out
}

/// The names of methods and events, and the versions of the protocol.
pub(crate) fn names(constants: &BTreeMap<String, Expr>) -> Result<String> {
    let mut out = HEAD.to_owned();
    for name in NUMBERS {
        let number = constants.get(*name).and_then(number).with_context(|| format!("`{name}` is no number"))?;
        let _ = write!(out, "\nexport const {name} = {number};\n");
    }
    for (name, singular) in LISTS {
        let list = constants.get(*name).with_context(|| format!("`{name}` is missing"))?;
        let _ = write!(out, "\nexport type {singular} =");
        for text in texts(list)? {
            let _ = write!(out, "\n  | \"{text}\"");
        }
        out.push_str(";\n");
    }
    Ok(out)
}

fn write_type(out: &mut String, declared: &Declared, is_asked: bool) {
    write_doc(out, "", &declared.doc);
    let Declared { name, parameter, shape, .. } = declared;
    match shape {
        Shape::Object(object) if object.flattened.is_empty() => {
            let _ = writeln!(out, "export interface {name}{parameter} {}", braces(object, "", is_asked));
        }
        Shape::Object(object) => {
            let _ = writeln!(out, "export type {name}{parameter} = {};", joined(object, "", is_asked));
        }
        Shape::Alias(ts) => {
            let _ = writeln!(out, "export type {name} = {};", nullable(ts));
        }
        Shape::Union(variants) => {
            let _ = write!(out, "export type {name} =");
            for variant in variants {
                out.push('\n');
                write_doc(out, "  ", &variant.doc);
                let form = match &variant.form {
                    Form::Fields(object) => joined(object, "  ", is_asked),
                    Form::Plain(ts) => nullable(ts),
                };
                let _ = write!(out, "  | {form}");
            }
            out.push_str(";\n");
        }
    }
}

fn joined(object: &Object, indent: &str, is_asked: bool) -> String {
    let own = (!object.fields.is_empty()).then(|| braces(object, indent, is_asked));
    own.into_iter().chain(object.flattened.iter().map(|ts| ts.text.clone())).collect::<Vec<_>>().join(" & ")
}

fn braces(object: &Object, indent: &str, is_asked: bool) -> String {
    if object.fields.is_empty() {
        return "{}".to_owned();
    }
    let inside = format!("{indent}  ");
    let mut out = "{\n".to_owned();
    for field in &object.fields {
        write_doc(&mut out, &inside, &field.doc);
        let _ = writeln!(out, "{inside}{}{}: {};", field.name, mark(field, is_asked), value(field));
    }
    let _ = write!(out, "{indent}}}");
    out
}

/// What is left out when it says nothing may be missing; what has a default may be missing in what a client writes.
fn mark(field: &Field, is_asked: bool) -> &'static str {
    let is_missing = field.is_skipped || (is_asked && (field.has_default || field.ts.is_option));
    if is_missing { "?" } else { "" }
}

fn value(field: &Field) -> String {
    // An option that is left out is never `null`, but one that is both tells the two apart.
    if field.is_skipped && field.ts.is_option && !field.ts.is_nested {
        field.ts.text.clone()
    } else {
        nullable(&field.ts)
    }
}

fn nullable(ts: &Ts) -> String {
    if ts.is_option && ts.text != "unknown" { format!("{} | null", ts.text) } else { ts.text.clone() }
}

fn write_doc(out: &mut String, indent: &str, doc: &str) {
    let doc = linked(doc);
    let lines: Vec<&str> = doc.lines().collect();
    match lines.as_slice() {
        [] => {}
        [line] => {
            let _ = writeln!(out, "{indent}/** {line} */");
        }
        lines => {
            let _ = writeln!(out, "{indent}/**");
            for line in lines {
                let _ = writeln!(out, "{indent} * {line}");
            }
            let _ = writeln!(out, "{indent} */");
        }
    }
}

/// Links of Rust's documents lead nowhere here: their words stay.
fn linked(doc: &str) -> String {
    let mut text = doc.replace("[`", "`").replace("*/", "* /");
    while let Some(at) = text.find("`](") {
        let end = text[at..].find(')').map_or(text.len(), |length| at + length + 1);
        text.replace_range(at + 1..end, "");
    }
    text.replace("`]", "`")
}

fn number(expression: &Expr) -> Option<u64> {
    let Expr::Lit(literal) = expression else { return None };
    let Lit::Int(number) = &literal.lit else { return None };
    number.base10_parse().ok()
}

fn texts(expression: &Expr) -> Result<Vec<String>> {
    let Expr::Reference(reference) = expression else { bail!("a list of names is written as `&[…]`") };
    let Expr::Array(array) = &*reference.expr else { bail!("a list of names is written as `&[…]`") };
    let texts = array.elems.iter().map(|element| match element {
        Expr::Lit(literal) => match &literal.lit {
            Lit::Str(text) => Ok(text.value()),
            _ => bail!("a name is a text"),
        },
        _ => bail!("a name is a text"),
    });
    texts.collect()
}
