//! A rich document in each dialect, each rule by itself, and what must hold for every text.

use proptest::prelude::*;

use super::promises::check;
use super::*;

const RICH: &str = include_str!("tests/rich.md");

const DIALECTS: [Dialect; 3] = [Dialect::Plain, Dialect::Discord, Dialect::TelegramHtml];

#[test]
fn a_rich_document_in_discord() {
    insta::assert_snapshot!(markup(RICH, Dialect::Discord, Limits::default()));
}

#[test]
fn a_rich_document_in_telegram() {
    insta::assert_snapshot!(markup(RICH, Dialect::TelegramHtml, Limits::default()));
}

#[test]
fn a_rich_document_in_plain_text() {
    insta::assert_snapshot!(markup(RICH, Dialect::Plain, Limits::default()));
}

#[test]
fn a_rich_document_in_small_parts() {
    let limits = Limits { chars: 160, tables: Tables::Bullets, ..Limits::default() };
    insta::assert_snapshot!(markup(RICH, Dialect::Discord, limits));
}

#[test]
fn a_text_that_fits_is_one_part() {
    for dialect in DIALECTS {
        let parts = render(&RICH.repeat(2), dialect, Limits { chars: 4000, ..Limits::default() });
        assert_eq!(parts.len(), 1, "{dialect:?}");
    }
}

#[test]
fn nothing_to_see_is_no_part() {
    for text in [
        "",
        " \n\n ",
        "\u{200b}",
        "```rust\n\n```",
        "&nbsp;",
        "-",
        "> ",
        "[]()",
        "[a]: https://example.com",
        "\u{0}\u{7}",
    ] {
        for dialect in DIALECTS {
            let parts = render(text, dialect, Limits::default());
            assert_eq!(parts, [], "{text:?} in {dialect:?}");
            assert_eq!(render_preview(text, dialect, Limits::default()), Rendered::default());
        }
    }
}

#[test]
fn what_looks_like_markup_and_is_not_stays_text_in_discord() {
    let table = [
        // Markdown, what Discord gets
        (r"2 \* 3", r"2 \* 3"),
        (r"\_a\_ snake_case", r"\_a\_ snake_case"),
        (r"\~\~a\~\~", r"\~\~a\~\~"),
        ("a ~ b | c", "a ~ b | c"),
        ("||hidden||", r"\|\|hidden\|\|"),
        (r"\# a", r"\# a"),
        (r"-# a", r"\-# a"),
        (r"\> a", r"\> a"),
        (r"\>>> a", r"\>>> a"),
        (r"2026\. a", r"2026\. a"),
        (r"\[a](https://example.com)", r"\[a](https://example.com)"),
        (r"\[1]", "[1]"),
        (r"a\\b", r"a\\b"),
        ("<b>x</b>", "<b>x</b>"),
        ("https://example.com/a_b_c_ and", "https://example.com/a_b_c\\_ and"),
        ("**a***b*", "**a**\u{200b}*b*"),
        ("**a *b***", "**a *b***"),
        ("***a** b*", "***a** b*"),
        ("**a **b", r"\*\*a \*\*b"),
        ("x **[a](https://example.com)** y", "x **[a](https://example.com)** y"),
        ("[https://evil.example](https://example.com)", "https://evil.example (https://example.com)"),
        ("[mail](mailto:a@example.com)", "mail (mailto:a@example.com)"),
        ("[here](#top)", "here"),
        ("``` `` ```", r"\`\`"),
        ("`` a`b ``", "``a`b``"),
        ("@everyone <@1> :crab:", "@everyone <@1> :crab:"),
    ];
    for (text, expected) in table {
        assert_eq!(markup(text, Dialect::Discord, Limits::default()), expected, "{text}");
    }
}

