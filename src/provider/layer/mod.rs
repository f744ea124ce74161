//! Decorators around a provider.
