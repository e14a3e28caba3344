//! `kpol-webhook audit`: every object of the cluster that a rule is about, judged as if it were created now.

pub mod list;
