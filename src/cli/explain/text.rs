//! What `explain` prints for people: under each environment the checks in their order, under all of them who holds which GPUs, and what to
//! ask Prometheus once it runs.

use std::io;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Grid};

use crate::cli::lines::Lines;
use crate::cli::plane::session::Previewed;
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::engine::metrics::{FAILED_TRANSFERS_SINCE, PROMPT_TOKENS_SINCE, TransferQueries};
use crate::domain::scheduling::trace::Checked;
use crate::text::visible::visible;

/// Writes the explanations of deployments.
pub(crate) fn write_explanations(lines: &mut Lines<'_>, all: &[Previewed]) -> io::Result<()> {
    for (index, previewed) in all.iter().enumerate() {
        if index > 0 {
            lines.line("")?;
        }
        lines.line(&format!("{}: {}", previewed.key.full_name(), previewed.message()))?;
        for environment in &previewed.explained {
            write_environment(lines, environment)?;
        }
        write_pools(lines, &previewed.explained)?;
        write_queries(lines, &previewed.explained)?;
    }
    Ok(())
}

fn write_environment(lines: &mut Lines<'_>, environment: &ExplainedEnvironment) -> io::Result<()> {
    lines.line("")?;
    lines.line(&format!("  {}: {}", environment.environment, environment.outcome))?;
    for Checked { check, profile, passed, found } in &environment.checks {
        let verdict = if *passed { "ok" } else { "no" };
        let profile = profile.as_ref().map(|profile| format!(" ({profile})")).unwrap_or_default();
        lines.line(&format!("    {verdict}  {check}{profile}: {found}"))?;
    }
    Ok(())
}

fn write_pools(lines: &mut Lines<'_>, environments: &[ExplainedEnvironment]) -> io::Result<()> {
    if environments.iter().all(|environment| environment.pools.is_empty()) {
        return Ok(());
    }
    let mut grid = Grid::new();
    grid.load_style(NOTHING).set_header(["ENVIRONMENT", "POOL", "NODES", "GPUS", "OTHERS", "THIS", "FREE"]);
    for column in grid.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    for environment in environments {
        for pool in &environment.pools {
            grid.add_row([
                // A line break in a cell would be one in the table.
                visible(&environment.environment),
                visible(&pool.pool),
                format!("{} x {}", pool.nodes, pool.gpus_per_node),
                pool.total.to_string(),
                pool.held_by_others.to_string(),
                pool.held_by_this.to_string(),
                pool.free.to_string(),
            ]);
        }
    }
    lines.line("")?;
    for line in grid.lines() {
        lines.line(&format!("  {}", line.trim()))?;
    }
    Ok(())
}

/// Queries to paste, with what is said of them as comments of PromQL. Where names and namespaces are the same, so are the queries.
fn write_queries(lines: &mut Lines<'_>, environments: &[ExplainedEnvironment]) -> io::Result<()> {
    let mut asked: Vec<(&TransferQueries, Vec<&str>)> = Vec::new();
    for environment in environments {
        let Some(queries) = &environment.prometheus else { continue };
        match asked.iter_mut().find(|(known, _)| *known == queries) {
            Some((_, names)) => names.push(&environment.environment),
            None => asked.push((queries, vec![&environment.environment])),
        }
    }
    for (queries, names) in asked {
        lines.line("")?;
        lines.line(&format!("  does it disaggregate? ask Prometheus about the last 5 minutes, on {}:", names.join(", ")))?;
        lines.line(&format!(
            "    # prompt tokens that came from prefill, as a share: about 1, nothing without prompts; vLLM {PROMPT_TOKENS_SINCE} or later"
        ))?;
        lines.line(&format!("    {}", queries.share_from_prefill))?;
        lines.line(&format!("    # transfers that failed: 0; vLLM {FAILED_TRANSFERS_SINCE} or later"))?;
        lines.line(&format!("    {}", queries.failed_transfers))?;
    }
    Ok(())
}
