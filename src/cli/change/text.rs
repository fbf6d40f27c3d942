//! What a change does, for people: a summary, every deployment, then every difference.

use std::io;

use clap::builder::styling::{AnsiColor, Style};

use super::effects::{AffectedPlacement, Effect, Effects, Fate, Restart};
use super::findings::NewFinding;
use super::report::{AffectedDeployment, ChangeReport, ChangedObject, FATES, RollingPool};
use super::{edits::Action, field_changes::FieldChange, shortages::ShortPool, surge::Surge};
use crate::api::place::Place;
use crate::cli::lines::Lines;

/// How many fields are named before the rest is only counted; the difference shows all.
const MOST_FIELDS: usize = 4;

const PLAIN: Style = Style::new();
const BOLD: Style = Style::new().bold();
const RED: Style = AnsiColor::Red.on_default();
const GREEN: Style = AnsiColor::Green.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();
const CYAN: Style = AnsiColor::Cyan.on_default();

/// Writes a report with colours, which whoever writes it to something other than a terminal takes out.
pub(crate) fn write_report(lines: &mut Lines<'_>, report: &ChangeReport) -> io::Result<()> {
    write_summary(lines, report)?;
    lines.line("")?;
    for change in &report.changes {
        write_change(lines, change)?;
    }
    for deployment in report.deployments.iter().filter(|deployment| deployment.effects.outcome != Fate::Unchanged) {
        write_deployment(lines, deployment)?;
    }
    write_pools(lines, &report.pools)?;
    write_shortages(lines, &report.shortages)?;
    write_unchanged(lines, report)?;
    for deployment in &report.deployments {
        write_differences(lines, deployment)?;
    }
    Ok(())
}

fn write_summary(lines: &mut Lines<'_>, report: &ChangeReport) -> io::Result<()> {
    let count = |name| report.summary.get(name).copied().unwrap_or_default();
    let mut parts = Vec::new();
    for (outcome, name) in FATES {
        match (outcome, count(name)) {
            (Fate::Restarted, 1) => parts.push("1 deployment restarts".to_owned()),
            (Fate::Restarted, number) => parts.push(format!("{number} deployments restart")),
            (_, number) if number > 0 || [Fate::Refused, Fate::Deleted].contains(&outcome) => parts.push(format!("{number} {name}")),
            _ => {}
        }
    }
    lines.styled(&[(BOLD, &parts.join(", "))])
}

fn write_change(lines: &mut Lines<'_>, change: &ChangedObject) -> io::Result<()> {
    let ChangedObject { key, action, problems, findings } = change;
    let what = match action {
        Action::Created => "is new",
        Action::Changed => "is changed",
        Action::Unchanged => "is the same as live",
        Action::Deleted => "is deleted",
    };
    lines.line(&format!("change: {key} {what}"))?;
    problems.iter().try_for_each(|problem| lines.styled(&[(PLAIN, "  "), (RED, problem)]))?;
    findings.iter().try_for_each(|finding| write_finding(lines, finding))
}

fn write_finding(lines: &mut Lines<'_>, finding: &NewFinding) -> io::Result<()> {
    let NewFinding { place, severity, rule, path, message } = finding;
    let style = if finding.is_error() { RED } else { YELLOW };
    let field = if path.is_empty() { String::new() } else { format!("{path}: ") };
    lines.styled(&[(PLAIN, "  "), (PLAIN, place), (PLAIN, ": "), (style, severity), (PLAIN, &format!(" {rule}: {field}{message}"))])
}

fn write_deployment(lines: &mut Lines<'_>, deployment: &AffectedDeployment) -> io::Result<()> {
    let AffectedDeployment { namespace, name, effects, without_change, .. } = deployment;
    let style = match effects.outcome {
        Fate::Refused | Fate::Deleted => RED,
        Fate::Restarted | Fate::Waiting | Fate::Moved | Fate::Frozen => YELLOW,
        Fate::Created | Fate::Scaled | Fate::Updated | Fate::Unchanged => GREEN,
    };
    lines.line("")?;
    lines.styled(&[(BOLD, &format!("{namespace}/{name}")), (PLAIN, " "), (style, &describe(effects))])?;
    for placement in effects.placements.iter().filter(|placement| placement.effect != Effect::Unchanged) {
        write_placement(lines, placement)?;
    }
    if effects.outcome == Fate::Updated {
        let keys: Vec<&str> = effects.objects.iter().map(|object| object.key.as_str()).collect();
        lines.line(&format!("  no pod is replaced; changed are {}", keys.join(", ")))?;
    }
    match without_change {
        Some(without) => lines.line(&format!("  without the change it {}", describe(without))),
        None => Ok(()),
    }
}

