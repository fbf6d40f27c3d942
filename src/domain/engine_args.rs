//! stub
use k8s_openapi::api::core::v1::EnvVar;
/// stub
pub struct EngineArgs;
/// stub
pub enum Gpus {
    /// s
    Unstated,
    /// s
    Stated(u32),
    /// s
    Unknown,
}
impl EngineArgs {
    /// stub
    #[must_use]
    pub fn parse(_args: &[String]) -> Self {
        Self
    }
    /// stub
    #[must_use]
    pub fn gpus(&self, _env: &[EnvVar]) -> Gpus {
        Gpus::Unstated
    }
}
