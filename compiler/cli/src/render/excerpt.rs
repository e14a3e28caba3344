//! The lines of a text that a drawing shows, and nothing else: a file of 100 MB costs what its marked lines cost.
//!
//! Lines between them are empty, long ones are cut to what is marked, and what a terminal would obey is replaced.
//!
//! ```text
//!  text    1 ..  2 a: 1  3 ..  4 b: [xxxxx…]        excerpt  "a: 1\n\n…xxxxx…\n", offset 1
//!                  ┬──             ─┬─                        ┬──         ─┬─
//! ```

use std::{collections::BTreeMap, ops::Range};

use super::plain;
use crate::report::Text;

/// Characters of a line that are shown.
const MAX_LINE: usize = 240;
/// Of these, before the first mark.
const BEFORE: usize = 80;

/// A piece of a text, and its marks in it.
pub(super) struct Excerpt {
    /// The lines.
    pub(super) text: String,
    /// The number of lines before them.
    pub(super) skipped: usize,
    /// The ranges that were asked for, in bytes of `text`.
    pub(super) marks: Vec<Range<usize>>,
}

impl Excerpt {
    /// The lines of `text` that hold an end of one of the `ranges`.
    pub(super) fn of(text: &Text, ranges: &[Range<usize>]) -> Excerpt {
        let spots: Vec<(Spot, Spot)> = ranges.iter().map(|range| Spot::of(text, range)).collect();
        let mut touched: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
        for spot in spots.iter().flat_map(|(start, end)| [start, end]) {
            touched.entry(spot.line).or_default().push(spot.at);
        }
        let first = touched.keys().next().copied().unwrap_or(1);
        let mut shown = String::new();
        let mut cuts: BTreeMap<usize, Cut> = BTreeMap::new();
        let mut next = first;
        for (line, at) in touched {
            shown.extend(std::iter::repeat_n('\n', line - next));
            let cut = Cut::of(text, line, &at, &mut shown);
            cuts.insert(line, cut);
            shown.push('\n');
            next = line + 1;
        }
        let find = |spot: &Spot| cuts.get(&spot.line).map_or(0, |cut| cut.find(spot.at));
        let marks = spots.iter().map(|(start, end)| find(start)..find(end).max(find(start))).collect();
        Excerpt { text: shown, skipped: first - 1, marks }
    }
}

/// A place: a line, and bytes from the start of the text.
struct Spot {
    line: usize,
    at: usize,
}

impl Spot {
    /// The ends of a range. Both are inside of lines: what ends with a line break ends before it.
    fn of(text: &Text, range: &Range<usize>) -> (Spot, Spot) {
        let all = &text.text;
        let start = all.floor_char_boundary(range.start.min(all.len()));
        let end = all.ceil_char_boundary(range.end.clamp(start, all.len()));
        let line = text.line_col(start).0;
        let trimmed =
            all.get(start..end).map_or(end, |text| start + text.trim_end_matches(['\n', '\r']).len());
        let last = if trimmed > start { text.line_col(trimmed - 1).0 } else { line };
        (Spot { line, at: start }, Spot { line: last, at: trimmed })
    }
}

/// Where the characters of a shown line come from.
struct Cut {
    /// Byte in the text, byte in the excerpt; sorted by both.
    places: Vec<(usize, usize)>,
}

impl Cut {
    /// Appends what is shown of a line with marks at the bytes `at`.
    fn of(text: &Text, line: usize, at: &[usize], out: &mut String) -> Cut {
        let range = text.line(line);
        let all = text.text.get(range.clone()).unwrap_or_default();
        // A byte order mark stands for nothing.
        let mark = all.len() - all.trim_start_matches('\u{feff}').len();
        let first =
            at.iter().min().map_or(0, |at| at.saturating_sub(range.start)).clamp(mark, all.len().max(mark));
        let is_long = all.len() > MAX_LINE && all.chars().nth(MAX_LINE).is_some();
        let before = all.get(mark..first).unwrap_or_default();
        let from = match is_long {
            true => before.char_indices().rev().nth(BEFORE - 1).map_or(mark, |(index, _)| mark + index),
            false => mark,
        };
        let mut places = Vec::new();
        if from > mark {
            out.push('…');
        }
        let rest = all.get(from..).unwrap_or_default();
        let end = if is_long { rest.char_indices().nth(MAX_LINE).map(|(index, _)| index) } else { None };
        for (index, c) in rest.get(..end.unwrap_or(rest.len())).unwrap_or_default().char_indices() {
            places.push((range.start + from + index, out.len()));
            out.push(if c == '\t' { c } else { plain::shown(c) });
        }
        places.push((range.start + from + end.unwrap_or(rest.len()), out.len()));
        if end.is_some() {
            out.push('…');
        }
        Cut { places }
    }

    /// The byte of the excerpt for a byte of the text; the nearest that is shown.
    fn find(&self, at: usize) -> usize {
        let index = self.places.partition_point(|(place, _)| *place < at);
        self.places.get(index).or(self.places.last()).map_or(0, |(_, shown)| *shown)
    }
}

#[cfg(test)]
mod tests {
    use super::Excerpt;
    use crate::report::Text;

    fn marked(text: &str, ranges: &[std::ops::Range<usize>]) -> (Excerpt, Vec<String>) {
        let excerpt = Excerpt::of(&Text::new("t", text), ranges);
        let marks = excerpt.marks.iter().map(|mark| excerpt.text[mark.clone()].to_owned()).collect();
        (excerpt, marks)
    }

    #[test]
    fn only_the_marked_lines_are_there() {
        let (excerpt, marks) = marked("one\ntwo\nthree\nfour\nfive\n", &[4..7, 14..18]);
        assert_eq!((excerpt.text.as_str(), excerpt.skipped), ("two\n\nfour\n", 1));
        assert_eq!(marks, ["two", "four"]);
    }

    #[test]
    fn a_long_line_is_cut_around_its_mark() {
        let text = format!("{}MARK{}", "日".repeat(1000), "本".repeat(1000));
        let (excerpt, marks) = marked(&text, std::slice::from_ref(&(3000..3004)));
        assert_eq!(marks, ["MARK"]);
        assert_eq!(excerpt.text.chars().count(), 243);
        assert!(excerpt.text.starts_with('…') && excerpt.text.ends_with("…\n"));
    }

    #[test]
    fn what_a_terminal_obeys_is_replaced_and_marks_stay() {
        let (excerpt, marks) = marked("a\u{1b}\u{9b}b\u{2028}\tX\r\n", std::slice::from_ref(&(9..10)));
        assert_eq!(excerpt.text, "a␛\u{fffd}b\u{fffd}\tX\n");
        assert_eq!(marks, ["X"], "{:?}", excerpt.marks);
    }

    #[test]
    fn odd_ranges_are_no_trouble() {
        for text in ["", "\n", "a", "\u{feff}a\n", "a\r\nb", "é"] {
            for start in 0..text.len() + 3 {
                for end in 0..text.len() + 3 {
                    let (excerpt, _) = marked(text, &[start..end, 0..0]);
                    assert!(excerpt.text.ends_with('\n'));
                }
            }
        }
    }
}
