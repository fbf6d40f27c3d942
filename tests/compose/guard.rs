//! Nothing is deleted by accident: the last look at an answer, whatever went wrong before.

use function_modelplane::api::condition::Status;
use function_modelplane::api::input::Input;
use function_modelplane::api::llm_inference_service::RequestedService;
use function_modelplane::api::model_deployment::{ModelKind, Topology};
use function_modelplane::api::model_deployment_status::ModelDeploymentStatus;
use function_modelplane::api::place::Place;
use function_modelplane::api::words::{ConditionType, ModelResolved, ProfileValid, Undecided};
use function_modelplane::compose::composition::{Composition, Tally};
use function_modelplane::compose::conditions::NewCondition;
use function_modelplane::compose::inputs::{Inputs, ModelState, plan};
use function_modelplane::compose::model_deployment::compose;
use function_modelplane::compose::observed::Observed;
use function_modelplane::domain::scheduling::holdings::Fleet;
use function_modelplane::domain::scheduling::placement::{Environments, Existing};
use function_modelplane::domain::spec::deployment::validate_deployment;
use function_modelplane::domain::spec::model::validate_model;
use serde_json::json;

/// No call is known that comes to this: what is frozen was observed. Should one, Crossplane would delete what serves.
#[test]
fn a_placement_that_is_planned_and_not_composed_stops_everything() {
    let deployment = json!({"metadata": {"name": "chat", "namespace": "team"}, "spec": {"modelRef": {"name": "m"}, "environments": 1}});
    let model = json!({
        "metadata": {"name": "m"},
        "spec": {
            "model": {"name": "m"}, "source": "URI", "uri": "s3://m/m", "resources": {"vram": "1Gi"},
            "serving": [{"name": "plain", "engine": {"name": "vLLM", "image": "vllm/vllm-openai:v0.19.0"}, "resources": {"gpu": 1}}],
        },
    });
    // Its environment is gone, so it is to stay as it is observed; and nothing is observed.
    let existing = Existing {
        slot: "east".to_owned(),
        place: Place::new("east", Topology::Unified),
        record: None,
        requested: RequestedService::default(),
        local: true,
        ready: true,
        accelerators: (None, None),
    };
    let inputs = Inputs {
        deployment: validate_deployment(&serde_json::from_value(deployment).unwrap()).unwrap(),
        status: ModelDeploymentStatus::default(),
        settings: Input::default(),
        observed: Observed::default(),
        existing: vec![existing],
        model: ModelState::Usable(validate_model(ModelKind::ClusterModel, &serde_json::from_value(model).unwrap()).unwrap()),
        environments: Environments::new(),
        missing: Vec::new(),
        fleet: Fleet::default(),
        deciding: false,
    };
    let said = "east (Unified) would be lost, so nothing is changed";
    let lost = |condition, status| NewCondition::new(Undecided::PlacementLost.of(condition, status), said);
    let expected = Composition::Refused {
        message: said.to_owned(),
        field: String::new(),
        conditions: vec![
            NewCondition::new(ModelResolved::Resolved, "ClusterModel m"),
            NewCondition::new(ProfileValid::Valid, "1 serving profile"),
            lost(ConditionType::PlacementsScheduled, Status::False),
            lost(ConditionType::PlacementsReady, Status::Unknown),
        ],
        tally: Tally { wanted: 1, placed: 1, ..Tally::default() },
    };
    assert_eq!(compose(&inputs, plan(&inputs)), expected);
}