/// What becomes of a deployment, in a sentence without its subject.
fn describe(effects: &Effects) -> String {
    let at = |wanted: &[Effect]| {
        let of = effects.placements.iter().filter(|placement| wanted.contains(&placement.effect));
        of.map(place).collect::<Vec<_>>().join(", ")
    };
    let message = effects.message.as_deref().unwrap_or_default();
    let more = if message.is_empty() { String::new() } else { format!("; {message}") };
    match effects.outcome {
        Fate::Refused => format!("is refused, so nothing of it changes: {message}"),
        Fate::Deleted if effects.placements.iter().all(|placement| placement.effect == Effect::Deleted) => "is deleted".to_owned(),
        Fate::Deleted => format!("loses {}{more}", at(&[Effect::Leaving, Effect::Deleted])),
        Fate::Restarted => format!("restarts in {}{more}", at(&[Effect::Restarted])),
        Fate::Waiting => format!("waits: {message}"),
        Fate::Moved => {
            let (to, stays, goes) = (at(&[Effect::Created]), at(&[Effect::Leaving]), at(&[Effect::Deleted]));
            let stays = if stays.is_empty() { stays } else { format!("; {stays} stays until that is ready") };
            let goes = if goes.is_empty() { goes } else { format!("; {goes} is deleted at once") };
            format!("moves to {to}{stays}{goes}")
        }
        Fate::Created => format!("is placed on {}", at(&[Effect::Created])),
        Fate::Scaled => "is scaled".to_owned(),
        Fate::Frozen => "is left as it is".to_owned(),
        Fate::Updated => "is updated".to_owned(),
        Fate::Unchanged => "is unchanged".to_owned(),
    }
}

fn place(placement: &AffectedPlacement) -> String {
    Place::new(&placement.environment, placement.topology).to_string()
}

fn write_placement(lines: &mut Lines<'_>, placement: &AffectedPlacement) -> io::Result<()> {
    let AffectedPlacement { effect, reason, message, decode, prefill, restarts, .. } = placement;
    let sizes: Vec<String> =
        [(decode, ""), (prefill, "prefill ")].into_iter().filter_map(|(size, name)| Some(format!("{name}{}", size.as_ref()?))).collect();
    let sizes = sizes.join(" and ");
    let why = || {
        let text = reason.iter().chain(message).map(String::as_str).collect::<Vec<_>>().join(": ");
        if text.is_empty() { text } else { format!(": {text}") }
    };
    let what = match effect {
        Effect::Created => format!("is created: {sizes}"),
        Effect::Leaving => format!("stays until others are ready, then is deleted{}", why()),
        Effect::Deleted => "is deleted at once".to_owned(),
        Effect::Restarted => {
            let phases: Vec<&str> = restarts.iter().map(|restart| restart.phase.as_str()).collect();
            format!("{} {}", phases.join(" and "), if phases.len() == 1 { "restarts" } else { "restart" })
        }
        Effect::Scaled => format!("is scaled: {sizes}"),
        Effect::Frozen => format!("is left as it is{}", why()),
        Effect::Updated => "is updated, and no pod is replaced".to_owned(),
        Effect::Unchanged => "is unchanged".to_owned(),
    };
    lines.line(&format!("  {}: {what}", place(placement)))?;
    restarts.iter().try_for_each(|restart| write_restart(lines, restart))
}

fn write_restart(lines: &mut Lines<'_>, restart: &Restart) -> io::Result<()> {
    let Restart { phase, fields, surge } = restart;
    for field in fields.iter().take(MOST_FIELDS) {
        lines.line(&format!("    {phase}: {}", field_text(field)))?;
    }
    let more = fields.len().saturating_sub(MOST_FIELDS);
    if more > 0 {
        lines.line(&format!("    {phase}: {more} more fields"))?;
    }
    match surge {
        Some(surge) => {
            let style = if surge.fits { GREEN } else { YELLOW };
            lines.styled(&[(PLAIN, &format!("    {phase}: ")), (style, &surge_text(surge))])
        }
        None => Ok(()),
    }
}

