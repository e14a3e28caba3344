fn main() {
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).unwrap();
        match kpol_grammar::format(&text) {
            Ok(t) => print!("{t}"),
            Err(d) => { for d in d { eprintln!("{}: {} {:?} {:?} {:?}", d.code, d.message, d.labels.iter().map(|l| (&text[l.span.range()], &l.text)).collect::<Vec<_>>(), d.helps, d.fix.map(|f| f.replacement)); } }
        }
    }
}