#[test]
fn telegram_takes_every_entity_that_comes_out() {
    let table = [
        ("**a `b` c**", "<b>a </b><code>b</code><b> c</b>"),
        ("[`a`](https://example.com)", r#"<a href="https://example.com">a</a>"#),
        (r#"[a](<https://example.com/?q="x"&y=<z>>)"#, "[a](&lt;https://example.com/?q=\"x\"&amp;y=&lt;z&gt;&gt;)"),
        (r#"[a](https://example.com/?q="x"&y=1)"#, r#"<a href="https://example.com/?q=%22x%22&amp;y=1">a</a>"#),
        ("[a](javascript:alert)", "a (javascript:alert)"),
        ("<https://example.com>", "https://example.com"),
        ("```a\"><script>\nx\n```", "<pre><code class=\"language-a\">x</code></pre>"),
        ("    indented", "<pre><code>indented</code></pre>"),
        ("> a\n\n> b", "<blockquote>a</blockquote>\n\n<blockquote>b</blockquote>"),
        ("# a **b**", "<b>a b</b>"),
    ];
    for (text, expected) in table {
        assert_eq!(markup(text, Dialect::TelegramHtml, Limits::default()), expected, "{text}");
    }
}

#[test]
fn a_code_block_is_closed_and_opened_again_with_its_language() {
    let code = format!("Look:\n\n```rust\n{}```\n", "let line = \"of code\";\n".repeat(20));
    let parts = render(&code, Dialect::Discord, Limits { chars: 200, ..Limits::default() });
    assert_eq!(parts[0].markup.lines().next(), Some("Look:"));
    assert!(parts[1..].iter().all(|part| part.markup.starts_with("```rust\nlet")), "{parts:#?}");
    assert!(parts.iter().all(|part| part.markup.ends_with("\n```")), "{parts:#?}");
}

#[test]
fn the_limit_of_lines_is_soft_for_code() {
    let limits = Limits { chars: 2000, lines: Some(17), ..Limits::default() };
    let list = "- item\n".repeat(40);
    let counts: Vec<usize> =
        render(&list, Dialect::Discord, limits).iter().map(|part| part.markup.lines().count()).collect();
    assert_eq!(counts, [17, 17, 6]);
    let code = format!("{}\n```\n{}```\nafter", "text\n".repeat(10), "code\n".repeat(40));
    let parts = render(&code, Dialect::Discord, limits);
    let firsts: Vec<_> = parts.iter().filter_map(|part| part.markup.lines().next()).collect();
    assert_eq!(firsts, ["text", "```", "after"], "the code stands whole in a part of its own");
}

#[test]
fn every_empty_line_is_a_cut_where_that_is_wanted() {
    let text = "# Title\n\none\ntwo\n\n- a\n\n- b\n\n```\nx\n\ny\n```\n\nend";
    let limits = Limits { cut: Cut::Newline, ..Limits::default() };
    let parts: Vec<_> = render(text, Dialect::Discord, limits).into_iter().map(|part| part.markup).collect();
    assert_eq!(parts, ["# Title\n\none\ntwo", "- a\n\n- b", "```\nx\n\ny\n```", "end"]);
}

#[test]
fn a_long_paragraph_is_cut_behind_a_sentence_then_a_word() {
    let limits = Limits { chars: 128, ..Limits::default() };
    let cut = |text: &str| -> Vec<String> {
        render(text, Dialect::Plain, limits).into_iter().map(|part| part.markup).collect()
    };
    let sentence = format!("{}.", "x".repeat(79));
    assert_eq!(cut(&format!("{sentence} {sentence}")), [sentence.clone(), sentence]);
    let words = "word ".repeat(40);
    assert!(cut(&words).iter().all(|part| part.ends_with("word") && part.starts_with("word")));
    let family = "👩‍👩‍👧‍👦".repeat(40);
    assert!(cut(&family).iter().all(|part| part.starts_with('👩') && part.ends_with('👦')));
    assert_eq!(cut(&family).concat(), family);
    assert_eq!(cut(&"漢字。".repeat(60)).iter().filter(|part| part.ends_with('。')).count(), 2);
}

#[test]
fn a_link_is_not_cut() {
    let limits = Limits { chars: 128, ..Limits::default() };
    let link = "[some words of a link](https://example.com/path)";
    for lead in 60..128 {
        let text = format!("{} {link} {}", "x".repeat(lead), "y".repeat(60));
        for dialect in [Dialect::Discord, Dialect::TelegramHtml] {
            let whole = markup(link, dialect, limits);
            assert!(markup(&text, dialect, limits).contains(&whole), "{lead} in {dialect:?}");
        }
        let bare = format!("{} https://example.com/some-words_of-an-address {}", "x".repeat(lead), "y".repeat(60));
        for dialect in DIALECTS {
            assert!(markup(&bare, dialect, limits).contains("https://example.com/some-words_of-an-address"), "{lead}");
        }
    }
}

#[test]
fn bold_text_and_lists_and_quotes_go_on_behind_a_cut() {
    let limits = Limits { chars: 128, ..Limits::default() };
    let parts = render(&format!("> **{}**", "word ".repeat(50).trim()), Dialect::Discord, limits);
    assert!(
        parts.iter().all(|part| part.markup.starts_with("> **word") && part.markup.ends_with("word**")),
        "{parts:#?}"
    );
    let parts = render(&format!("- {}\n- last", "word ".repeat(40)), Dialect::Discord, limits);
    assert!(parts[0].markup.starts_with("- word"));
    assert!(parts[1].markup.starts_with("word"), "the item goes on at the left");
    assert!(parts.last().expect("a part").markup.ends_with("\n- last"));
}

#[test]
fn the_number_of_an_item_that_begins_with_code_stays() {
    let shown = markup("1. ```\n   x\n   ```\n2. two", Dialect::TelegramHtml, Limits::default());
    assert_eq!(shown, "1. \n<pre><code>x</code></pre>\n2. two");
}

#[test]
fn tables_show_in_three_ways() {
    let table = "| Name | Size | Note |\n|---|--:|---|\n| a | 1 | `x` |\n| b |  | y<br>z |";
    let shown = |tables| markup(table, Dialect::Discord, Limits { tables, ..Limits::default() });
    assert_eq!(
        shown(Tables::Code),
        "```\nName | Size | Note\n---- | ---- | ----\na    |    1 | x\nb    |      | y z\n```"
    );
    assert_eq!(shown(Tables::Bullets), "- **a**\n  - Size: 1\n  - Note: `x`\n- **b**\n  - Note: y z");
    assert_eq!(shown(Tables::Off), "| Name | Size | Note |\n|---|--:|---|\n| a | 1 | \\`x\\` |\n| b |  | y<br>z |");
    let two = "| Key | Value |\n|---|---|\n| a | 1 |";
    assert_eq!(markup(two, Dialect::Plain, Limits { tables: Tables::Bullets, ..Limits::default() }), "• a: 1");
}

#[test]
fn the_plain_text_of_a_part_fits_as_well() {
    let links = "[a](https://example.com/a-rather-long-address)".repeat(100);
    let parts = render(&links, Dialect::TelegramHtml, Limits { chars: 4000, ..Limits::default() });
    assert!(parts.iter().all(|part| part.plain.len() <= 4000));
    let few = render("see [a](https://example.com)", Dialect::TelegramHtml, Limits::default());
    assert_eq!(few[0].plain, "see a (https://example.com)");
}

#[test]
fn a_preview_looks_as_if_it_were_finished() {
    let table = [
        // what there is of the answer, what Discord shows
        ("Hello **wor", "Hello **wor**"),
        ("Hello **bold *it", "Hello **bold *it***"),
        ("Hello **world*", "Hello **world**"),
        ("Hello **", "Hello"),
        ("see `co", "see `co`"),
        ("see [the page](https://exam", "see the page"),
        ("see [the pa", "see the pa"),
        ("see ![crab](htt", "see crab"),
        ("Items:\n-", "Items:"),
        ("Items:\n- a\n- ", "Items:\n- a"),
        ("```rust\nlet x", "```rust\nlet x\n```"),
        ("```rust\nlet x;\n``", "```rust\nlet x;\n```"),
        ("```rust", ""),
        ("a\n\n#", "a"),
        ("2 * 3", r"2 \* 3"),
        ("`*` and **b", "`*` and **b**"),
    ];
    for (text, expected) in table {
        assert_eq!(render_preview(text, Dialect::Discord, Limits::default()).markup, expected, "{text:?}");
    }
}

#[test]
fn a_preview_of_a_long_text_shows_its_newest_lines() {
    let limits = Limits { chars: 128, ..Limits::default() };
    let lines = (0..100).map(|number| format!("line {number}\n")).collect::<Vec<_>>().concat();
    let shown = render_preview(&lines, Dialect::Discord, limits).markup;
    assert!(shown.starts_with("…\nline ") && shown.ends_with("line 99"), "{shown}");
    assert!((100..=128).contains(&shown.chars().count()), "{shown}");
    let code = format!("```rust\n{lines}");
    let shown = render_preview(&code, Dialect::Discord, limits).markup;
    assert!(shown.starts_with("…\n```rust\nline ") && shown.ends_with("line 99\n```"), "{shown}");
    let endless = "word ".repeat(100) + "end";
    let shown = render_preview(&endless, Dialect::TelegramHtml, limits).markup;
    assert!(shown.starts_with("…\n") && shown.ends_with("end"), "{shown}");
}

/// What could take long or overflow something. The time is the test's own limit.
#[test]
fn monstrous_texts_are_dealt_with() {
    let rows = format!("| a | b |\n|---|---|\n{}", "| cell | another |\n".repeat(5000));
    let monsters = [
        "x".repeat(100_000),
        "\u{301}".repeat(5_000),
        format!("a{}", "\u{301}".repeat(5_000)),
        "שלום עולם ".repeat(1000),
        ">".repeat(10_000) + " deep",
        "> ".repeat(5000) + "deep",
        (0..200).map(|depth| format!("{}- item {depth}\n", "  ".repeat(depth))).collect::<Vec<_>>().concat(),
        "- ".repeat(2000) + "x",
        "*".repeat(20_000) + "x" + &"*".repeat(20_000),
        "[".repeat(20_000),
        "![".repeat(5000) + &"](x)".repeat(5000),
        "`".repeat(20_001) + "x",
        "```".to_owned() + &"\n".repeat(20_000) + "x",
        "a\n".repeat(5_000),
        "**a** ".repeat(3_000),
        format!("[a](https://example.com/{})", "x".repeat(10_000)),
        "&".repeat(5_000),
        rows,
    ];
    for text in &monsters {
        for (dialect, tables) in DIALECTS.into_iter().zip([Tables::Bullets, Tables::Code, Tables::Off]) {
            check(text, dialect, Limits { chars: 2000, tables, ..Limits::default() });
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, ..ProptestConfig::default() })]

    #[test]
    fn every_part_of_every_text_is_good(text in any_text(), chars in 1_usize..600, lines in proptest::option::of(3_usize..20), which in 0..9_usize) {
        let tables = [Tables::Code, Tables::Bullets, Tables::Off][which % 3];
        let cut = [Cut::Length, Cut::Newline][which % 2];
        for dialect in DIALECTS {
            let limits = Limits { chars, lines, cut, tables };
            check(&text, dialect, limits);
            prop_assert_eq!(render(&text, dialect, limits), render(&text, dialect, limits), "the same text gives the same parts");
        }
    }

    #[test]
    fn the_parts_say_what_the_whole_says(text in any_text(), chars in 128_usize..300) {
        for dialect in DIALECTS {
            let whole = render(&text, dialect, Limits { chars: usize::MAX / 8, ..Limits::default() });
            let parts = render(&text, dialect, Limits { chars, ..Limits::default() });
            prop_assert_eq!(words(&parts), words(&whole));
        }
    }
}

/// All parts, told apart by a line.
fn markup(text: &str, dialect: Dialect, limits: Limits) -> String {
    let parts: Vec<String> = render(text, dialect, limits).into_iter().map(|part| part.markup).collect();
    parts.join("\n=== next part ===\n")
}

/// Markdown with everything in it, in any order, whole and broken.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z]{1,9}[ .!?]{0,2}",
        2 => Just("\n".to_owned()),
        2 => Just("\n\n".to_owned()),
        1 => "[*_~`|>#\\[\\]()<>&!\\\\-]{1,4}",
        1 => Just("```rust\nlet a = 1;\n\nlet b = 2;\n```\n".to_owned()),
        1 => Just("\n- item\n  - inner\n    1. number\n".to_owned()),
        1 => Just("\n> quote\n> more\n".to_owned()),
        1 => Just("\n| a | b |\n|---|--:|\n| 1 | 2 |\n".to_owned()),
        1 => Just("**bold *both* ~~gone~~** ".to_owned()),
        1 => Just("[text **x**](https://example.com/p?a=1&b=2) ".to_owned()),
        1 => Just("https://example.com/a_b_c ".to_owned()),
        1 => Just("\n# heading\n".to_owned()),
        1 => Just("`code` ".to_owned()),
        1 => Just("👩‍👩‍👧‍👦é".to_owned()),
        1 => Just("漢字。שלום ".to_owned()),
        1 => Just("```".to_owned()),
        1 => any::<char>().prop_map(String::from),
        1 => "[a-z]{150,400}",
    ];
    proptest::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// The letters and digits of all parts. What stands around a cut is not compared: blanks, the signs of quotes, and the addresses of
/// links, which are told again behind it. An address that is mere text may be cut itself, so it is looked for in all parts together.
fn words(parts: &[Rendered]) -> String {
    let plain: String = parts.iter().map(|part| part.plain.as_str()).collect();
    let signs: String = plain.chars().filter(|sign| sign.is_alphanumeric()).collect();
    signs.replace("httpsexamplecompa1b2", "")
}
