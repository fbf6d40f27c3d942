//! The protocol against the official SDK's.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test's own functions may panic as the test may")]

use bytes::Bytes;
use function_modelplane::function::proto;
use function_modelplane::structs::{from_struct, to_struct};
use function_sdk_rust::proto as sdk;
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FileDescriptorProto, FileDescriptorSet, MethodOptions};
use serde_json::{Value, json};

const PACKAGE: &str = "apiextensions.fn.proto.v1";

/// The protocol's file with everything that peers can notice, in an order of its own: without comments, the file's name
/// and the options for other languages' generators.
fn protocol(descriptors: &[u8]) -> FileDescriptorProto {
    let set = FileDescriptorSet::decode(descriptors).unwrap();
    let mut file = set.file.into_iter().find(|file| file.package() == PACKAGE).unwrap();
    file.name = None;
    file.options = None;
    file.source_code_info = None;
    file.dependency.sort();
    file.message_type.sort_by(|a, b| a.name.cmp(&b.name));
    file.message_type.iter_mut().for_each(sort_message);
    file.enum_type.sort_by(|a, b| a.name.cmp(&b.name));
    file.enum_type.iter_mut().for_each(sort_enum);
    for method in file.service.iter_mut().flat_map(|service| &mut service.method) {
        // Compilers differ in whether empty braces are empty options or none.
        method.options = method.options.take().filter(|options| *options != MethodOptions::default());
    }
    file
}

fn sort_message(message: &mut DescriptorProto) {
    // Oneofs are referred to by index, which the order of declaration decides: it must agree.
    message.field.sort_by_key(|field| field.number);
    message.nested_type.sort_by(|a, b| a.name.cmp(&b.name));
    message.nested_type.iter_mut().for_each(sort_message);
    message.enum_type.iter_mut().for_each(sort_enum);
}

fn sort_enum(values: &mut EnumDescriptorProto) {
    values.value.sort_by_key(|value| value.number);
}

#[test]
fn the_protocol_is_the_official_one() {
    let (ours, official) = (protocol(proto::DESCRIPTORS), protocol(sdk::FILE_DESCRIPTOR_SET));
    for (ours, official) in ours.message_type.iter().zip(&official.message_type) {
        assert_eq!(ours, official, "message by message, because the whole is hard to read");
    }
    for (ours, official) in ours.enum_type.iter().zip(&official.enum_type) {
        assert_eq!(ours, official, "enum by enum");
    }
    assert_eq!(ours.service, official.service);
    assert_eq!(ours.message_type.len(), 16);
    assert_eq!(ours.enum_type.len(), 5);
    assert_eq!(ours.service.len(), 1);
    assert_eq!(ours, official);
}

#[test]
fn reflection_is_served_what_the_protocol_imports() {
    let set = FileDescriptorSet::decode(proto::DESCRIPTORS).unwrap();
    let mut names: Vec<&str> = set.file.iter().map(FileDescriptorProto::name).collect();
    names.sort_unstable();
    assert_eq!(names, ["google/protobuf/duration.proto", "google/protobuf/struct.proto", "run_function.proto"]);
}

/// A resource with each of its fields.
fn resource(name: &str) -> Value {
    json!({
        "resource": {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name, "generation": 3}, "list": [1, 0.5, null, true, {}]},
        "connectionDetails": {"key": "c2VjcmV0", "empty": ""},
        "ready": "READY_TRUE",
    })
}

/// A state with each of its fields.
fn state(name: &str) -> Value {
    json!({"composite": resource(name), "resources": {"a": resource("a"), "b": {}, "c": {"resource": {}, "ready": "READY_FALSE"}}})
}

