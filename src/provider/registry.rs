//! From an endpoint of a plan to a provider.
