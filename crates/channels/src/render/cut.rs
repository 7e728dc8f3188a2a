//! Where one line is cut that is too long: behind a sentence, else behind a word, else between two signs as people see them.

use unicode_segmentation::UnicodeSegmentation as _;

use super::Limits;
use super::document::Line;
use super::sheet::Sheet;

/// A cut behind a sentence or a word leaves a piece of at least this share (one third) of what would have fitted.
const LONG_ENOUGH: usize = 3;

/// The byte of the line's text before which it is cut, so that what is before still fits onto the sheet. `None` where nothing good
/// fits and the line had better begin a new part; a line that begins one already is cut wherever it must be.
pub(super) fn position(line: &Line, sheet: &mut Sheet<'_>, limits: Limits) -> Option<usize> {
    // No sign is smaller than one unit: what is behind so many never fits. As much again is looked at for what a cut would break.
    let whole = line.text();
    let byte_of = |count: usize| whole.char_indices().nth(count).map_or(whole.len(), |(at, _)| at);
    let end = byte_of(limits.chars);
    let front = line.until(byte_of(limits.chars.saturating_mul(2)));
    let must_cut = sheet.is_untouched();
    let mut fits = |at: usize| fits(&front, at, sheet, limits);

    let borders = |borders: &mut dyn Iterator<Item = usize>| -> Vec<usize> {
        borders.skip(1).chain([whole.len()]).take_while(|at| *at <= end).collect()
    };
    let between_signs = borders(&mut whole.grapheme_indices(true).map(|(at, _)| at));
    let longest = longest(&between_signs, &mut fits).or_else(|| {
        // One sign of very many parts: it has to be taken apart.
        let within_signs = borders(&mut whole.char_indices().map(|(at, _)| at));
        must_cut.then(|| longest(&within_signs, &mut fits).unwrap_or(within_signs[0]))
    })?;
    let good = [sentence_end(&whole, longest), word_end(&whole, longest)];
    let good = good.into_iter().flatten().find(|at| *at >= longest / LONG_ENOUGH && fits(*at));
    let at = good.unwrap_or(longest);

    let spans = front.whole_spans();
    let is_short = |length: usize| length <= limits.chars / 2;
    match spans.iter().find(|span| span.start < at && at < span.end && is_short(whole[(*span).clone()].chars().count()))
    {
        None => Some(at),
        Some(span) if span.start > 0 => Some(span.start).filter(|at| fits(*at)),
        Some(_) if must_cut => Some(at),
        Some(_) => None,
    }
}

fn fits(line: &Line, at: usize, sheet: &mut Sheet<'_>, limits: Limits) -> bool {
    let before = sheet.position();
    sheet.push(&line.until(at));
    let fits = sheet.fits(limits);
    sheet.rewind(&before);
    fits
}

/// The last of these borders that fits, as far as halving finds it: a longer text takes more room, but for a few signs.
fn longest(borders: &[usize], fits: &mut impl FnMut(usize) -> bool) -> Option<usize> {
    let mut found = None;
    let (mut low, mut high) = (0, borders.len());
    while low < high {
        let middle = usize::midpoint(low, high);
        if fits(borders[middle]) {
            found = Some(borders[middle]);
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    found
}

/// Behind the last sentence that ends at or before `at`, with its closing signs and the blank behind them.
fn sentence_end(text: &str, at: usize) -> Option<usize> {
    let is_close = |sign: char| matches!(sign, '"' | '\'' | ')' | ']' | '»' | '”' | '’' | '」' | '』' | '）');
    let mut last = None;
    let mut ended = false;
    for (index, sign) in text[..at].char_indices() {
        let end = index + sign.len_utf8();
        match sign {
            // These have no blank behind them.
            '。' | '！' | '？' => {
                last = Some(end);
                ended = true;
            }
            '.' | '!' | '?' | '…' => ended = true,
            sign if is_close(sign) => {
                if last == Some(index) {
                    last = Some(end);
                }
            }
            sign => {
                if ended && sign.is_whitespace() {
                    last = Some(end);
                }
                ended = false;
            }
        }
    }
    // The sentence may end right where the room does.
    let next_is_blank = text[at..].chars().next().is_none_or(char::is_whitespace);
    if ended && next_is_blank { Some(at) } else { last }
}

/// Behind the last blank at or before `at`, or at it where the next sign is one.
fn word_end(text: &str, at: usize) -> Option<usize> {
    if text[at..].chars().next().is_some_and(char::is_whitespace) {
        return Some(at);
    }
    let (blank, sign) = text[..at].char_indices().rfind(|(_, sign)| sign.is_whitespace())?;
    Some(blank + sign.len_utf8())
}
