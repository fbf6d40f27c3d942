// Pins modules of which only the CRDs are read; nothing here is compiled.
module modelplane.ai/function-modelplane/tests/e2e/tools/crds

go 1.26.0

require (
	github.com/crossplane-contrib/provider-kubernetes v1.2.1
	github.com/kedacore/keda/v2 v2.17.3
	github.com/llm-d/llm-d-workload-variant-autoscaler v0.7.0
	sigs.k8s.io/gateway-api v1.4.1
	sigs.k8s.io/gateway-api-inference-extension v1.3.1
	sigs.k8s.io/lws v0.8.0
)
