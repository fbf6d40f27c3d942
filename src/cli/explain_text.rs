//! What `explain` prints for people: under each environment the checks in their order, and under all of them who holds which GPUs.

use std::fmt;

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table as Grid};

use crate::cli::session::Previewed;
use crate::compose::explanation::ExplainedEnvironment;
use crate::domain::trace::Check;

/// The explanations of deployments.
pub(crate) struct Text<'a>(pub(crate) &'a [Previewed]);

impl fmt::Display for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, previewed) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            writeln!(f, "{}: {}", previewed.deployment, previewed.message())?;
            for environment in &previewed.explained {
                write_environment(f, environment)?;
            }
            write_pools(f, &previewed.explained)?;
        }
        Ok(())
    }
}

fn write_environment(f: &mut fmt::Formatter<'_>, environment: &ExplainedEnvironment) -> fmt::Result {
    writeln!(f, "\n  {}: {}", environment.environment, environment.outcome)?;
    for Check { check, profile, passed, found } in &environment.checks {
        let verdict = if *passed { "ok" } else { "no" };
        let profile = profile.as_ref().map(|profile| format!(" ({profile})")).unwrap_or_default();
        writeln!(f, "    {verdict}  {check}{profile}: {found}")?;
    }
    Ok(())
}

fn write_pools(f: &mut fmt::Formatter<'_>, environments: &[ExplainedEnvironment]) -> fmt::Result {
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
                environment.environment.clone(),
                pool.pool.clone(),
                format!("{} x {}", pool.nodes, pool.gpus_per_node),
                pool.total.to_string(),
                pool.held_by_others.to_string(),
                pool.held_by_this.to_string(),
                pool.free.to_string(),
            ]);
        }
    }
    writeln!(f)?;
    for line in grid.lines() {
        writeln!(f, "  {}", line.trim())?;
    }
    Ok(())
}
