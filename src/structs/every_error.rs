//! Everything that does not fit a type, where serde stops at the first: what did not fit is left out and the rest read again.

use serde::de::DeserializeOwned;

use super::error::{Fault, Step};
use super::{omitted::Omitted, read};

/// So often the whole is read.
const MOST: usize = 50;

/// Reads a message of type Struct.
pub(super) fn object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Vec<Fault>> {
    let mut omitted = Omitted::default();
    let mut faults = Vec::new();
    for _ in 0..MOST {
        match read::object_without(bytes, Some(&omitted)) {
            Ok(value) if faults.is_empty() => return Ok(value),
            Ok(_) => break,
            Err(fault) => {
                let follows = follows(&fault, &omitted) || faults.iter().any(|told: &Fault| told.explains(&fault));
                let goes_on = omitted.add(fault.place());
                faults.extend((!follows).then_some(fault));
                if !goes_on {
                    break;
                }
            }
        }
    }
    Err(faults)
}

/// Whether something only does not fit because of what is left out of it. A field is found missing when the others have all been read, so
/// nothing is passed over.
fn follows(fault: &Fault, omitted: &Omitted) -> bool {
    let here = fault.place().try_fold(omitted, |here, step| here.at(step));
    here.is_some_and(|here| match fault.missing {
        Some(field) => here.at(&Step::Key(field.to_owned())).is_some_and(Omitted::is_whole),
        None => here.is_partial(),
    })
}