/// A request with each field of each message and both of absent and empty where they differ.
fn request() -> Value {
    json!({
        "meta": {"tag": "t", "capabilities": [
            "CAPABILITY_CAPABILITIES", "CAPABILITY_REQUIRED_RESOURCES", "CAPABILITY_CREDENTIALS", "CAPABILITY_CONDITIONS", "CAPABILITY_REQUIRED_SCHEMAS",
        ]},
        "observed": state("observed"),
        "desired": state("desired"),
        "input": {"apiVersion": "x/v1", "deep": {"er": [[]]}},
        "context": {},
        "extraResources": {"old": {"items": [resource("x")]}},
        "credentials": {"c": {"credentialData": {"data": {"user": "YQ=="}}}, "none": {}},
        "requiredResources": {"found": {"items": [resource("x"), resource("y")]}, "missing": {}},
        "requiredSchemas": {"s": {"openapiV3": {"type": "object"}}, "empty": {"openapiV3": {}}, "missing": {}},
    })
}

/// A response, likewise.
fn response() -> Value {
    let selectors = json!({
        "named": {"apiVersion": "v1", "kind": "Secret", "matchName": "n", "namespace": "ns"},
        "labelled": {"apiVersion": "v1", "kind": "Secret", "matchLabels": {"labels": {"a": "b"}}},
        "all": {"apiVersion": "v1", "kind": "Secret", "matchLabels": {}, "namespace": ""},
    });
    json!({
        "meta": {"tag": "t", "ttl": "61.500s"},
        "desired": state("desired"),
        "results": [
            {"severity": "SEVERITY_FATAL", "message": "m", "reason": "r", "target": "TARGET_COMPOSITE"},
            {"severity": "SEVERITY_WARNING", "message": "m", "reason": "", "target": "TARGET_UNSPECIFIED"},
            {"severity": "SEVERITY_NORMAL", "message": "m"},
        ],
        "context": {"key": "value"},
        "requirements": {"extraResources": selectors, "resources": selectors, "schemas": {"s": {"apiVersion": "v1", "kind": "Pod"}}},
        "conditions": [
            {"type": "Ready", "status": "STATUS_CONDITION_TRUE", "reason": "r", "message": "m", "target": "TARGET_COMPOSITE_AND_CLAIM"},
            {"type": "Synced", "status": "STATUS_CONDITION_FALSE", "reason": "r", "message": "", "target": "TARGET_UNSPECIFIED"},
            {"type": "Other", "status": "STATUS_CONDITION_UNKNOWN", "reason": "r"},
        ],
        "output": {"answer": 42},
    })
}

#[test]
fn a_request_passes_through_our_types_unchanged() {
    let official: sdk::v1::RunFunctionRequest = serde_json::from_value(request()).unwrap();
    let ours = proto::RunFunctionRequest::decode(official.encode_to_vec().as_slice()).unwrap();
    assert_eq!(sdk::v1::RunFunctionRequest::decode(ours.encode_to_vec().as_slice()).unwrap(), official);

    let observed = ours.observed.unwrap();
    let composite = observed.composite.unwrap();
    assert_eq!(from_struct::<Value>(composite.resource.as_ref().unwrap()).unwrap(), resource("observed")["resource"]);
    assert_eq!(composite.connection_details["key"], Bytes::from("secret"));
    assert_eq!(composite.ready(), proto::Ready::True);
    assert_eq!(observed.resources["b"].resource, None, "absent");
    assert_eq!(observed.resources["c"].resource, Some(Bytes::new()), "empty, which is not absent");
    assert_eq!(ours.context, Some(Bytes::new()));
    assert_eq!(ours.required_schemas["missing"].openapi_v3, None);
    assert_eq!(ours.required_schemas["empty"].openapi_v3, Some(Bytes::new()));
}

#[test]
fn a_response_passes_through_our_types_unchanged() {
    let official: sdk::v1::RunFunctionResponse = serde_json::from_value(response()).unwrap();
    let ours = proto::RunFunctionResponse::decode(official.encode_to_vec().as_slice()).unwrap();
    assert_eq!(sdk::v1::RunFunctionResponse::decode(ours.encode_to_vec().as_slice()).unwrap(), official);
    assert_eq!(
        ours.requirements.unwrap().resources["all"].r#match,
        Some(proto::resource_selector::Match::MatchLabels(proto::MatchLabels::default()))
    );
    assert_eq!(from_struct::<Value>(&ours.output.unwrap()).unwrap(), json!({"answer": 42}));
}

