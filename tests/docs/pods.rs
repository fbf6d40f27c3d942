//! The page of what is in a pod, with the table of the fabric.

use function_modelplane::api::inference_environment::RdmaKind;
use function_modelplane::domain::fabric::{CELLS, Cell, Setting};

use super::{code, hold, table};

const TEXT: &str = include_str!("pods.md");

/// Where the table comes.
const PLACE: &str = "{{fabric}}\n";

fn kind(kind: RdmaKind) -> &'static str {
    match kind {
        RdmaKind::InfiniBand => "InfiniBand",
        RdmaKind::RoCE => "RoCE",
        RdmaKind::Efa => "EFA",
        RdmaKind::Other => "Other",
    }
}

fn row(cell: &Cell) -> [String; 4] {
    let set = match cell.sets {
        Setting::Variable(name, value) => code(&format!("{name}={value}")),
        Setting::Capability(name) => format!("capability {}", code(name)),
    };
    let vendors: Vec<&str> = cell.vendors.iter().map(|vendor| vendor.meaning()).collect();
    let vendors = if vendors.is_empty() { "any".to_owned() } else { vendors.join("; ") };
    [set, cell.kinds.iter().map(|one| kind(*one)).collect::<Vec<_>>().join(", "), vendors, format!("{}.", cell.why)]
}

#[test]
fn the_page_has_the_table_of_the_fabric() {
    let rows: Vec<[String; 4]> = CELLS.iter().map(row).collect();
    let (before, after) = TEXT.split_once(PLACE).unwrap();
    hold("pods.md", &format!("{before}{}{after}", table(["Set", "`rdma.type`", "GPUs", "Why"], &rows)));
}
