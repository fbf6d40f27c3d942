//! Every word that the function gives as a reason, a line each: what machines read, and what it means.
//!
//! The reference in docs/ is made of these tables, of those of `Freeze` and `Rejection`, whose words carry what they are about, and of the
//! lint's rules.

use super::condition::Status;

/// Words, each with what it means.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($word:ident $meaning:literal;)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = $meaning] $word,)*
        }

        impl $name {
            /// All of them, in the order of the reference.
            pub const ALL: &[Self] = &[$(Self::$word,)*];

            /// The word that machines read.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => stringify!($word),)*
                }
            }

            /// What it means, in a sentence.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Self::$word => $meaning,)*
                }
            }
        }
    };
}

pub(crate) use words;

/// Conditions: the table of their reasons, their types, the kinds that have them, what they say, and a line a reason with its status.
macro_rules! conditions {
    ($($reasons:ident [$($condition:ident)+] $kinds:literal, $meaning:literal { $($status:ident $word:ident $what:literal;)* })*) => {
        /// The type of a condition.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum ConditionType {
            $($(#[doc = $meaning] $condition,)+)*
        }

        impl ConditionType {
            /// All of them, in the order of the reference.
            pub const ALL: &[Self] = &[$($(Self::$condition,)+)*];

            /// The word that machines read.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$condition => stringify!($condition),)+)*
                }
            }
        }

        $(words! {
            #[doc = concat!("Why ", $meaning)]
            $reasons { $($word $what;)* }
        }

        impl $reasons {
            /// The status of a condition with this reason.
            pub const fn status(self) -> Status {
                match self {
                    $(Self::$word => Status::$status,)*
                }
            }

            /// As the reason of one of its conditions.
            pub const fn of(self, condition: ConditionType) -> ConditionReason {
                ConditionReason { condition, status: self.status(), word: self.as_str() }
            }
        })*

        /// Every condition with its reasons, in the order of the reference.
        pub fn conditions() -> Vec<Listed> {
            vec![$(Listed {
                conditions: &[$(ConditionType::$condition,)+],
                kinds: $kinds,
                meaning: $meaning,
                reasons: $reasons::ALL.iter().map(|reason| (reason.status(), reason.as_str(), reason.meaning())).collect(),
            },)*]
        }
    };
}

/// A condition's type with a reason, from which its status follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ConditionReason {
    /// The condition.
    pub condition: ConditionType,
    /// Its status.
    pub status: Status,
    /// The word that machines read.
    pub word: &'static str,
}

/// Conditions that have the same reasons, for whoever lists them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The conditions.
    pub conditions: &'static [ConditionType],
    /// The kinds that have them.
    pub kinds: &'static str,
    /// What they say where they are True.
    pub meaning: &'static str,
    /// Each reason: status, word, meaning.
    pub reasons: Vec<(Status, &'static str, &'static str)>,
}

conditions! {
    ModelResolved [ModelResolved] "ModelDeployment", "the model exists and is valid as a whole." {
        True Resolved "It can be used.";
        False ModelNotFound "`spec.modelRef` names a model that does not exist.";
        False ModelInvalid "It is invalid as a whole, so no profile can be used.";
    }
    ProfileValid [ProfileValid] "ModelDeployment, ClusterModel, Model",
        "the model's serving profiles keep the rules, and the [lint](lint.md) finds no error in them." {
        True Valid "Nothing is wrong.";
        True LintWarnings "The lint has warnings.";
        False LintErrors "The lint has errors. With `lint: Enforce` nothing new is placed with such a profile.";
        False ProfileInvalid "A profile breaks rules. It is not used; the others are.";
        False ModelInvalid "The model as a whole is invalid.";
        Unknown ModelNotFound "There is no model to look at.";
    }
    PlacementsScheduled [PlacementsScheduled] "ModelDeployment", "as many environments as `spec.environments` asks for have a placement." {
        True Placed "They have.";
        False NoEnvironmentMatches "No environment can take a placement; the message counts why, `status.scheduling.rejected` lists each.";
        False TooFewEnvironments "Some can, but fewer than are wanted.";
        False NoEnvironments "There is no InferenceEnvironment. With placements already there, the answer is fatal.";
        False ProfileInvalid "Too few are placed, and a profile of the topology breaks rules.";
        False ShortOfGpus "All are placed, but more is promised of a pool than it has: of a deployment that was scaled up, or whose pool shrank.";
        False TopologySwitchWaits "The placements of the new topology do not all fit beside the old ones, or with Recreate in place of them: nothing moves.";
    }
    PhaseReady [DecodeReady PrefillReady] "ModelDeployment with topology PrefillDecode",
        "the phase is available in as many environments as are wanted; a Unified placement that leaves serves both phases." {
        True Available "It is.";
        True Replacing "It is also thanks to what leaves: the phase of its replacement is not available yet.";
        True ReplacementWaits "It is also thanks to what leaves, for which no replacement is placed: see `PlacementsScheduled`.";
        False NotAvailable "It is not in the environments that the message names.";
        Unknown NotApplicable "The topology is Unified now; Crossplane never removes a condition.";
    }
    PlacementsReady [PlacementsReady] "ModelDeployment",
        "users are served from as many environments as are wanted, until it is replaced also by what leaves." {
        True AllReady "They do.";
        True Replacing "Users are served from as many environments, some by what leaves: its replacements are not ready yet.";
        True ReplacementWaits "Users are served from as many environments, some by what leaves, for which no replacement is placed: see `PlacementsScheduled`.";
        False NotReady "Some do not; the message says why of each, and so does `status.placements.items`.";
        False NothingPlaced "There is no placement to be ready.";
    }
    EnvironmentValid [EnvironmentValid] "InferenceEnvironment", "the environment keeps the rules, and something can be created there." {
        True Valid "It is used.";
        False SpecInvalid "A field breaks a rule. Fatal: nothing changes.";
        False NotProvisioned "`source: GKE`, and no other function has provisioned the cluster.";
        False ForeignResources "Another function composed resources that no step wants any more. Fatal: nothing changes.";
        False ClusterChanged "`spec.cluster.existing.secretRef` names another Secret than the one that the cluster is reached with. Fatal: nothing changes.";
    }
}

