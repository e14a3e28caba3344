//! Soon.

use crate::{CliError, Io, report::Report};

pub(crate) fn annotations(_report: &Report) -> String {
    String::new()
}

pub(crate) fn summary(_report: &Report, _io: &mut Io) -> Result<(), CliError> {
    Ok(())
}
