//! The Markdown of our own pages, for a terminal: headings stand out, examples are set in, words stay as they are.

use super::{Paint, Role};

/// `page` as lines; its code blocks are indented, and those marked `kpol bad` or `kpol good` say so.
pub(crate) fn page(page: &str, paint: Paint) -> String {
    let (mut out, mut in_code) = (String::new(), false);
    for line in page.lines() {
        if let Some(fence) = line.trim_start().strip_prefix("```") {
            in_code = !in_code;
            match fence.trim() {
                "kpol bad" if in_code => out.push_str(&format!("  {}\n", paint.on(Role::Error, "wrong:"))),
                "kpol good" if in_code => out.push_str(&format!("  {}\n", paint.on(Role::Good, "right:"))),
                _ => {}
            }
        } else if in_code {
            out.push_str(format!("    {line}").trim_end());
            out.push('\n');
        } else if line.starts_with('#') {
            out.push_str(&format!("{}\n", paint.on(Role::Strong, line.trim_start_matches('#').trim())));
        } else {
            out.push_str(&format!("{line}\n"));
        }
    }
    out
}