fn field_text(field: &FieldChange) -> String {
    match field {
        FieldChange { path, from: Some(from), to: Some(to) } => format!("{path}: {from} -> {to}"),
        FieldChange { path, from: None, to: Some(to) } => format!("{path}: added {to}"),
        FieldChange { path, from: Some(from), to: None } => format!("{path}: removed {from}"),
        FieldChange { path, from: None, to: None } => format!("{path}: changed"),
    }
}

fn surge_text(surge: &Surge) -> String {
    let Surge { pool, replicas, extra_replicas, max_unavailable, gpus, free, fits } = surge;
    let pods = if *extra_replicas == 1 { "pod" } else { "pods" };
    let needs =
        format!("rolls with {extra_replicas} {pods} more, which needs {gpus} {} of pool {pool}", if *gpus == 1 { "GPU" } else { "GPUs" });
    let are = if *free == 1 { "1 is free".to_owned() } else { format!("{free} are free") };
    let node = if free >= gpus { ", but not on nodes that these pods fit on" } else { "" };
    match (fits, max_unavailable) {
        (true, _) => format!("{needs}; {are}"),
        (false, 0) => format!("{needs}; {are}{node}, so it does not get on until there are"),
        (false, gone) => format!("{needs}; {are}{node}, so {gone} of {replicas} replicas go first"),
    }
}

fn write_pools(lines: &mut Lines<'_>, pools: &[RollingPool]) -> io::Result<()> {
    // Of one phase it is said already.
    let short: Vec<&RollingPool> = pools.iter().filter(|pool| pool.gpus > pool.free && pool.phases > 1).collect();
    if !short.is_empty() {
        lines.line("")?;
    }
    for RollingPool { environment, pool, phases, gpus, free } in short {
        let text = format!(
            "the {phases} phases that restart on pool {pool} of {environment} need {gpus} GPUs together, and {free} are free: not all roll at once"
        );
        lines.styled(&[(YELLOW, &text)])?;
    }
    Ok(())
}

fn write_shortages(lines: &mut Lines<'_>, pools: &[ShortPool]) -> io::Result<()> {
    if !pools.is_empty() {
        lines.line("")?;
    }
    for ShortPool { environment, pool, gpus, total, held, holders } in pools {
        let holders: Vec<String> = holders.iter().map(|holder| format!("{} has {}", holder.deployment, holder.gpus)).collect();
        let holders = holders.join(", ");
        let text = format!("pool {pool} of {environment} is short of {gpus} GPUs: {held} are promised and {total} are there; {holders}");
        lines.styled(&[(RED, &text)])?;
    }
    Ok(())
}

fn write_unchanged(lines: &mut Lines<'_>, report: &ChangeReport) -> io::Result<()> {
    let unchanged = || report.deployments.iter().filter(|deployment| deployment.effects.outcome == Fate::Unchanged);
    let mut names = Vec::new();
    for AffectedDeployment { namespace, name, paused, without_change, .. } in unchanged() {
        match without_change {
            Some(effects) => {
                lines.line("")?;
                let said = format!(" also without the change: {}", describe(effects));
                lines.styled(&[(BOLD, &format!("{namespace}/{name}")), (PLAIN, &said)])?;
            }
            None if *paused => names.push(format!("{namespace}/{name} (paused)")),
            None => names.push(format!("{namespace}/{name}")),
        }
    }
    if names.is_empty() {
        return Ok(());
    }
    lines.line("")?;
    lines.line(&format!("unchanged: {}", names.join(", ")))
}

fn write_differences(lines: &mut Lines<'_>, deployment: &AffectedDeployment) -> io::Result<()> {
    for object in &deployment.effects.objects {
        let when = if object.later { ", once others are ready" } else { "" };
        let action = match object.action {
            Action::Created => "created",
            Action::Changed => "changed",
            Action::Unchanged => "unchanged",
            Action::Deleted => "deleted",
        };
        let AffectedDeployment { namespace, name, .. } = deployment;
        lines.line("")?;
        lines.styled(&[(BOLD, &format!("diff of {namespace}/{name}: {} is {action}{when}", object.key))])?;
        for line in object.diff.lines() {
            let style = match line.as_bytes().first() {
                _ if line.starts_with("---") || line.starts_with("+++") => BOLD,
                Some(b'-') => RED,
                Some(b'+') => GREEN,
                Some(b'@') => CYAN,
                _ => PLAIN,
            };
            lines.styled(&[(style, line)])?;
        }
    }
    Ok(())
}
