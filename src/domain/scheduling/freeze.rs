//! Why a placement is left exactly as it is observed, a line each.

use std::fmt;

/// The reasons: what is there, what becomes of the placement, what is wrong and what to do.
macro_rules! freezes {
    ($($(#[$doc:meta])* $name:ident $(($text:ident))? $fate:ident $message:literal;)*) => {
        /// Why a placement is left as it is.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Freeze {
            $($(#[$doc])* $name $((freezes!(@text $text)))?,)*
        }

        impl Freeze {
            /// The words that machines read, in the order of the reference.
            pub const WORDS: &[&str] = &[$(stringify!($name),)*];

            /// The word that machines read.
            pub fn word(&self) -> &'static str {
                match self {
                    $(Self::$name $((freezes!(@any $text)))? => stringify!($name),)*
                }
            }

            /// Whether the placement leaves once others serve in its place.
            pub fn is_leaving(&self) -> bool {
                match self {
                    $(Self::$name $((freezes!(@any $text)))? => freezes!(@$fate),)*
                }
            }
        }

        impl fmt::Display for Freeze {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    $(Self::$name $(($text))? => write!(f, $message),)*
                }
            }
        }
    };
    (@text $text:ident) => { String };
    (@any $text:ident) => { _ };
    (@leaves) => { true };
    (@stays) => { false };
}

freezes! {
    /// Its environment does not exist.
    EnvironmentGone leaves "the environment does not exist; the placement stays as it is until a replacement is ready";
    /// Its environment is being deleted.
    EnvironmentDeleting leaves "the environment is being deleted; the placement stays as it is until a replacement is ready";
    /// Its environment is being emptied.
    EnvironmentDraining leaves "the environment is draining; the placement stays as it is until a replacement is ready";
    /// The deployment's own selector no longer matches.
    SelectorChanged leaves "spec.environmentSelector no longer matches the environment; the placement stays as it is until a replacement is ready";
    /// The deployment's topology is another.
    TopologyChanged leaves "spec.topology was changed; the placement stays as it is until every one of the new topology is ready";
    /// Its environment breaks rules.
    EnvironmentInvalid(rules) stays "the environment is invalid, so the placement stays as it is: {rules}";
    /// Its environment is no longer the cluster that it is on.
    EnvironmentChanged stays "spec.cluster of the environment names another cluster than the one that the placement is on, so it stays as it is; undo that, and give the other cluster an environment of its own";
    /// Its environment has no ClusterProviderConfig.
    ProviderConfigGone stays "the environment has no status.providerConfigRef, so the placement stays as it is; find out why it was lost";
    /// The model has no profile of this name and topology.
    ProfileGone stays "the model has no profile of this name and topology any more, so the placement stays as it is; restore the profile";
    /// The model's profile of this name breaks rules.
    ProfileInvalid stays "the profile breaks rules, so the placement stays as it is; see condition ProfileValid";
    /// The model was changed, and no profile of the new one fits the pools.
    ModelChanged stays "no profile of the new model fits the placement's pools, so it stays as it is; add one, or restore spec.modelRef";
    /// The environment lacks a pool of this name.
    PoolGone(pool) stays "the environment has no pool {pool} any more, so the placement stays as it is; restore the pool";
    /// Nobody remembers what it was decided on.
    RecordGone stays "annotation modelplane.ai/placement is missing or unreadable, so the placement stays as it is; restore the annotation";
}

impl Freeze {
    /// Whether a reason in a status says that a placement is left as it is, and not how far it is.
    pub fn is_word(reason: &str) -> bool {
        Self::WORDS.contains(&reason)
    }
}
