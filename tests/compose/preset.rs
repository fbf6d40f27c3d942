//! What happens to a container's args on their way through one of KServe's presets: the template engine, the kubelet, bash.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test bench: a panic is a failure"
)]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

/// The arguments that the preset puts before the user's.
pub(crate) const PRESET_ARGS: [&str; 7] =
    ["serve", "/mnt/models", "--served-model-name", "meta-llama/Llama-3.1-405B-Instruct", "--port", "8001", "--disable-uvicorn-access-log"];

/// The shape of the presets' script: the args become a part of what `eval` reads.
const SCRIPT: &str = r#"
eval "vllm serve /mnt/models \
  --served-model-name "meta-llama/Llama-3.1-405B-Instruct" \
  --port 8001 \
  --disable-uvicorn-access-log \
  ${VLLM_ADDITIONAL_ARGS} \
  $@"
"#;

/// The kubelet's expansion of `$(VAR)` and `$$`, byte by byte.
pub(crate) fn kubelet_expand(text: &str, env: &BTreeMap<String, String>) -> Vec<u8> {
    let text = text.as_bytes();
    let mut out = Vec::new();
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'$' || at + 1 == text.len() {
            out.push(text[at]);
            at += 1;
            continue;
        }
        let next = text[at + 1];
        let close = if next == b'(' { text[at + 2..].iter().position(|&byte| byte == b')') } else { None };
        if next == b'$' {
            out.push(b'$');
            at += 2;
        } else if let Some(length) = close {
            let name = &text[at + 2..at + 2 + length];
            match std::str::from_utf8(name).ok().and_then(|name| env.get(name)) {
                Some(value) => out.extend_from_slice(value.as_bytes()),
                None => out.extend_from_slice(&text[at..at + 3 + length]),
            }
            at += 3 + length;
        } else if next.is_ascii() {
            out.extend_from_slice(&[b'$', next]);
            at += 2;
        } else {
            // The kubelet takes the one byte for a character and writes that character's two bytes.
            out.push(b'$');
            out.extend_from_slice(char::from(next).to_string().as_bytes());
            at += 2;
        }
    }
    out
}

/// A directory with a `vllm` that writes its arguments, each ended by a NUL, to the file `argv` there.
pub(crate) fn fake_engine() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let program = dir.path().join("vllm");
    fs::write(&program, "#!/bin/bash\nprintf '%s\\0' \"$@\" > \"${0%/*}/argv\"\n").unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// The arguments `vllm` gets, behind those of the preset, when a pod with this preset has these rendered args.
pub(crate) fn engine_argv(engine: &Path, rendered: &[String], env: &BTreeMap<String, String>) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(rendered).unwrap();
    assert!(!json.contains("{{"), "the template engine would choke on {json}");
    let argv_file = engine.join("argv");
    let _ = fs::remove_file(&argv_file);
    let output = Command::new("/bin/bash")
        .args(["-c", SCRIPT, "--"])
        .args(rendered.iter().map(|arg| OsString::from_vec(kubelet_expand(arg, env))))
        .current_dir(engine)
        .env_clear()
        .env("PATH", format!("{}:/usr/bin:/bin", engine.display()))
        .env("HOME", "/home/engine")
        .envs(env)
        .output()
        .unwrap();
    assert!(output.stderr.is_empty(), "bash complains: {}", String::from_utf8_lossy(&output.stderr));
    let bytes = fs::read(&argv_file).unwrap();
    let mut argv: Vec<Vec<u8>> = bytes.split(|&byte| byte == 0).map(<[u8]>::to_vec).collect();
    assert_eq!(argv.pop(), Some(Vec::new()), "every argument ends with a NUL");
    let preset: Vec<Vec<u8>> = argv.drain(..PRESET_ARGS.len().min(argv.len())).collect();
    assert_eq!(preset, PRESET_ARGS.map(|arg| arg.as_bytes().to_vec()));
    argv
}
