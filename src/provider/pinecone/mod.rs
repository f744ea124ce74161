//! Pinecone: control plane over REST, data plane over gRPC with REST as the fallback.

pub mod proto;
