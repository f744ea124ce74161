//! The codes that errors carry: a word on the control plane, a gRPC number on the data plane.

use tonic::Code as Grpc;

macro_rules! codes {
    ($($name:ident $word:literal $grpc:ident)*) => {
        /// The code of an error (`ErrorResponse` of Pinecone's OpenAPI files; google.rpc.Code).
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Code { $($name,)* }

        impl Code {
            const ALL: &[Self] = &[$(Self::$name,)*];

            /// Returns the control plane's word for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Returns the data plane's number for it.
            pub fn grpc(self) -> Grpc {
                match self { $(Self::$name => Grpc::$grpc,)* }
            }
        }
    };
}

// A number that several codes have is read as the first of them.
codes! {
    Ok "OK" Ok
    Cancelled "CANCELLED" Cancelled
    Unknown "UNKNOWN" Unknown
    InvalidArgument "INVALID_ARGUMENT" InvalidArgument
    DeadlineExceeded "DEADLINE_EXCEEDED" DeadlineExceeded
    NotFound "NOT_FOUND" NotFound
    AlreadyExists "ALREADY_EXISTS" AlreadyExists
    PermissionDenied "PERMISSION_DENIED" PermissionDenied
    ResourceExhausted "RESOURCE_EXHAUSTED" ResourceExhausted
    FailedPrecondition "FAILED_PRECONDITION" FailedPrecondition
    Aborted "ABORTED" Aborted
    OutOfRange "OUT_OF_RANGE" OutOfRange
    Unimplemented "UNIMPLEMENTED" Unimplemented
    Internal "INTERNAL" Internal
    Unavailable "UNAVAILABLE" Unavailable
    DataLoss "DATA_LOSS" DataLoss
    Unauthenticated "UNAUTHENTICATED" Unauthenticated
    Forbidden "FORBIDDEN" PermissionDenied
    UnprocessableEntity "UNPROCESSABLE_ENTITY" InvalidArgument
}

impl Code {
    /// Returns the code of a gRPC status.
    pub fn of_grpc(code: Grpc) -> Self {
        Self::ALL.iter().copied().find(|own| own.grpc() == code).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_of_grpc_has_its_own_word() {
        let codes: Vec<_> = (0..17).map(|number| Code::of_grpc(Grpc::from_i32(number))).collect();
        let numbers: Vec<_> = codes.iter().map(|code| code.grpc() as i32).collect();
        assert_eq!(numbers, (0..17).collect::<Vec<_>>());
        assert_eq!(Code::of_grpc(Grpc::InvalidArgument).word(), "INVALID_ARGUMENT");
        assert_eq!(Code::of_grpc(Grpc::PermissionDenied).word(), "PERMISSION_DENIED");
    }
}
