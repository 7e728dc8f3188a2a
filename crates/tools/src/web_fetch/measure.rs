//! How large a page becomes once it is parsed, found without building it.
//!
//! A few hundred kilobytes of unclosed formatting elements grow to billions of nodes by the rules of HTML, and the libraries
//! that build the tree have no limit. So the page is parsed once by a sink that only counts and stops in time.

use std::borrow::Cow;
use std::cell::Cell;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::{Duration, Instant};

use html5ever::interface::{ElementFlags, NodeOrText, QuirksMode, TreeSink};
use html5ever::tendril::{StrTendril, TendrilSink as _};
use html5ever::tree_builder::TreeBuilderOpts;
use html5ever::{Attribute, ParseOpts, QualName, parse_document};

/// Deepest nesting that is given to the HTML libraries. Pages of the real web stay below 100.
pub(crate) const DEPTH_LIMIT: usize = 400;
/// Nodes of a page that is worth reading, at about 200 bytes each.
const NODES_LIMIT: usize = 150_000;
/// Time to parse a page; two more parses follow.
const TIME_LIMIT: Duration = Duration::from_secs(3);

/// Ends the parse, and with it this thread's work, when the page grows beyond the limits. The caller contains the unwinding.
pub(crate) fn check_size(html: &str) {
    let sink = Counter {
        nodes: Cell::new(0),
        events: Cell::new(0),
        until: Instant::now() + TIME_LIMIT,
        document: Rc::new(Counted::nameless()),
    };
    let tree_builder = TreeBuilderOpts { scripting_enabled: false, ..TreeBuilderOpts::default() };
    parse_document(sink, ParseOpts { tree_builder, ..ParseOpts::default() }).one(html);
}

/// What the parser asks of a node.
struct Counted {
    name: QualName,
    is_integration_point: bool,
    /// Below the document, when it was put in its place. Nodes that move later take nothing along: who needs the exact depth
    /// measures the built tree, which this keeps small.
    depth: Cell<usize>,
}

impl Counted {
    fn nameless() -> Self {
        Self { name: QualName::new(None, "".into(), "".into()), is_integration_point: false, depth: Cell::new(0) }
    }
}

struct Counter {
    nodes: Cell<usize>,
    /// What the parser told, nodes and errors alike: a page can cost time without growing.
    events: Cell<usize>,
    until: Instant,
    document: Rc<Counted>,
}

impl Counter {
    fn count(&self, node: Counted) -> Rc<Counted> {
        self.nodes.set(self.nodes.get() + 1);
        if self.nodes.get() > NODES_LIMIT {
            give_up();
        }
        self.look_at_clock();
        Rc::new(node)
    }

    fn look_at_clock(&self) {
        const EVERY: usize = 256;
        self.events.set(self.events.get() + 1);
        if self.events.get().is_multiple_of(EVERY) && Instant::now() > self.until {
            give_up();
        }
    }
}

/// Not a defect, so the panic hook has nothing to say.
fn give_up() -> ! {
    resume_unwind(Box::new("the page is too large"))
}

impl TreeSink for Counter {
    type Handle = Rc<Counted>;
    type Output = ();
    type ElemName<'a> = &'a QualName;

    fn finish(self) {}

    fn create_element(&self, name: QualName, _: Vec<Attribute>, flags: ElementFlags) -> Rc<Counted> {
        let is_integration_point = flags.mathml_annotation_xml_integration_point;
        self.count(Counted { name, is_integration_point, depth: Cell::new(0) })
    }

    fn create_comment(&self, _: StrTendril) -> Rc<Counted> {
        self.count(Counted::nameless())
    }

    fn create_pi(&self, _: StrTendril, _: StrTendril) -> Rc<Counted> {
        self.count(Counted::nameless())
    }

    fn get_template_contents(&self, template: &Rc<Counted>) -> Rc<Counted> {
        let contents = self.count(Counted::nameless());
        contents.depth.set(template.depth.get() + 1);
        contents
    }

    fn get_document(&self) -> Rc<Counted> {
        self.document.clone()
    }

    fn elem_name<'a>(&'a self, target: &'a Rc<Counted>) -> &'a QualName {
        &target.name
    }

    fn same_node(&self, one: &Rc<Counted>, other: &Rc<Counted>) -> bool {
        Rc::ptr_eq(one, other)
    }

    fn is_mathml_annotation_xml_integration_point(&self, node: &Rc<Counted>) -> bool {
        node.is_integration_point
    }

    fn parse_error(&self, _: Cow<'static, str>) {
        self.look_at_clock();
    }

    fn append(&self, parent: &Rc<Counted>, child: NodeOrText<Rc<Counted>>) {
        if let NodeOrText::AppendNode(child) = child {
            child.depth.set(parent.depth.get() + 1);
            if child.depth.get() > DEPTH_LIMIT {
                give_up();
            }
        }
    }

    // The tree itself is not built.
    fn append_based_on_parent_node(&self, _: &Rc<Counted>, _: &Rc<Counted>, _: NodeOrText<Rc<Counted>>) {}
    fn append_doctype_to_document(&self, _: StrTendril, _: StrTendril, _: StrTendril) {}
    fn append_before_sibling(&self, _: &Rc<Counted>, _: NodeOrText<Rc<Counted>>) {}
    fn set_quirks_mode(&self, _: QuirksMode) {}
    fn add_attrs_if_missing(&self, _: &Rc<Counted>, _: Vec<Attribute>) {}
    fn remove_from_parent(&self, _: &Rc<Counted>) {}
    fn reparent_children(&self, _: &Rc<Counted>, _: &Rc<Counted>) {}
}

#[cfg(test)]
mod tests {
    use std::panic::{AssertUnwindSafe, catch_unwind};

    use super::*;

    fn is_accepted(html: &str) -> bool {
        catch_unwind(AssertUnwindSafe(|| check_size(html))).is_ok()
    }

    #[test]
    fn pages_that_grow_without_end_are_given_up() {
        let paragraphs = "<p>An <b>ordinary</b> <a href='x'>page</a>.</p>\n".repeat(5_000);
        assert!(is_accepted(&paragraphs));
        let bomb: Vec<String> = (0..2_000).map(|number| format!("<b id={number}><p>x")).collect();
        assert!(!is_accepted(&bomb.concat()), "2,000 paragraphs become 2,000,000 elements");
    }
}
