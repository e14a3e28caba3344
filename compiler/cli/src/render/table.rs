//! Columns of text.

use unicode_width::UnicodeWidthStr;

/// Rows with their columns below each other, two blanks apart.
pub(crate) fn table<const N: usize>(rows: &[[String; N]]) -> String {
    let mut widths = [0; N];
    for row in rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = (*width).max(cell.width());
        }
    }
    let line = |row: &[String; N]| {
        let cells = row.iter().zip(widths);
        let cells: String =
            cells.map(|(cell, width)| format!("{cell}{:1$}", "", width - cell.width() + 2)).collect();
        format!("{}\n", cells.trim_end())
    };
    rows.iter().map(line).collect()
}
