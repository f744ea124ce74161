//! Values in JSON. What a store keeps is read and written without loss ([`Metadata::from_json`](super::Metadata::from_json),
//! [`Metadata::write_json`](super::Metadata::write_json)); `Serialize` is for people, templates and services that know only
//! floats: there, what JSON has not is a text, and `size` knows its length.

mod read;
mod size;
#[cfg(test)]
mod tests;
mod write;

pub use read::Numbers;
