//! The checks that an environment went through, for whoever asks why it was chosen or not.

use std::fmt;

use serde::{Serialize, Serializer};

/// The checks, in their order, and what was looked at, in a word or two.
macro_rules! checks {
    ($($name:ident $label:literal;)*) => {
        /// A check of an environment. One that comes later was reached by more.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Check {
            $(#[doc = $label] $name,)*
        }

        impl Check {
            /// What is looked at, in a word or two.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $label,)*
                }
            }
        }
    };
}

checks! {
    Existence "existence";
    Availability "availability";
    Access "access";
    Secret "Hugging Face Secret";
    Validity "validity";
    Selector "deployment's selector";
    Topology "topology";
    Lint "lint";
    ProfileSelector "profile's selector";
    Rdma "RDMA";
    Accelerator "accelerator";
    NodeSize "node size";
    Pools "accelerator and node size";
    FreeGpus "free GPUs";
    Cluster "cluster";
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// A check that an environment went through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Checked {
    /// What was looked at.
    pub check: Check,
    /// The serving profile it was looked at for; `None` where it is the same for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Whether it passed.
    pub passed: bool,
    /// What was found, with the numbers.
    pub found: String,
}

/// The checks of one environment; where nobody asks, nothing is kept.
#[derive(Debug, Default)]
pub struct Trace(Option<Vec<Checked>>);

impl Trace {
    /// A trace that keeps what it is told, or not.
    pub fn new(kept: bool) -> Self {
        Self(kept.then(Vec::new))
    }

    /// Notes a check that passed.
    pub fn passed(&mut self, check: Check, profile: Option<&str>, found: impl FnOnce() -> String) {
        if let Some(checks) = &mut self.0 {
            checks.push(Checked { check, profile: profile.map(str::to_owned), passed: true, found: found() });
        }
    }

    /// Notes the check that failed, and what was found.
    pub fn failed(&mut self, check: Check, profile: Option<&str>, found: impl FnOnce() -> String) {
        if let Some(checks) = &mut self.0 {
            checks.push(Checked { check, profile: profile.map(str::to_owned), passed: false, found: found() });
        }
    }

    /// The checks in their order.
    pub fn checks(self) -> Vec<Checked> {
        self.0.unwrap_or_default()
    }
}
