use function_modelplane::api::resource_name::extended_resource_error;

#[test]
fn only_what_devices_go_by_is_an_extended_resource() {
    let longest = format!("{}/{}", "a".repeat(244), "b".repeat(63));
    for name in ["nvidia.com/gpu", "nvidia.com/mig-1g.5gb", "amd.com/gpu", "rdma/ib", "vpc.amazonaws.com/efa", "a/b", &longest] {
        assert_eq!(extended_resource_error(name), None, "{name}");
    }
    let plain = Some("a device's resource has a domain in front, as in \"nvidia.com/gpu\"");
    let native = Some("the domain kubernetes.io is Kubernetes' own, and no device's");
    let name = Some("the name may have letters, digits, '-', '_' and '.' only, and must start and end with a letter or digit");
    let prefix = Some("the prefix before '/' must be a DNS name: lower case letters, digits, '-' and '.', as in \"example.com\"");
    let cases = [
        ("cpu", plain, "it would take the place of the pod's CPU"),
        ("memory", plain, "or of its memory"),
        ("hugepages-2Mi", plain, "Kubernetes' own"),
        ("", plain, "nothing"),
        ("kubernetes.io/batch-cpu", native, "Kubernetes' own by its domain"),
        ("node.kubernetes.io/x", native, "and by the domains below"),
        ("requests.nvidia.com/gpu", Some("a domain that starts with \"requests.\" is for quotas, and no device's"), "a quota"),
        ("nvidia.com/", Some("the name must not be empty"), "no name"),
        ("nvidia.com/gpu/1", name, "two names"),
        ("Nvidia.com/gpu", prefix, "domains are in lower case"),
        ("{{ x }}/gpu", prefix, "a template"),
        (&format!("{}/b", "a".repeat(245)), Some("the prefix before '/' may have at most 253 characters"), "a quota could not name it"),
    ];
    for (text, error, why) in cases {
        assert_eq!(extended_resource_error(text), error, "{text}: {why}");
    }
}
