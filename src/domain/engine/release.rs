//! Which vLLM an image contains.

use std::fmt;

/// A release of vLLM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The release 0.`minor`.`patch`.
pub(crate) const fn v0(minor: u32, patch: u32) -> Release {
    Release { major: 0, minor, patch }
}

impl Release {
    /// The release in an image; `None` unless it is an official one for CUDA with the tag of a release.
    ///
    /// What follows the version and a dash names a build of it, as in `v0.20.2-cu129`; a release candidate is no release.
    pub(crate) fn of(image: &str) -> Option<Self> {
        let tag = canonical(image).split('@').next()?.strip_prefix("vllm/vllm-openai:v")?;
        let (version, build) = tag.split_once('-').unwrap_or((tag, ""));
        let mut numbers = version.split('.');
        let mut number = || numbers.next()?.parse().ok();
        let release = Self { major: number()?, minor: number()?, patch: number()? };
        // v0.10.1.1 and v0.8.5.post1 are v0.10.1 and v0.8.5, mended.
        let mended = numbers.all(|rest| rest.strip_prefix("post").unwrap_or(rest).parse::<u32>().is_ok());
        (mended && !build.starts_with("rc")).then_some(release)
    }
}

impl fmt::Display for Release {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// An image's reference without the registry that is meant when there is none.
pub(crate) fn canonical(image: &str) -> &str {
    image.strip_prefix("docker.io/").or_else(|| image.strip_prefix("index.docker.io/")).unwrap_or(image)
}
