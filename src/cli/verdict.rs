//! What came of a preview or an explanation: the exit code of the command.

/// What came of a preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Every deployment is placed as often as it wants; of a change: and nothing is deleted or restarted.
    Placed,
    /// Some deployment is not, or is refused; of a change: or is left as it was, or more GPUs are promised than there are.
    NotPlaced,
    /// Something that serves is deleted or restarted by a change.
    Disruptive,
    /// The manifests could not be used.
    BadInput,
}

impl Verdict {
    /// 0, 1, 2 or 3.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Placed => 0,
            Self::NotPlaced => 1,
            Self::BadInput => 2,
            Self::Disruptive => 3,
        }
    }
}
