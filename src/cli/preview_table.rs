//! The table that `preview` prints for people.

use std::fmt;

use comfy_table::Table as Grid;
use comfy_table::presets::NOTHING;

use crate::api::model_deployment_status::PhaseItem;
use crate::api::placement_record::PhaseRecord;
use crate::cli::session::Previewed;

/// Placements, and under each deployment what a person must know.
pub(crate) struct Table<'a>(pub(crate) &'a [Previewed]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, previewed) in self.0.iter().enumerate() {
            if index > 0 {
                writeln!(f)?;
            }
            write_deployment(f, previewed)?;
        }
        Ok(())
    }
}

fn write_deployment(f: &mut fmt::Formatter<'_>, previewed: &Previewed) -> fmt::Result {
    let status = &previewed.reported.status;
    if !status.placements.items.is_empty() {
        let mut grid = Grid::new();
        grid.load_style(NOTHING).set_header(["DEPLOYMENT", "ENVIRONMENT", "TOPOLOGY", "PROFILE", "DECODE", "PREFILL"]);
        for item in &status.placements.items {
            grid.add_row([
                previewed.deployment.clone(),
                item.environment.clone(),
                item.topology.as_str().to_owned(),
                item.profile.clone(),
                phase(item.decode.as_ref()),
                phase(item.prefill.as_ref()),
            ]);
        }
        for line in grid.lines() {
            writeln!(f, "{}", line.trim())?;
        }
    }
    if let Some(scheduled) = previewed.scheduled() {
        writeln!(f, "{}: {}", previewed.deployment, scheduled.message())?;
    }
    let scheduling = status.scheduling.iter();
    for rejected in scheduling.clone().flat_map(|scheduling| &scheduling.rejected) {
        writeln!(f, "  rejected {}: {}: {}", rejected.environment, rejected.reason, rejected.message)?;
    }
    for scheduling in scheduling {
        let listed = u32::try_from(scheduling.rejected.len()).unwrap_or(u32::MAX);
        let hidden = scheduling.rejected_total.saturating_sub(listed);
        if hidden > 0 {
            writeln!(f, "  rejected {hidden} more")?;
        }
    }
    Ok(())
}

fn phase(phase: Option<&PhaseItem>) -> String {
    phase.map_or_else(|| "-".to_owned(), |phase| PhaseRecord::from(phase).to_string())
}
