//! The words of states (Pinecone's OpenAPI files 2025-10 and 2026-04; its Python SDK 10.2.0 for 2026-07).

use std::str::FromStr;

/// A word that is none of the known ones; the sets are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewWord;

macro_rules! states {
    ($(#[$doc:meta])* $state:ident { $($name:ident)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $state { $($name,)* }

        impl $state {
            /// What the service calls it.
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
    /// How an index stands. Only `ready` says whether it can be used.
    IndexState {
        Initializing InitializationFailed ScalingUp ScalingDown ScalingUpPodSize ScalingDownPodSize
        Terminating Ready Disabled Failed
    }
}

states! {
    /// How a collection stands. No document names the state of one that could not be made.
    CollectionState { Initializing Ready Terminating Terminated Failed }
}

states! {
    /// How a bulk import stands.
    ImportState { Pending InProgress Completed Failed Cancelled }
}

states! {
    /// How a backup stands; `InitializationFailed` is what 2026-07 says for `Failed`.
    BackupState { Initializing Ready Failed InitializationFailed }
}

states! {
    /// How a restore job stands: there is no word for one at work.
    RestoreState { Pending Completed Failed Cancelled }
}

states! {
    /// How a read capacity stands.
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
