//! What is answered to a request, before it is a response.

use super::requirements::Requirements;
use crate::api::input::Input;
use crate::compose::composition::Composition;

/// What is answered to a request.
#[derive(Debug)]
pub(crate) enum Answer {
    /// Nothing yet: these are to be fetched first.
    Waiting(Requirements),
    /// A composition, made with what was fetched for these.
    Done(Requirements, Box<Composition>, Box<Input>),
}

impl Answer {
    /// A composition that nothing was fetched for.
    pub(crate) fn refused(composition: Composition) -> Self {
        Self::Done(Requirements::default(), Box::new(composition), Box::default())
    }

    /// A refusal that leaves the conditions as they were reported.
    pub(crate) fn refuse(message: String) -> Self {
        Self::refused(Composition::refused(message))
    }
}
