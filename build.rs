//! Compiles `proto/` without a system `protoc`.
//!
//! The generated code keeps every `google.protobuf.Struct` as the bytes it has on the wire, so that an object is decoded
//! only as far as it is read. The descriptors served by reflection are the original ones.

use std::error::Error;
use std::path::PathBuf;

use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FileDescriptorSet, OneofDescriptorProto};

const STRUCT: &str = ".google.protobuf.Struct";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed=proto");
    println!("cargo:rustc-env=FUNCTION_MODELPLANE_VERSION={}", version()?);
    let files = protox::compile(["run_function.proto"], ["proto"])?;
    let out = PathBuf::from(std::env::var("OUT_DIR")?);
    std::fs::write(out.join("descriptors.bin"), files.encode_to_vec())?;
    tonic_prost_build::configure().btree_map(".").bytes(".").build_client(false).compile_fds(with_structs_as_bytes(files))?;
    Ok(())
}

/// The version, and the commit where it is built in a clone.
fn version() -> Result<String, Box<dyn Error>> {
    let version = std::env::var("CARGO_PKG_VERSION")?;
    // Changes with every commit and checkout.
    let log = PathBuf::from(".git/logs/HEAD");
    if !log.exists() {
        return Ok(version);
    }
    println!("cargo:rerun-if-changed={}", log.display());
    let head = std::process::Command::new("git").args(["rev-parse", "--short=12", "HEAD"]).output();
    let commit = head.ok().filter(|done| done.status.success()).and_then(|done| String::from_utf8(done.stdout).ok());
    Ok(commit.map_or_else(|| version.clone(), |commit| format!("{version} ({})", commit.trim())))
}

/// The same files with each field of type Struct turned into `optional bytes`, which has the same form on the wire.
fn with_structs_as_bytes(mut files: FileDescriptorSet) -> FileDescriptorSet {
    for message in files.file.iter_mut().flat_map(|file| &mut file.message_type) {
        rewrite(message);
    }
    files
}

fn rewrite(message: &mut DescriptorProto) {
    let DescriptorProto { field, nested_type, oneof_decl, .. } = message;
    for field in field.iter_mut().filter(|field| field.type_name.as_deref() == Some(STRUCT)) {
        field.type_name = None;
        field.set_type(Type::Bytes);
        if field.proto3_optional.is_none() {
            // Without a synthetic oneof absent and empty would be the same.
            field.proto3_optional = Some(true);
            field.oneof_index = i32::try_from(oneof_decl.len()).ok();
            oneof_decl.push(OneofDescriptorProto { name: Some(format!("_{}", field.name())), options: None });
        }
    }
    nested_type.iter_mut().for_each(rewrite);
}
