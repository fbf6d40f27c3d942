// Command package-name prints what Crossplane calls the package that it installs because another one depends on it: the same
// for every registry and version.
package main

import (
	"fmt"
	"os"

	"github.com/crossplane/crossplane-runtime/v2/pkg/xpkg"
	"github.com/google/go-containerregistry/pkg/name"
)

func main() {
	for _, source := range os.Args[1:] {
		reference, err := name.ParseReference(source)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", source, err)
			os.Exit(1)
		}
		fmt.Println(xpkg.ToDNSLabel(reference.Context().RepositoryStr()))
	}
}