/// Reasons of one condition only: it has their name.
macro_rules! alone {
    ($($reasons:ident)*) => {
        $(impl From<$reasons> for ConditionReason {
            fn from(reason: $reasons) -> Self {
                reason.of(ConditionType::$reasons)
            }
        })*
    };
}

alone! { ModelResolved ProfileValid PlacementsScheduled PlacementsReady EnvironmentValid }

words! {
    /// Why a deployment is not decided on: the reason of all its conditions that cannot be known otherwise.
    Undecided {
        SpecInvalid "The deployment breaks a rule; the message has the field's path. Fatal.";
        InputInvalid "The [input](input.md) of the function's step is wrong. Fatal.";
        ObservedUnreadable "A composed resource cannot be read, so it cannot be left as it is. Fatal.";
        ForeignResources "Another function composed serving resources that no step wants any more: see [migration](../migration.md). Fatal.";
        ModelNotFound "The model does not exist. Fatal while there are placements.";
        ModelInvalid "The model is invalid as a whole. Fatal while there are placements.";
        NoEnvironments "The list of all environments came back empty, though there are placements. Fatal.";
        PlacementLost "A placement that was to stay would not have been composed: a bug that is caught. Fatal.";
    }
}

impl Undecided {
    /// As the reason of a condition.
    pub const fn of(self, condition: ConditionType, status: Status) -> ConditionReason {
        ConditionReason { condition, status, word: self.as_str() }
    }
}

words! {
    /// Why a placement is not ready, in `status.placements.items`.
    Waiting {
        Creating "The serving object was just composed, or KServe has not reported on it yet.";
        Deleting "The serving object is being deleted.";
        NotSynced "provider-kubernetes cannot apply the Object; the message is its own.";
        PresetsNotCombined "KServe cannot merge its presets: most often they are not installed.";
        WorkloadNotReady "Unified: the engine is not available.";
        DecodeNotReady "The decode phase is not available.";
        PrefillNotReady "The prefill phase is not available.";
        RouterNotReady "Gateway, route, InferencePool or endpoint picker are not ready.";
        NotReady "KServe says so for another reason; the message is its own.";
        Reconciling "KServe has not looked at the latest change yet.";
    }
}

words! {
    /// What only an event says.
    EventReason {
        MaximumDoesNotFit "`maxReplicas` of an autoscaled phase cannot be reached beside what others hold: told when the placement is new or resized.";
        NeverFromZero "`minReplicas: 0` with `signal: Concurrency`: nothing brings the model back from zero.";
        RequestNearLimit "A request has over 75% of the bytes that the function takes: told with every answer, because over the limit there is none.";
        PlacementVanished "A placement's serving object was deleted by somebody else. It is made again where it was, if there is room.";
        RdmaNotPinned "With `rdma: Profile` in the input, the profile of a new PrefillDecode placement does not select environments by RDMA.";
    }
}
