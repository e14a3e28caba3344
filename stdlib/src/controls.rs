//! Stub until the table lands.
