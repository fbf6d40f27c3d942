//! The table that `preview` prints for people.

use std::io;

use comfy_table::Table as Grid;
use comfy_table::presets::NOTHING;

use crate::api::{model_deployment_status::PhaseItem, placement_record::PhaseRecord};
use crate::cli::lines::Lines;
use crate::cli::plane::session::Previewed;
use crate::text::visible::visible;

/// Writes placements, and under each deployment what a person must know.
pub(crate) fn write_table(lines: &mut Lines<'_>, all: &[Previewed]) -> io::Result<()> {
    for (index, previewed) in all.iter().enumerate() {
        if index > 0 {
            lines.line("")?;
        }
        write_deployment(lines, previewed)?;
    }
    Ok(())
}

fn write_deployment(lines: &mut Lines<'_>, previewed: &Previewed) -> io::Result<()> {
    let status = &previewed.reported.status;
    if !status.placements.items.is_empty() {
        let mut grid = Grid::new();
        grid.load_style(NOTHING).set_header(["DEPLOYMENT", "ENVIRONMENT", "TOPOLOGY", "PROFILE", "DECODE", "PREFILL"]);
        for item in &status.placements.items {
            grid.add_row([
                // A line break in a cell would be one in the table.
                visible(&previewed.key.full_name()),
                visible(&item.environment),
                item.topology.as_str().to_owned(),
                visible(&item.profile),
                visible(&phase(item.decode.as_ref())),
                visible(&phase(item.prefill.as_ref())),
            ]);
        }
        for line in grid.lines() {
            lines.line(line.trim())?;
        }
    }
    if let Some(scheduled) = previewed.scheduled() {
        lines.line(&format!("{}: {}", previewed.key.full_name(), scheduled.message()))?;
    }
    let Some(scheduling) = &status.scheduling else { return Ok(()) };
    for rejected in &scheduling.rejected {
        lines.line(&format!("  rejected {}: {}: {}", rejected.environment, rejected.reason, rejected.message))?;
    }
    let listed = u32::try_from(scheduling.rejected.len()).unwrap_or(u32::MAX);
    let hidden = scheduling.rejected_total.saturating_sub(listed);
    if hidden > 0 {
        lines.line(&format!("  rejected {hidden} more"))?;
    }
    Ok(())
}

fn phase(phase: Option<&PhaseItem>) -> String {
    phase.map_or_else(|| "-".to_owned(), |phase| PhaseRecord::from(phase).to_string())
}
