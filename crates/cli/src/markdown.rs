//! Markdown in a terminal, as it streams.
//!
//! Owns headings, lists, quotes, fences, code, bold and italics. Everything else is shown as it was written. Text comes in pieces of any
//! size; what can be decided is printed at once, so that an answer is seen to come.

use anstyle::{AnsiColor, Style};

const HEADING: Style = Style::new().bold().underline();
const CODE: Style = AnsiColor::Cyan.on_default();
const FENCE: Style = AnsiColor::Cyan.on_default();
const QUOTE: Style = Style::new().dimmed().italic();

/// Longest beginning of a line that may have to wait for its meaning: `###### ` and fences with a language.
const LINE_START_MAX: usize = 8;

/// Turns pieces of Markdown into pieces of terminal text.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "bold, italic and code are independent of each other")]
pub(crate) struct MarkdownStream {
    colour: bool,
    /// What has come of a line whose kind is not known yet, or of a mark whose meaning is not.
    held: String,
    place: Place,
    bold: bool,
    italic: bool,
    code: bool,
    line: LineKind,
    /// The last letter that was printed, to tell `snake_case` from emphasis.
    last: char,
    fence: Option<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    LineStart,
    Inline,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineKind {
    Text,
    Heading,
    Quote,
    /// Within a fence, or the fence itself.
    Verbatim,
}

impl MarkdownStream {
    /// Without colour the text passes through as it was written: it may be piped into a program that reads Markdown.
    pub(crate) fn new(colour: bool) -> Self {
        Self {
            colour,
            held: String::new(),
            place: Place::LineStart,
            bold: false,
            italic: false,
            code: false,
            line: LineKind::Text,
            last: '\n',
            fence: None,
        }
    }

    /// Takes the next piece and gives what can be shown now.
    pub(crate) fn push(&mut self, piece: &str) -> String {
        let piece = crate::output::printable(piece);
        if !self.colour {
            return piece;
        }
        let mut shown = String::with_capacity(piece.len() + 16);
        for letter in piece.chars() {
            match self.place {
                Place::LineStart => self.at_line_start(letter, &mut shown),
                Place::Inline => self.inline(letter, &mut shown),
            }
        }
        shown
    }

    /// The rest, when no more comes. Leaves the terminal's style as it was.
    pub(crate) fn finish(&mut self) -> String {
        let mut shown = String::new();
        if self.place == Place::LineStart {
            self.open_line(&mut shown);
        }
        self.flush_mark(None, &mut shown);
        self.reset(&mut shown);
        shown
    }

    fn at_line_start(&mut self, letter: char, shown: &mut String) {
        if letter == '\n' {
            self.open_line(shown);
            self.inline('\n', shown);
            return;
        }
        self.held.push(letter);
        if !may_be_block_start(&self.held) || self.held.len() >= LINE_START_MAX {
            self.open_line(shown);
        }
    }

    /// Decides what the line is from what was held back of it, and prints that.
    fn open_line(&mut self, shown: &mut String) {
        let start = std::mem::take(&mut self.held);
        self.place = Place::Inline;
        let trimmed = start.trim_start();
        let ticks = trimmed.chars().take_while(|letter| *letter == '`').count();
        if ticks >= 3 && self.fence.is_none_or(|open| ticks >= open) {
            self.fence = if self.fence.is_none() { Some(ticks) } else { None };
            self.line = LineKind::Verbatim;
        } else if self.fence.is_some() {
            self.line = LineKind::Verbatim;
        } else if is_heading(trimmed) {
            self.line = LineKind::Heading;
            self.restyle(shown);
            let text = trimmed.trim_start_matches('#').trim_start().to_owned();
            self.replay(&text, shown);
            return;
        } else if let Some(text) = trimmed.strip_prefix('>') {
            self.line = LineKind::Quote;
            self.restyle(shown);
            shown.push('│');
            let text = text.to_owned();
            self.replay(&text, shown);
            return;
        } else {
            self.line = LineKind::Text;
            if let Some(rest) = bullet(&start) {
                shown.push_str(&start[..start.len() - rest.len() - 2]);
                shown.push_str("• ");
                self.last = ' ';
                let rest = rest.to_owned();
                self.replay(&rest, shown);
                return;
            }
        }
        if self.line == LineKind::Verbatim {
            self.restyle(shown);
        }
        self.replay(&start, shown);
    }

    fn replay(&mut self, text: &str, shown: &mut String) {
        for letter in text.chars() {
            self.inline(letter, shown);
        }
    }

    fn inline(&mut self, letter: char, shown: &mut String) {
        if letter == '\n' {
            self.flush_mark(None, shown);
            self.reset(shown);
            shown.push('\n');
            self.last = '\n';
            self.place = Place::LineStart;
            return;
        }
        if self.line == LineKind::Verbatim {
            shown.push(letter);
            self.last = letter;
            return;
        }
        let mark = matches!(letter, '`') || (!self.code && matches!(letter, '*' | '_'));
        if mark && (self.held.is_empty() || self.held.starts_with(letter)) {
            self.held.push(letter);
            return;
        }
        self.flush_mark(Some(letter), shown);
        if mark {
            self.held.push(letter);
        } else {
            shown.push(letter);
            self.last = letter;
        }
    }