/// No field of the messages is forgotten above.
#[test]
fn the_messages_that_pass_through_have_every_field() {
    let set = [(request(), "RunFunctionRequest"), (response(), "RunFunctionResponse")];
    let file = protocol(proto::DESCRIPTORS);
    let mut unseen: std::collections::BTreeSet<String> = file
        .message_type
        .iter()
        .flat_map(|message| message.field.iter().map(|field| format!("{}.{}", message.name(), field.json_name())))
        .collect();
    for (value, message) in set {
        see(&file, message, &value, &mut unseen);
    }
    assert_eq!(unseen, std::collections::BTreeSet::new());
}

/// Takes the fields that `value`, a `message`, has out of `unseen`, at every depth.
fn see(file: &FileDescriptorProto, message: &str, value: &Value, unseen: &mut std::collections::BTreeSet<String>) {
    let Some(descriptor) = file.message_type.iter().find(|descriptor| descriptor.name() == message) else { return };
    for field in &descriptor.field {
        let Some(value) = value.get(field.json_name()) else { continue };
        unseen.remove(&format!("{message}.{}", field.json_name()));
        let type_name = field.type_name().rsplit('.').next().unwrap();
        if let Some(entry) = descriptor.nested_type.iter().find(|nested| nested.name() == type_name) {
            let of_map = entry.field[1].type_name().rsplit('.').next().unwrap();
            for value in value.as_object().unwrap().values() {
                see(file, of_map, value, unseen);
            }
        } else if let Some(elements) = value.as_array() {
            for value in elements {
                see(file, type_name, value, unseen);
            }
        } else {
            see(file, type_name, value, unseen);
        }
    }
}

#[test]
fn what_we_write_the_official_types_read() {
    let object = json!({"apiVersion": "v1", "spec": {"replicas": 3, "args": ["--a", "{}"], "null": null, "ratio": 0.25, "on": false}});
    let ours = proto::RunFunctionResponse { output: Some(to_struct(&object).unwrap()), ..Default::default() };
    let official = sdk::v1::RunFunctionResponse::decode(ours.encode_to_vec().as_slice()).unwrap();
    // JSON of the official types has no integers.
    let expected = json!({"apiVersion": "v1", "spec": {"replicas": 3.0, "args": ["--a", "{}"], "null": null, "ratio": 0.25, "on": false}});
    assert_eq!(serde_json::to_value(official.output.unwrap()).unwrap(), expected);
}

/// Each Struct is a part of the request's body and not a copy of it.
#[test]
fn decoding_copies_no_struct() {
    let official: sdk::v1::RunFunctionRequest = serde_json::from_value(request()).unwrap();
    let body = Bytes::from(official.encode_to_vec());
    let range = body.as_ptr_range();
    let request = proto::RunFunctionRequest::decode(body.clone()).unwrap();
    let states = [request.observed.unwrap(), request.desired.unwrap()];
    let of_state = |state: proto::State| state.composite.into_iter().chain(state.resources.into_values());
    let required = request.required_resources.into_values().flat_map(|resources| resources.items);
    let resources: Vec<proto::Resource> = states.into_iter().flat_map(of_state).chain(required).collect();
    let structs: Vec<Bytes> =
        resources.into_iter().filter_map(|resource| resource.resource).chain(request.input).filter(|bytes| !bytes.is_empty()).collect();
    assert_eq!(structs.len(), 7, "composite and `a` of two states, two required, input");
    for bytes in structs {
        let part = bytes.as_ptr_range();
        assert!(range.start <= part.start && part.end <= range.end);
    }
}
