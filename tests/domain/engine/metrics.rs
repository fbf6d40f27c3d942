//! What Prometheus is asked, to the letter: people paste it.

use function_modelplane::domain::engine::metrics::TransferQueries;

/// What decode still had of earlier prompts is in neither number: it came from nowhere, and nobody computed it. Without prompts there is no
/// answer, where a division would give one that is no number.
#[test]
fn the_share_is_of_what_decode_did_not_still_have() {
    let asked = TransferQueries::new("team", "chat-[a-z]+", "chat-.+");
    let expected = TransferQueries {
        share_from_prefill: "sum(rate(vllm:prompt_tokens_by_source_total{namespace=\"team\",pod=~\"chat-[a-z]+\",source=\"external_kv_transfer\"}[5m])) / \
            (sum(rate(vllm:prompt_tokens_by_source_total{namespace=\"team\",pod=~\"chat-[a-z]+\",source=~\"external_kv_transfer|local_compute\"}[5m])) > 0)"
            .to_owned(),
        failed_transfers: "sum(increase(vllm:nixl_num_failed_transfers_total{namespace=\"team\",pod=~\"chat-.+\"}[5m]))".to_owned(),
    };
    assert_eq!(asked, expected);
}