    /// Gives a run of marks its meaning, now that the letter after it is known.
    fn flush_mark(&mut self, next: Option<char>, shown: &mut String) {
        let held = std::mem::take(&mut self.held);
        let Some(mark) = held.chars().next() else { return };
        if mark == '`' {
            self.code = !self.code;
            self.restyle(shown);
            return;
        }
        let before = self.last.is_alphanumeric();
        let opens = next.is_some_and(|next| !next.is_whitespace()) && !(mark == '_' && before);
        let within_word = mark == '_' && next.is_some_and(char::is_alphanumeric);
        let closes = !self.last.is_whitespace() && !within_word;
        let (bold, italic) = match held.len() {
            1 => (false, true),
            2 => (true, false),
            3 => (true, true),
            _ => (false, false),
        };
        let toggles = |on: bool| if on { closes } else { opens };
        if (bold && !toggles(self.bold)) || (italic && !toggles(self.italic)) || !(bold || italic) {
            shown.push_str(&held);
            self.last = mark;
            return;
        }
        self.bold ^= bold;
        self.italic ^= italic;
        self.restyle(shown);
    }

    fn restyle(&self, shown: &mut String) {
        shown.push_str("\u{1b}[0m");
        shown.push_str(&self.style().render().to_string());
    }

    fn reset(&mut self, shown: &mut String) {
        let plain = !self.bold && !self.italic && !self.code && self.line == LineKind::Text;
        (self.bold, self.italic, self.code) = (false, false, false);
        self.line = LineKind::Text;
        if !plain {
            shown.push_str("\u{1b}[0m");
        }
    }

    fn style(&self) -> Style {
        let mut style = match self.line {
            LineKind::Verbatim => return FENCE,
            LineKind::Heading => HEADING,
            LineKind::Quote => QUOTE,
            LineKind::Text => Style::new(),
        };
        if self.code {
            return CODE;
        }
        if self.bold {
            style = style.bold();
        }
        if self.italic {
            style = style.italic();
        }
        style
    }
}

/// Whether more letters could make this a heading, a quote, a bullet or a fence.
fn may_be_block_start(start: &str) -> bool {
    let text = start.trim_start();
    if text.is_empty() {
        return true;
    }
    let same = |mark: char| text.chars().all(|letter| letter == mark);
    same('#') || same('`') || (text.len() == 1 && text.starts_with(['-', '*', '+']))
}

fn is_heading(text: &str) -> bool {
    let level = text.chars().take_while(|letter| *letter == '#').count();
    (1..=6).contains(&level) && text[level..].starts_with(' ')
}

/// What follows `- `, `* ` or `+ ` at the start of a line.
fn bullet(start: &str) -> Option<&str> {
    let text = start.trim_start();
    ["- ", "* ", "+ "].iter().find_map(|mark| text.strip_prefix(mark))
}

#[cfg(test)]
mod tests {
    use super::MarkdownStream;

    /// Renders a text in pieces of every size and checks that the pieces don't matter. Styles are written as `<1>`.
    fn shown(text: &str) -> String {
        let render = |size: usize| {
            let mut stream = MarkdownStream::new(true);
            let letters: Vec<char> = text.chars().collect();
            let pieces: String =
                letters.chunks(size).map(|piece| stream.push(&piece.iter().collect::<String>())).collect();
            pieces + &stream.finish()
        };
        let whole = render(text.len().max(1));
        for size in 1..4 {
            assert_eq!(render(size), whole, "in pieces of {size}");
        }
        whole.replace("\u{1b}[0m", "<0>").replace("\u{1b}[", "<")
    }

    #[test]
    fn without_colour_the_text_stays_markdown() {
        let mut stream = MarkdownStream::new(false);
        assert_eq!(stream.push("# a **b**\n"), "# a **b**\n");
        assert_eq!(stream.finish(), "");
    }

    #[test]
    fn marks_become_styles() {
        insta::assert_snapshot!(shown("# Title\nSome **bold**, *italic* and `code_x`.\n- one\n* two\n> said\n"));
    }

    #[test]
    fn fences_are_verbatim() {
        insta::assert_snapshot!(shown("```sh\nls **x** `y`\n# no heading\n```\nafter **it**"));
    }

    #[test]
    fn letters_that_are_no_marks_stay() {
        insta::assert_snapshot!(shown("2 * 3 * 4, snake_case_name, a_b, #tag, -5, 1. one, ****\n"));
    }

    #[test]
    fn an_open_mark_ends_with_its_line() {
        insta::assert_snapshot!(shown("**open\nnext `code\nlast **"));
    }
}
