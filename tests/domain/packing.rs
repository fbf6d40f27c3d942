//! Whether pods fit onto nodes, found by trying everything: what the ledger is held against.

/// Whether pods of these sizes fit onto nodes with so many free GPUs each.
pub(super) fn fits(mut pods: Vec<u32>, mut nodes: Vec<u32>) -> bool {
    pods.sort_unstable_by(|a, b| b.cmp(a));
    try_all(&pods, &mut nodes)
}

fn try_all(pods: &[u32], nodes: &mut Vec<u32>) -> bool {
    let Some((pod, rest)) = pods.split_first() else { return true };
    let mut tried = Vec::new();
    for index in 0..nodes.len() {
        let free = nodes[index];
        // Equally free nodes are alike.
        if free < *pod || tried.contains(&free) {
            continue;
        }
        tried.push(free);
        nodes[index] = free - pod;
        let found = try_all(rest, nodes);
        nodes[index] = free;
        if found {
            return true;
        }
    }
    false
}

#[test]
fn a_pod_needs_its_gpus_on_one_node() {
    assert!(fits(vec![4, 4, 8], vec![8, 8]));
    assert!(!fits(vec![8], vec![4, 4]));
    assert!(!fits(vec![6, 6, 4], vec![8, 8]), "two nodes have enough together, but not for each");
    assert!(fits(vec![5, 3, 5, 3], vec![8, 8]));
}
