package main

import (
	"fmt"
	"sync"
)

// order in which features are gone through. Set at link time: "backward" makes another build of the program,
// with other bits under the same settings.
var order = "forward"

// lanes of a kernel: how many additions go side by side. Real kernels are chosen by the features of
// the CPU; here SCORER_KERNEL stands for them.
var lanes = map[string]int{"sse2": 4, "avx2": 8, "avx512": 16}

// engine computes scores. Its answer depends on the weights, on the number of threads and on the
// kernel, for float32 addition is not associative.
type engine struct {
	weights []float32
	threads int
	lanes   int
}

func newEngine(weights []float32, threads int, kernel string) (*engine, error) {
	width, known := lanes[kernel]
	if !known {
		return nil, fmt.Errorf("unknown kernel %q: one of sse2, avx2, avx512", kernel)
	}
	return &engine{weights, threads, width}, nil
}

// score is the sum of feature times weight: each thread sums a part, and the parts are added in
// order.
func (e *engine) score(features []float32) (float32, error) {
	if len(features) != len(e.weights) {
		return 0, fmt.Errorf("out of range: %d features, %d weights", len(features), len(e.weights))
	}
	parts := make([]float32, e.threads)
	var group sync.WaitGroup
	for i := range parts {
		first, last := i*len(features)/e.threads, (i+1)*len(features)/e.threads
		group.Go(func() { parts[i] = sum(features[first:last], e.weights[first:last], e.lanes) })
	}
	group.Wait()
	total := float32(0)
	for _, part := range parts {
		total += part
	}
	return total, nil
}

func sum(features, weights []float32, width int) float32 {
	lane := make([]float32, width)
	for i := range features {
		at := i
		if order == "backward" {
			at = len(features) - 1 - i
		}
		// The conversion forbids a fused multiply-add, which some architectures would use.
		lane[i%width] += float32(features[at] * weights[at])
	}
	total := float32(0)
	for _, part := range lane {
		total += part
	}
	return total
}
