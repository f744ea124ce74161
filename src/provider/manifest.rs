//! Ids from the system of record.
