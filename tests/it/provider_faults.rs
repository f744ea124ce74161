//! What goes wrong between here and a provider.
