//! Soon.

use crate::{CliError, report::Report};

pub(crate) fn report(_report: &Report) -> Result<String, CliError> {
    Err(CliError::usage("--format json is not built yet", None))
}
