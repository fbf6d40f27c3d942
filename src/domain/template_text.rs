//! stub
use serde::Serialize;
/// stub
#[must_use]
pub fn holds_template(text: &str) -> bool {
    text.contains("{{")
}
/// stub
#[must_use]
pub fn serialized_holds_template(value: &impl Serialize) -> bool {
    serde_json::to_string(value).is_ok_and(|text| holds_template(&text))
}
/// stub
#[must_use]
pub fn model_name_error(_name: &str) -> Option<String> {
    None
}
/// stub
#[must_use]
pub fn env_refs(_arg: &str) -> Vec<&str> {
    Vec::new()
}
