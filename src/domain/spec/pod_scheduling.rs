//! The rules of where pods may go: tolerations, affinity, spread.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{
    Affinity, NodeSelectorTerm, PodAffinityTerm, Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;

use super::at::At;
use crate::api::limits;
use crate::api::selector::{label_key_error, label_value_error};

impl At<'_> {
    /// Tolerations.
    pub(super) fn check_tolerations(&mut self, tolerations: &[Toleration]) {
        self.check_count(tolerations.len(), limits::TOLERATIONS);
        for (index, toleration) in tolerations.iter().enumerate() {
            let mut at = self.index(index);
            let key = toleration.key.as_deref().unwrap_or_default();
            let value = toleration.value.as_deref().unwrap_or_default();
            let operator = toleration.operator.as_deref().unwrap_or("Equal");
            if key.is_empty() && operator != "Exists" {
                at.child("operator").refuse("must be Exists where there is no key");
            }
            if !key.is_empty() {
                at.child("key").check_label_key(key);
            }
            match operator {
                "Exists" if !value.is_empty() => at.child("value").refuse("is set but operator is Exists; remove it"),
                "Equal" | "Exists" => at.child("value").check_label_value(value),
                other => at.child("operator").check_word(other, &["Equal", "Exists"]),
            }
            let effect = toleration.effect.as_deref().unwrap_or_default();
            if !effect.is_empty() {
                at.child("effect").check_word(effect, &["NoSchedule", "PreferNoSchedule", "NoExecute"]);
            }
            if toleration.toleration_seconds.is_some() && effect != "NoExecute" {
                at.child("tolerationSeconds").refuse("is set but effect is not NoExecute; remove it");
            }
            at.check_template(toleration);
        }
    }

    /// To which nodes and pods a pod is drawn.
    pub(super) fn check_affinity(&mut self, affinity: &Affinity) {
        const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
        const PREFERRED: &str = "preferredDuringSchedulingIgnoredDuringExecution";
        if let Some(nodes) = &affinity.node_affinity {
            let mut at = self.child("nodeAffinity");
            if let Some(required) = &nodes.required_during_scheduling_ignored_during_execution {
                let mut at = at.child(REQUIRED);
                let mut at = at.child("nodeSelectorTerms");
                if required.node_selector_terms.is_empty() {
                    at.refuse("is empty, so no node would do; list a term");
                }
                for (index, term) in required.node_selector_terms.iter().enumerate() {
                    at.index(index).check_node_term(term);
                }
            }
            for (index, term) in nodes.preferred_during_scheduling_ignored_during_execution.iter().flatten().enumerate() {
                let mut at = at.child(PREFERRED);
                let mut at = at.index(index);
                at.check_weight(term.weight);
                at.child("preference").check_node_term(&term.preference);
            }
        }
        let pods = affinity.pod_affinity.as_ref().map(|pods| {
            let (required, preferred) =
                (&pods.required_during_scheduling_ignored_during_execution, &pods.preferred_during_scheduling_ignored_during_execution);
            ("podAffinity", required, preferred)
        });
        let apart = affinity.pod_anti_affinity.as_ref().map(|pods| {
            let (required, preferred) =
                (&pods.required_during_scheduling_ignored_during_execution, &pods.preferred_during_scheduling_ignored_during_execution);
            ("podAntiAffinity", required, preferred)
        });
        for (field, required, preferred) in pods.into_iter().chain(apart) {
            let mut at = self.child(field);
            for (index, term) in required.iter().flatten().enumerate() {
                at.child(REQUIRED).index(index).check_pod_term(term);
            }
            for (index, WeightedPodAffinityTerm { pod_affinity_term, weight }) in preferred.iter().flatten().enumerate() {
                let mut at = at.child(PREFERRED);
                let mut at = at.index(index);
                at.check_weight(*weight);
                at.child("podAffinityTerm").check_pod_term(pod_affinity_term);
            }
        }
        self.check_template(affinity);
    }

    /// How pods are spread. KServe merges constraints by their topologyKey alone.
    pub(super) fn check_spread(&mut self, constraints: &[TopologySpreadConstraint]) {
        self.check_count(constraints.len(), limits::OVERLAY_ENTRIES);
        let mut seen = BTreeSet::new();
        for (index, constraint) in constraints.iter().enumerate() {
            let mut at = self.index(index);
            if !seen.insert(&constraint.topology_key) {
                at.child("topologyKey").refuse(format!("repeats {:?}; KServe keeps one constraint of each", constraint.topology_key));
            }
            at.child("topologyKey").check_label_key(&constraint.topology_key);
            if constraint.max_skew < 1 {
                at.child("maxSkew").refuse(format!("is {}; set it to 1 or more", constraint.max_skew));
            }
            at.child("whenUnsatisfiable").check_word(&constraint.when_unsatisfiable, &["DoNotSchedule", "ScheduleAnyway"]);
            if let Some(domains) = constraint.min_domains {
                if domains < 1 {
                    at.child("minDomains").refuse(format!("is {domains}; set it to 1 or more"));
                }
                if constraint.when_unsatisfiable != "DoNotSchedule" {
                    at.child("minDomains").refuse("is set but whenUnsatisfiable is not DoNotSchedule; remove it");
                }
            }
            let policies = [("nodeAffinityPolicy", &constraint.node_affinity_policy), ("nodeTaintsPolicy", &constraint.node_taints_policy)];
            for (field, policy) in policies {
                if let Some(policy) = policy {
                    at.child(field).check_word(policy, &["Honor", "Ignore"]);
                }
            }
            if constraint.match_label_keys.as_ref().is_some_and(|keys| !keys.is_empty()) && constraint.label_selector.is_none() {
                at.child("matchLabelKeys").refuse("needs a labelSelector beside it");
            }
            at.child("labelSelector").check_label_selector(constraint.label_selector.as_ref());
            at.check_template(constraint);
        }
    }

    fn check_weight(&mut self, weight: i32) {
        if !(1..=100).contains(&weight) {
            self.child("weight").refuse(format!("is {weight}; set it to 1 to 100"));
        }
    }

    fn check_node_term(&mut self, term: &NodeSelectorTerm) {
        for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
            let mut at = self.child("matchExpressions");
            let mut at = at.index(index);
            let values = requirement.values.as_deref().unwrap_or_default();
            at.check_requirement(&requirement.key, &requirement.operator, values, &["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"]);
        }
        for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
            let mut at = self.child("matchFields");
            let mut at = at.index(index);
            at.child("key").check_word(&requirement.key, &["metadata.name"]);
            at.child("operator").check_word(&requirement.operator, &["In", "NotIn"]);
            if requirement.values.as_ref().map_or(0, Vec::len) != 1 {
                at.child("values").refuse("must have one value, the name of a node");
            }
        }
    }

    /// A requirement of a label: its key, operator and values.
    fn check_requirement(&mut self, key: &str, operator: &str, values: &[String], operators: &[&str]) {
        self.child("key").check_label_key(key);
        match (operator, values) {
            ("In" | "NotIn", []) => self.child("values").refuse("is empty; list what the label may be"),
            ("Exists" | "DoesNotExist", [_, ..]) => {
                self.child("values").refuse(format!("is set but operator is {operator}; remove it"));
            }
            ("Gt" | "Lt", values) if !matches!(values, [number] if number.parse::<i64>().is_ok()) => {
                self.child("values").refuse("must have one value, a whole number");
            }
            (other, _) => self.child("operator").check_word(other, operators),
        }
    }

    fn check_pod_term(&mut self, term: &PodAffinityTerm) {
        self.child("topologyKey").check_label_key(&term.topology_key);
        self.child("labelSelector").check_label_selector(term.label_selector.as_ref());
        self.child("namespaceSelector").check_label_selector(term.namespace_selector.as_ref());
        for (index, namespace) in term.namespaces.iter().flatten().enumerate() {
            self.child("namespaces").index(index).check_label_name(namespace);
        }
    }

    fn check_label_selector(&mut self, selector: Option<&LabelSelector>) {
        let Some(selector) = selector else { return };
        if let Some(labels) = &selector.match_labels {
            self.child("matchLabels").check_labels(labels);
        }
        for (index, requirement) in selector.match_expressions.iter().flatten().enumerate() {
            let mut at = self.child("matchExpressions");
            let mut at = at.index(index);
            let values = requirement.values.as_deref().unwrap_or_default();
            at.check_requirement(&requirement.key, &requirement.operator, values, &["In", "NotIn", "Exists", "DoesNotExist"]);
        }
    }

    fn check_label_key(&mut self, key: &str) {
        if let Some(problem) = label_key_error(key) {
            self.refuse(format!("is {key:?}, which is not a label's key: {problem}"));
        }
    }

    fn check_label_value(&mut self, value: &str) {
        if let Some(problem) = label_value_error(value) {
            self.refuse(format!("is {value:?}, which is not a label's value: {problem}"));
        }
    }
}
