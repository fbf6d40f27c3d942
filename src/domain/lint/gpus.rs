//! Whether a pod has the GPUs that its engine uses, and they hold the model.

use super::phase::PhaseEngine;
use crate::api::quantity::Quantity;
use crate::domain::engine::args::Gpus;
use crate::domain::finding::Code::{GpuTooFew, GpuUnused, ModelTooLarge, SlicesJoined};
use crate::domain::spec::environment::{Environment, Pool};
use crate::domain::{finding::Finding, finding::Severity};

const TP: &str = "tensor-parallel-size";
/// The sizes that split one copy of a model over GPUs that talk all the time.
const SPLITS: [&str; 3] = [TP, "pipeline-parallel-size", "prefill-context-parallel-size"];
/// What the resources of NVIDIA's slices of a GPU begin with.
const MIG: &str = "nvidia.com/mig-";

/// The rules of one phase.
pub(super) fn check_phase(phase: &PhaseEngine<'_>, findings: &mut Vec<Finding>) {
    let used = match phase.gpus {
        Gpus::Stated(gpus) => gpus,
        Gpus::Unstated => 1,
        Gpus::Unknown => return,
    };
    let Some(gpus) = phase.resources.and_then(|resources| resources.gpu) else { return };
    let (name, path) = (phase.name(), phase.field("resources.gpu"));
    if used > gpus {
        let message = format!("{name} exits at start because its arguments need {used} GPUs and a pod has {gpus}; set gpu to {used}");
        // A Ray cluster may have the others in other pods.
        let severity = if phase.leaves_to_ray() { Severity::Warning } else { Severity::Error };
        findings.push(Finding::new(GpuTooFew, severity, path, message));
    } else if used < gpus {
        let message = format!("{name} uses {used} of a pod's {gpus} GPUs; set gpu to {used}, or --{TP} to what the pod has");
        findings.push(Finding::warning(GpuUnused, path, message));
    }
}

/// The rules of one phase on the pools that it may run on.
pub(super) fn check_on(phase: &PhaseEngine<'_>, vram: &Quantity, environments: &[&Environment], findings: &mut Vec<Finding>) {
    check_slices(phase, environments, findings);
    check_size(phase, vram, environments, findings);
}

/// A rank is a process of CUDA, which sees one slice of a GPU only (NVIDIA's MIG user guide; vllm#7211), and slices cannot read each
/// other's memory; NCCL has only begun to try (NVIDIA/nccl#1716).
fn check_slices(phase: &PhaseEngine<'_>, environments: &[&Environment], findings: &mut Vec<Finding>) {
    let ranks = SPLITS.into_iter().try_fold(1_u32, |ranks, option| ranks.checked_mul(phase.count(option)?));
    let Some(ranks) = ranks.filter(|ranks| *ranks > 1) else { return };
    let mut sliced = pools_of(phase, environments).filter(|(_, pool)| pool.resource_name.starts_with(MIG));
    let Some((environment, pool)) = sliced.next() else { return };
    let others = more(sliced.count());
    let option = SPLITS.into_iter().filter(|option| phase.count(option) != Some(1)).find(|option| phase.args.is_given(option));
    let message = format!(
        "{} is split over {ranks} GPUs, which are slices of GPUs ({}) on pool {} of environment {environment}{others}: NCCL does not join slices, so the engine exits, or is slow; let one slice or a whole GPU hold the model",
        phase.name(),
        pool.resource_name,
        pool.id
    );
    findings.push(Finding::warning(
        SlicesJoined,
        option.map_or_else(|| phase.field("engine.args"), |option| phase.option(option)),
        message,
    ));
}

/// The pools that a phase may run on, each with its environment's name.
fn pools_of<'a>(phase: &PhaseEngine<'a>, environments: &[&'a Environment]) -> impl Iterator<Item = (&'a str, &'a Pool)> {
    let accelerator = phase.resources.and_then(|resources| resources.accelerator.as_deref());
    let all = environments.iter().flat_map(|environment| environment.pools.iter().map(|pool| (environment.name.as_str(), pool)));
    all.filter(move |(_, pool)| accelerator.is_none_or(|accelerator| pool.is_called(accelerator)))
}

/// How many there are besides the one that is named.
fn more(others: usize) -> String {
    if others == 0 { String::new() } else { format!(" and {others} more") }
}

fn check_size(phase: &PhaseEngine<'_>, vram: &Quantity, environments: &[&Environment], findings: &mut Vec<Finding>) {
    let pools = || pools_of(phase, environments);
    let gpu = phase.resources.and_then(|resources| resources.gpu);
    let name = phase.name();
    let gpus = match (gpu, phase.gpus) {
        (Some(gpus), _) | (None, Gpus::Stated(gpus)) => gpus,
        (None, Gpus::Unknown) => return,
        (None, Gpus::Unstated) => {
            let sized =
                pools().find_map(|(environment, pool)| Some((environment, pool, vram.div_ceil(&pool.memory).filter(|gpus| *gpus > 1)?)));
            if let Some((environment, pool, gpus)) = sized {
                let message = format!(
                    "{name} states no number of GPUs: on pool {} of environment {environment} a pod gets {gpus} to hold the model's {vram}, of which vLLM uses 1; set --{TP}",
                    pool.id
                );
                findings.push(Finding::warning(GpuUnused, phase.field("engine.args"), message));
            }
            return;
        }
    };
    let too_small = |pool: &Pool| pool.memory.nanos().checked_mul(gpus.into()).is_some_and(|memory| memory < vram.nanos());
    let mut small = pools().filter(|(_, pool)| too_small(pool));
    let Some((environment, pool)) = small.next() else { return };
    let others = more(small.count());
    let message = format!(
        "{name} runs out of memory on pool {} of environment {environment}{others}: {gpus} x {} is less than the model's {vram}; give a pod more GPUs, or name a larger pool in resources.accelerator",
        pool.id, pool.memory
    );
    let path = if gpu.is_some() { phase.field("resources.gpu") } else { phase.option(TP) };
    findings.push(Finding::warning(ModelTooLarge, path, message));
}
