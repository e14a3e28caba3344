//! The tokens: what the lexer can tell apart without knowing where it is.
//!
//! Every keyword is a token of its own; behind a dot and as an object key the grammar takes them as plain names.
//! A token carries no text: its span and the source say what was written. The `Start*` tokens are never written by
//! anybody: the parser puts one in front to say what it wants to read, so that one table serves all entry points.

use logos::{Lexer, Logos};

macro_rules! tokens {
    (
        words { $($word:ident = $word_text:literal,)* }
        marks { $($mark:ident = $mark_text:literal,)* }
        starts { $($start:ident = $start_text:literal,)* }
    ) => {
        /// One kind of token.
        #[derive(Logos, Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Token {
            $(#[doc = concat!("The keyword `", $word_text, "`.")] #[token($word_text)] $word,)*
            $(#[doc = concat!("`", $mark_text, "`")] #[token($mark_text)] $mark,)*
            $(#[doc = concat!("Asks the parser for: ", $start_text, ".")] $start,)*
            /// `name`
            #[regex("[A-Za-z_][A-Za-z0-9_]*", priority = 2)]
            Ident,
            /// `12`
            #[regex("[0-9]+", priority = 6)]
            Int,
            /// `4Gi`, `1.5h`
            #[regex(r"[0-9]+(\.[0-9]+)?(ms|s|m|h|d|Ki|Mi|Gi|Ti|Pi|k|M|G|T|P)", priority = 10)]
            UnitNum,
            /// `2027-03-31`
            #[regex("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]", priority = 12)]
            Date,
            /// `"text"`, `"""text"""`
            #[token("\"", line_string)]
            #[token("\"\"\"", block_string)]
            Str,
            /// `re"pattern"`
            #[token("re\"", line_string)]
            Regex,
            /// `/// about the item below`
            #[token("///", rest_of_line, priority = 20)]
            Doc,
            /// `//! about the file`
            #[token("//!", rest_of_line, priority = 20)]
            FileDoc,
            /// `// a remark`
            #[token("//", rest_of_line)]
            #[token("////", rest_of_line, priority = 30)]
            Comment,
            /// Blanks, tabs and line ends; a byte order mark.
            #[regex("[ \t\r\n\u{c}\u{feff}]+")]
            Space,
            /// A number that is none: `4GiB`, `1.5`, `0x1f`.
            #[regex(r"[0-9]+(\.[0-9]+)?[A-Za-z_][A-Za-z0-9_]*", priority = 3)]
            #[regex(r"[0-9]+\.[0-9]+", priority = 3)]
            #[regex("[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9][0-9A-Za-z_]+", priority = 3)]
            BadNumber,
            /// `'text'`, `“text”`
            #[token("'", foreign_string)]
            #[token("“", foreign_string)]
            #[token("”", foreign_string)]
            #[token("„", foreign_string)]
            #[token("‘", foreign_string)]
            #[token("’", foreign_string)]
            ForeignQuoted,
            /// `# a remark`, `/* a remark */`
            #[token("#", rest_of_line)]
            #[token("/*", block_comment)]
            ForeignComment,
            /// `&&`
            #[token("&&")]
            AndAnd,
            /// `||`
            #[token("||")]
            OrOr,
            /// `!`
            #[token("!")]
            Bang,
            /// `;`
            #[token(";")]
            Semicolon,
            /// Something in the place of an expression that the lexer has already reported.
            Bad,
            /// A character that means nothing.
            Unknown,
        }

        impl Token {
            /// Every keyword.
            pub const KEYWORDS: &[Token] = &[$(Token::$word,)*];

            /// Every sign.
            pub const MARKS: &[Token] = &[$(Token::$mark,)*];

            /// What is written, for the tokens that are always written the same way.
            #[must_use]
            pub const fn fixed_text(self) -> Option<&'static str> {
                match self {
                    $(Token::$word => Some($word_text),)*
                    $(Token::$mark => Some($mark_text),)*
                    Token::AndAnd => Some("&&"),
                    Token::OrOr => Some("||"),
                    Token::Bang => Some("!"),
                    Token::Semicolon => Some(";"),
                    $(Token::$start => None,)*
                    Token::Ident | Token::Int | Token::UnitNum | Token::Date | Token::Str | Token::Regex
                    | Token::Doc | Token::FileDoc | Token::Comment | Token::Space | Token::BadNumber
                    | Token::ForeignQuoted | Token::ForeignComment | Token::Bad | Token::Unknown => None,
                }
            }

            /// Whether it is a keyword.
            #[must_use]
            pub const fn is_keyword(self) -> bool {
                matches!(self, $(Token::$word)|*)
            }
        }
    };
}

tokens! {
    words {
        Package = "package", Use = "use", As = "as", Kind = "kind", From = "from",
        Param = "param", Let = "let", Define = "define", On = "on", Rule = "rule",
        Severity = "severity", Mitre = "mitre", Cis = "cis", Tags = "tags", Refs = "refs", Owner = "owner",
        Where = "where", Exceptions = "exceptions", Need = "need", VerifyAtRuntime = "verify_at_runtime",
        For = "for", In = "in", When = "when", Unless = "unless", Message = "message", Fix = "fix",
        Deny = "deny", Warn = "warn", Audit = "audit", Alert = "alert", Kill = "kill",
        Mutate = "mutate", Default = "default", Overwrite = "overwrite", Add = "add", To = "to",
        Remove = "remove",
        Correlate = "correlate", Within = "within", By = "by", Step = "step", Reset = "reset",
        AtLeast = "at_least", Distinct = "distinct",
        Bind = "bind", Mode = "mode", With = "with", Exception = "exception", Reason = "reason",
        Until = "until",
        Test = "test", Given = "given", Yaml = "yaml", Manifest = "manifest", At = "at", Objects = "objects",
        Expect = "expect", Blames = "blames",
        If = "if", Then = "then", Else = "else", Or = "or", And = "and", Not = "not",
        Under = "under", Like = "like", Matches = "matches", StartsWith = "starts_with",
        EndsWith = "ends_with", Contains = "contains", Has = "has",
        Any = "any", All = "all", None = "none", Count = "count", True = "true", False = "false",
    }
    marks {
        LBrace = "{", RBrace = "}", LBracket = "[", RBracket = "]", LParen = "(", RParen = ")",
        Comma = ",", Dot = ".", Colon = ":", Slash = "/", Question = "?",
        Assign = "=", EqEq = "==", NotEq = "!=", Less = "<", LessEq = "<=", Greater = ">",
        GreaterEq = ">=", Coalesce = "??", Plus = "+", Minus = "-",
    }
    starts {
        StartFile = "a file", StartPackage = "a package line", StartUse = "a use line",
        StartItem = "an item", StartExpr = "an expression",
        StartRule = "a clause of a rule", StartBlock = "a clause of a block of a rule",
        StartMutate = "a clause of a mutation", StartMutateBlock = "a clause of a block of a mutation",
        StartCorrelate = "a clause of a correlation", StartBind = "a clause of a bind",
        StartException = "a clause of an exception", StartTest = "a clause of a test",
    }
}

impl Token {
    /// Whether the parser never sees it.
    #[must_use]
    pub const fn is_trivia(self) -> bool {
        matches!(self, Token::Comment | Token::Space)
    }

    /// Whether it opens a bracket of any kind.
    #[must_use]
    pub const fn opens(self) -> bool {
        matches!(self, Token::LBrace | Token::LBracket | Token::LParen)
    }

    /// Whether it closes a bracket of any kind.
    #[must_use]
    pub const fn closes(self) -> bool {
        matches!(self, Token::RBrace | Token::RBracket | Token::RParen)
    }

    /// Whether a top-level declaration starts with it.
    #[must_use]
    pub const fn starts_item(self) -> bool {
        matches!(
            self,
            Token::Param
                | Token::Let
                | Token::Define
                | Token::Rule
                | Token::Mutate
                | Token::Correlate
                | Token::Bind
                | Token::Exception
                | Token::Test
        )
    }

    /// Whether it is one of the five verbs of a rule.
    #[must_use]
    pub const fn is_verb(self) -> bool {
        matches!(self, Token::Deny | Token::Warn | Token::Audit | Token::Alert | Token::Kill)
    }
}

/// To the closing quote, or to the end of the line when there is none. A backslash takes the next character with it.
fn line_string(lexer: &mut Lexer<'_, Token>) {
    quoted(lexer, &['"']);
}

/// The same for quotes of other languages and of word processors.
fn foreign_string(lexer: &mut Lexer<'_, Token>) {
    match lexer.slice() {
        "'" => quoted(lexer, &['\'']),
        "‘" | "’" => quoted(lexer, &['’', '‘']),
        _ => quoted(lexer, &['”', '“', '"']),
    }
}

fn quoted(lexer: &mut Lexer<'_, Token>, closing: &[char]) {
    let rest = lexer.remainder();
    let mut escaped = false;
    for (at, c) in rest.char_indices() {
        if c == '\n' {
            let line = rest.get(..at).unwrap_or_default();
            lexer.bump(line.trim_end_matches('\r').len());
            return;
        }
        if escaped {
            escaped = false;
        } else if c == '\\' {
            escaped = true;
        } else if closing.contains(&c) {
            lexer.bump(at + c.len_utf8());
            return;
        }
    }
    lexer.bump(rest.len());
}

/// To the closing three quotes, or to the end of the file.
fn block_string(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder();
    lexer.bump(rest.find("\"\"\"").map_or(rest.len(), |at| at + 3));
}

fn rest_of_line(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder();
    let line = rest.split('\n').next().unwrap_or_default();
    lexer.bump(line.trim_end_matches('\r').len());
}

fn block_comment(lexer: &mut Lexer<'_, Token>) {
    let rest = lexer.remainder();
    lexer.bump(rest.find("*/").map_or(rest.len(), |at| at + 2));
}
