// Command kserve-engines does to LLMInferenceServices what KServe's controller does before it creates Deployments, with
// KServe's own code: its webhook validates them, its presets are merged under them, the result is executed as a Go template.
//
// It reads a JSON array of LLMInferenceServices from standard input and prints a JSON array with the container `main` of
// every phase. The one argument is the folder of KServe's presets.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/kserve/kserve/pkg/apis/serving/v1alpha2"
	"github.com/kserve/kserve/pkg/controller/v1alpha2/llmisvc"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Engine is what a kubelet is told about the engine's container.
type Engine struct {
	Command []string        `json:"command"`
	Args    []string        `json:"args"`
	Env     []corev1.EnvVar `json:"env"`
}

// Service is what came of one LLMInferenceService: the engine of each phase, or why KServe would not run it.
type Service struct {
	Namespace string            `json:"namespace"`
	Name      string            `json:"name"`
	Error     string            `json:"error,omitempty"`
	Engines   map[string]Engine `json:"engines,omitempty"`
}

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintf(os.Stderr, "kserve-engines: %v\n", err)
		os.Exit(1)
	}
}

func run(args []string, in io.Reader, out io.Writer) error {
	if len(args) != 1 {
		return errors.New("usage: kserve-engines FOLDER-OF-PRESETS < services.json")
	}
	var services []*v1alpha2.LLMInferenceService
	if err := json.NewDecoder(in).Decode(&services); err != nil {
		return err
	}
	results := make([]Service, 0, len(services))
	for _, service := range services {
		result := Service{Namespace: service.Namespace, Name: service.Name}
		engines, err := enginesOf(service, args[0])
		if err != nil {
			result.Error = err.Error()
		}
		result.Engines = engines
		results = append(results, result)
	}
	return json.NewEncoder(out).Encode(results)
}

func enginesOf(service *v1alpha2.LLMInferenceService, presets string) (map[string]Engine, error) {
	ctx := context.Background()
	if _, err := (&v1alpha2.LLMInferenceServiceValidator{}).ValidateCreate(ctx, service); err != nil {
		return nil, fmt.Errorf("refused by the webhook: %w", err)
	}
	var specs []v1alpha2.LLMInferenceServiceSpec
	for _, name := range presetsOf(service) {
		spec, err := readPreset(filepath.Join(presets, name+".yaml"))
		if err != nil {
			return nil, err
		}
		specs = append(specs, spec)
	}
	spec, err := llmisvc.MergeSpecs(ctx, append(specs, service.Spec)...)
	if err != nil {
		return nil, fmt.Errorf("cannot merge: %w", err)
	}
	config := &v1alpha2.LLMInferenceServiceConfig{ObjectMeta: service.ObjectMeta, Spec: spec}
	config, err = llmisvc.ReplaceVariables(service, config, &llmisvc.Config{
		SystemNamespace: "kserve", IngressGatewayNamespace: "kserve", IngressGatewayName: "kserve-ingress-gateway",
	})
	if err != nil {
		return nil, fmt.Errorf("cannot execute the template: %w", err)
	}
	if config.Spec.Prefill == nil {
		return phases(map[string]*corev1.PodSpec{"unified": config.Spec.Template})
	}
	return phases(map[string]*corev1.PodSpec{"decode": config.Spec.Template, "prefill": config.Spec.Prefill.Template})
}

// presetsOf names the presets that the controller picks by itself (combineBaseRefsConfig), lowest precedence first.
func presetsOf(service *v1alpha2.LLMInferenceService) []string {
	var names []string
	if router := service.Spec.Router; router != nil && router.Scheduler != nil {
		names = append(names, "config-llm-scheduler")
	}
	if router := service.Spec.Router; router != nil && router.Route != nil {
		names = append(names, "config-llm-router-route")
	}
	if service.Spec.Prefill != nil {
		return append(names, "config-llm-prefill-template", "config-llm-decode-template")
	}
	return append(names, "config-llm-template")
}

func readPreset(path string) (v1alpha2.LLMInferenceServiceSpec, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return v1alpha2.LLMInferenceServiceSpec{}, err
	}
	var preset v1alpha2.LLMInferenceServiceConfig
	err = yaml.Unmarshal(text, &preset)
	return preset.Spec, err
}

func phases(pods map[string]*corev1.PodSpec) (map[string]Engine, error) {
	engines := map[string]Engine{}
	for phase, pod := range pods {
		if pod == nil {
			return nil, fmt.Errorf("%s has no pod template", phase)
		}
		for _, container := range pod.Containers {
			if container.Name == "main" {
				engines[phase] = Engine{Command: container.Command, Args: container.Args, Env: container.Env}
			}
		}
		if _, found := engines[phase]; !found {
			return nil, fmt.Errorf("%s has no container main", phase)
		}
	}
	return engines, nil
}
