//! The metrics of the server.

use super::{code, hold, table};

const INTRODUCTION: &str = "# Metrics

`/metrics` on `--metrics-address` has them in the text format of Prometheus, without TLS. Those of gRPC have the names that functions made with
the other SDKs have. Worth an alert:

- `function_modelplane_certificate_not_after_timestamp_seconds - time() < 30 * 86400`: Crossplane does not renew certificates.
- `increase(function_modelplane_requests_near_limit_total[1h]) > 0`: requests outgrow `--max-recv-message-size`. Then calls fail.
- `min_over_time(function_modelplane_calls_waiting[5m]) > 0`: there is too little memory for so many calls of that size.
- `increase(function_modelplane_log_lines_lost_total[1h]) > 0`: nobody takes the log, or not as fast as it is written.

";

#[tokio::test]
async fn the_page_lists_every_metric() {
    let text = crate::server::all_metrics().await;
    let rows: Vec<[String; 3]> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# HELP ")?.split_once(' '))
        .map(|(name, help)| {
            let kind = text.lines().find_map(|line| line.strip_prefix(&format!("# TYPE {name} "))).unwrap();
            [code(name), kind.to_owned(), help.to_owned()]
        })
        .collect();
    hold("metrics.md", &format!("{INTRODUCTION}{}", table(["Metric", "Type", "What it counts"], &rows)));
}
