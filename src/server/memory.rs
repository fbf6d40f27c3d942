//! How much memory there is for the process.

use std::fs;
use std::path::Path;

/// What package/install allows: taken where nothing sets a limit, because a machine's memory is not ours alone.
const SHIPPED: u64 = 1 << 30;

/// What cgroup v1 says where there is no limit is a number near the largest.
const UNLIMITED: u64 = 1 << 60;

/// The memory limit of the process, in bytes: its cgroup's, of either version, or of one above it, whichever is least. Where there is
/// none, 1 GiB. `root` is `/`.
pub fn limit(root: &Path) -> u64 {
    let groups = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    groups.lines().filter_map(|line| smallest(root, line)).min().unwrap_or(SHIPPED)
}

/// The least limit on the way from the group that a line of `/proc/self/cgroup` names up to where the hierarchy is mounted: in a container
/// that is the container's own group, and what the line names may not be there.
fn smallest(root: &Path, line: &str) -> Option<u64> {
    let (controllers, group) = line.split_once(':')?.1.split_once(':')?;
    let (mount, file) = match controllers {
        "" => ("sys/fs/cgroup", "memory.max"),
        _ if controllers.split(',').any(|controller| controller == "memory") => ("sys/fs/cgroup/memory", "memory.limit_in_bytes"),
        _ => return None,
    };
    let mount = root.join(mount);
    let group = mount.join(group.trim_start_matches('/'));
    let limits = group.ancestors().take_while(|folder| folder.starts_with(&mount)).filter_map(|folder| {
        let text = fs::read_to_string(folder.join(file)).ok()?;
        text.trim().parse().ok().filter(|limit| *limit < UNLIMITED)
    });
    limits.min()
}
