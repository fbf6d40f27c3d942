//! Which vLLM an image contains.

use std::fmt;

use serde::Deserialize;

/// A release of vLLM.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Release {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The release 0.`minor`.`patch`.
pub(crate) const fn v0(minor: u32, patch: u32) -> Release {
    Release { major: 0, minor, patch }
}

/// What an official image is built for. The vLLM in it is the same, what it comes with is not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// NVIDIA's GPUs.
    Cuda,
    /// AMD's.
    Rocm,
}

/// The official images whose tags are releases.
const OFFICIAL: [(&str, Flavour); 2] = [("vllm/vllm-openai:v", Flavour::Cuda), ("vllm/vllm-openai-rocm:v", Flavour::Rocm)];

impl Flavour {
    /// What an image is built for; `None` unless it is an official one.
    pub(crate) fn of(image: &str) -> Option<Self> {
        official(image).map(|(flavour, _)| flavour)
    }
}

/// What an official image is built for, and the rest of its tag.
fn official(image: &str) -> Option<(Flavour, &str)> {
    let image = canonical(image).split('@').next()?;
    OFFICIAL.into_iter().find_map(|(name, flavour)| Some((flavour, image.strip_prefix(name)?)))
}

impl Release {
    /// The release in an image; `None` unless it is an official one with the tag of a release.
    ///
    /// What follows the version and a dash names a build of it, as in `v0.20.2-cu129`; a release candidate is no release.
    pub(crate) fn of(image: &str) -> Option<Self> {
        let (_, tag) = official(image)?;
        let (version, build) = tag.split_once('-').unwrap_or((tag, ""));
        Self::parse(version).filter(|_| !build.starts_with("rc"))
    }

    /// The release of a version without its `v`.
    fn parse(version: &str) -> Option<Self> {
        let mut numbers = version.split('.');
        let mut number = || numbers.next()?.parse().ok();
        let release = Self { major: number()?, minor: number()?, patch: number()? };
        // 0.10.1.1 and 0.8.5.post1 are 0.10.1 and 0.8.5, mended.
        let mended = numbers.all(|rest| rest.strip_prefix("post").unwrap_or(rest).parse::<u32>().is_ok());
        mended.then_some(release)
    }
}

impl TryFrom<String> for Release {
    type Error = String;

    fn try_from(version: String) -> Result<Self, String> {
        Self::parse(&version).ok_or_else(|| format!("{version:?} is no release"))
    }
}

/// Some releases: `0.9.1-0.12.0 0.20.0-`, open at an end where they go on, and all of them where nothing is written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Span(Vec<(Option<Release>, Option<Release>)>);

impl Span {
    /// All releases.
    pub(crate) const ALL: Self = Self(Vec::new());

    /// Whether a release is one of them.
    pub(crate) fn holds(&self, release: Release) -> bool {
        let within = |(first, last): &(Option<Release>, Option<Release>)| {
            first.is_none_or(|first| first <= release) && last.is_none_or(|last| release <= last)
        };
        self.0.is_empty() || self.0.iter().any(within)
    }

    /// The same; any release will do where nobody knows which it is.
    pub(crate) fn holds_any(&self, release: Option<Release>) -> bool {
        release.is_none_or(|release| self.holds(release))
    }
}

impl TryFrom<String> for Span {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let end = |version: &str| if version.is_empty() { Ok(None) } else { Release::try_from(version.to_owned()).map(Some) };
        let part = |part: &str| {
            let (first, last) = part.split_once('-').ok_or_else(|| format!("{part:?} has no -"))?;
            Ok((end(first)?, end(last)?))
        };
        text.split_whitespace().map(part).collect::<Result<_, String>>().map(Self)
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
