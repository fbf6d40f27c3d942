//! Which call of a reconcile the log says it was: people count calls by it.

use function_modelplane::function::proto::{Resources, RunFunctionRequest};
use function_modelplane::function::run;
use serde_json::json;

use super::cluster::Cluster;
use super::fleet::{cluster, environment, settled};

/// The iteration of each call of a reconcile, which starts with `bootstrapped` as Crossplane fetched it for the composition.
fn iterations(cluster: &Cluster, bootstrapped: &[&str]) -> Vec<u32> {
    let mut request = cluster.request();
    let more: Vec<(String, Resources)> = bootstrapped.iter().map(|key| ((*key).to_owned(), Resources::default())).collect();
    request.required_resources.extend(more.clone());
    let mut iterations = Vec::new();
    let mut before = None;
    loop {
        let (response, report) = run(&request);
        iterations.push(report.iteration);
        if response.requirements == before {
            return iterations;
        }
        let required = response.requirements.clone().unwrap_or_default().resources;
        let fetched = required.iter().map(|(key, selector)| (key.clone(), cluster.select(selector)));
        request = RunFunctionRequest { required_resources: fetched.chain(more.clone()).collect(), context: response.context, ..request };
        before = response.requirements;
    }
}

#[test]
fn each_call_of_a_reconcile_is_counted() {
    let mut grown = settled();
    grown.composite["spec"]["environments"] = json!(3);
    let mut bereft = settled();
    bereft.delete("InferenceEnvironment", "east");
    let cases = [
        ("one that is new sees what stands where it would be placed", cluster(1), vec![1, 2, 3]),
        ("one that is settled asks for its own", settled(), vec![1, 2]),
        ("one that grows shows that it does", grown, vec![1, 2]),
        ("one that lost an environment sees it only then, and asks for everything", bereft, vec![1, 2, 3]),
        ("an environment sums up, and then asks for nothing", Cluster::new(environment("east"), Vec::new()), vec![1, 2, 3]),
    ];
    for (why, cluster, expected) in cases {
        assert_eq!(iterations(&cluster, &[]), expected, "{why}");
        assert_eq!(iterations(&cluster, &["somebody-elses"]), expected, "{why}, and the composition requires more");
    }
}
