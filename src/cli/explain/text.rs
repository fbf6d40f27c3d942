//! What `explain` prints for people: under each environment the checks in their order, and under all of them who holds which GPUs.

use std::io;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Grid};

use crate::cli::lines::Lines;
use crate::cli::plane::session::Previewed;
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::scheduling::trace::Checked;
use crate::domain::visible_text::visible;

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
