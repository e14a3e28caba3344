//! Generators that maintainers run by hand.
fn main() {}
