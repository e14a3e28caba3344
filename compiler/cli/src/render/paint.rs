//! Colors by what they mean.

use std::fmt::Display;

use anstyle::{AnsiColor, Style};

/// What a piece of text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    Error,
    Warning,
    Note,
    Good,
    /// Worth finding first.
    Strong,
    /// Worth reading last.
    Dim,
}

/// Colors, or none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    colored: bool,
}

impl Paint {
    pub(crate) fn new(colored: bool) -> Paint {
        Paint { colored }
    }

    pub(crate) fn is_colored(self) -> bool {
        self.colored
    }

    /// `text` in the color of its role.
    pub(crate) fn on(self, role: Role, text: impl Display) -> String {
        if !self.colored {
            return text.to_string();
        }
        let style = match role {
            Role::Error => AnsiColor::Red.on_default().bold(),
            Role::Warning => AnsiColor::Yellow.on_default().bold(),
            Role::Note => AnsiColor::Cyan.on_default().bold(),
            Role::Good => AnsiColor::Green.on_default().bold(),
            Role::Strong => Style::new().bold(),
            Role::Dim => Style::new().dimmed(),
        };
        format!("{style}{text}{style:#}")
    }
}
