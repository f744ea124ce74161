//! The words of states (Pinecone's OpenAPI files 2025-10 and 2026-04; its Python SDK 10.2.0 for 2026-07).

use std::str::FromStr;

/// A word that is not known; the sets are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewWord;

macro_rules! states {
    ($(#[$doc:meta])* $state:ident { $($name:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $state { $($name,)* }

        impl $state {
            /// Returns the service's word for it.
            pub fn word(self) -> &'static str {
                match self { $(Self::$name => stringify!($name),)* }
            }
        }

        impl FromStr for $state {
            type Err = NewWord;

            fn from_str(word: &str) -> Result<Self, NewWord> {
                [$(Self::$name,)*].into_iter().find(|state| state.word() == word).ok_or(NewWord)
            }
        }
    };
}

states! {
    /// The state of an index. Only `ready` says whether it can be used.
    IndexState {
        Initializing InitializationFailed ScalingUp ScalingDown ScalingUpPodSize ScalingDownPodSize
        Terminating Ready Disabled Failed
    }
}

states! {
    /// The state of a collection. No document names that of one that could not be made.
    CollectionState { Initializing Ready Terminating Terminated Failed }
}

states! {
    /// The state of a bulk import.
    ImportState { Pending InProgress Completed Failed Cancelled }
}

states! {
    /// The state of a backup; `InitializationFailed` is the word of 2026-07 for `Failed`.
    BackupState { Initializing Ready Failed InitializationFailed }
}

states! {
    /// The state of a restore job; there is no word for one at work.
    RestoreState { Pending Completed Failed Cancelled }
}

states! {
    /// The state of a read capacity.
    CapacityState { Ready Scaling Migrating }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_is_a_state_or_something_new() {
        assert_eq!("ScalingUpPodSize".parse(), Ok(IndexState::ScalingUpPodSize));
        assert_eq!(ImportState::InProgress.word(), "InProgress");
        assert_eq!("SomethingNew".parse::<CollectionState>(), Err(NewWord));
    }
}
