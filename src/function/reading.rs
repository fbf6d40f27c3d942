//! Objects as the function reads them, with everything that is wrong with each.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::api::inference_environment::{Availability, InferenceEnvironment};
use crate::api::input::Input;
use crate::api::metadata::{Header, Metadata};
use crate::api::model::{Model as ApiModel, ModelSpec};
use crate::api::model_deployment::{ModelDeployment, ModelKind};
use crate::domain::lint::linted;
use crate::domain::scheduling::placement::{EnvironmentState, InvalidEnvironment};
use crate::domain::spec::deployment::{Deployment, validate_deployment};
use crate::domain::spec::environment::{Environment, validate_environment};
use crate::domain::spec::model::{Model, validate_model};
use crate::domain::spec::{input::validate_input, violation::Violation};
use crate::domain::suppression::Suppressions;
use crate::structs::{from_struct, from_struct_or_errors};

/// An InferenceEnvironment.
///
/// # Errors
/// The rules that it breaks.
pub(crate) fn read_environment(bytes: &[u8]) -> Result<Environment, Vec<Violation>> {
    read_written_environment(bytes).and_then(|environment| validate_environment(&environment))
}

/// An environment by its name, whatever is wrong with it.
pub(crate) fn judge_environment(bytes: &[u8]) -> (String, EnvironmentState) {
    let violations = match read_environment(bytes) {
        Ok(usable) => return (usable.name.clone(), EnvironmentState::Usable(Box::new(usable))),
        Err(violations) => violations,
    };
    let Metadata { name, deletion_timestamp, .. } = from_struct::<Header>(bytes).unwrap_or_default().metadata;
    let availability = from_struct::<Emptied>(bytes).unwrap_or_default().spec.availability;
    (name, EnvironmentState::Invalid(InvalidEnvironment { violations, deleting: deletion_timestamp.is_some(), availability }))
}

/// An InferenceEnvironment as it is written.
///
/// # Errors
/// What cannot be read.
pub(crate) fn read_written_environment(bytes: &[u8]) -> Result<InferenceEnvironment, Vec<Violation>> {
    read(bytes)
}

/// A ClusterModel or Model, with what the lint finds in it and its owner does not accept. Its profiles may each break rules of their own.
///
/// # Errors
/// The rules that make it unusable as a whole.
pub(crate) fn read_model(kind: ModelKind, bytes: &[u8]) -> Result<Model, Vec<Violation>> {
    let written: ApiModel = read(bytes)?;
    let suppressions = Suppressions::read(&written.metadata.annotations);
    Ok(linted(validate_model(kind, &written)?, &written.spec).accepting(&suppressions))
}

/// The spec of a ClusterModel or Model, as it is written.
///
/// # Errors
/// What cannot be read.
pub(crate) fn read_model_spec(bytes: &[u8]) -> Result<ModelSpec, Vec<Violation>> {
    read::<ApiModel>(bytes).map(|model| model.spec)
}

/// What an object's owner accepts of what the lint finds in it; nothing where that cannot be read.
pub(crate) fn read_suppressions(bytes: &[u8]) -> Suppressions {
    Suppressions::read(&from_struct::<Header>(bytes).unwrap_or_default().metadata.annotations)
}

/// A ModelDeployment.
///
/// # Errors
/// The rules that it breaks.
pub(crate) fn read_deployment(bytes: &[u8]) -> Result<Deployment, Vec<Violation>> {
    read::<ModelDeployment>(bytes).and_then(|deployment| validate_deployment(&deployment))
}

/// The step's input.
///
/// # Errors
/// The rules that it breaks.
pub(crate) fn read_input(bytes: &[u8]) -> Result<Input, Vec<Violation>> {
    let input: Input = read(bytes)?;
    validate_input(&input)?;
    Ok(input)
}

fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Vec<Violation>> {
    from_struct_or_errors(bytes).map_err(|errors| errors.into_iter().map(|error| Violation::new(error.path, error.message)).collect())
}

/// An environment of which only is read whether it is being emptied, whatever else is wrong with it.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Emptied {
    spec: EmptiedSpec,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct EmptiedSpec {
    availability: Availability,
}
