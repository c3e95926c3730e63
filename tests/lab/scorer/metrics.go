package main

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"scorer/model"
)

var buckets = []float64{0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10}

// metrics count what the engine has done.
type metrics struct {
	lock      sync.Mutex
	completed int
	errors    int
	refused   int
	sum       float64
	within    []int
}

func newMetrics() *metrics { return &metrics{within: make([]int, len(buckets))} }

func (m *metrics) finished(took time.Duration, err error) {
	m.lock.Lock()
	defer m.lock.Unlock()
	if err != nil {
		m.errors++
		return
	}
	m.completed++
	m.sum += took.Seconds()
	for i, limit := range buckets {
		if took.Seconds() <= limit {
			m.within[i]++
		}
	}
}

// turnedAway counts a request above the rate.
func (m *metrics) turnedAway() {
	m.lock.Lock()
	defer m.lock.Unlock()
	m.refused++
}

// text is the Prometheus form. That sidecar_healthy is 0 while all is well is the real sidecar's.
func (m *metrics) text(waiting int64) string {
	m.lock.Lock()
	defer m.lock.Unlock()
	var out strings.Builder
	plain := func(name, kind string, value any) {
		fmt.Fprintf(&out, "# TYPE veid_inference_%s %s\nveid_inference_%s %v\n", name, kind, name, value)
	}
	plain("feature_dimension", "gauge", model.Dimension)
	plain("sidecar_healthy", "gauge", 0)
	plain("completed_total", "counter", m.completed)
	plain("errors_total", "counter", m.errors)
	plain("queue_length", "gauge", waiting)
	plain("turned_away_total", "counter", m.refused)
	const latency = "veid_inference_latency_seconds"
	fmt.Fprintf(&out, "# TYPE %s histogram\n", latency)
	for i, limit := range buckets {
		fmt.Fprintf(&out, "%s_bucket{le=\"%g\"} %d\n", latency, limit, m.within[i])
	}
	fmt.Fprintf(&out, "%s_bucket{le=\"+Inf\"} %d\n", latency, m.completed)
	fmt.Fprintf(&out, "%s_sum %g\n%s_count %d\n", latency, m.sum, latency, m.completed)
	return out.String()
}

// serveMetrics says that it listens before it does, and a port that is taken ends it alone: both are
// the real sidecar's.
func serveMetrics(address string, seen *metrics, queue *queue, log logger) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health", func(out http.ResponseWriter, _ *http.Request) { fmt.Fprint(out, "OK") })
	mux.HandleFunc("GET /metrics", func(out http.ResponseWriter, _ *http.Request) {
		out.Header().Set("Content-Type", "text/plain; version=0.0.4")
		fmt.Fprint(out, seen.text(queue.length.Load()))
	})
	log.info("Metrics server listening", "addr", address)
	if err := http.ListenAndServe(address, mux); err != nil {
		log.error("Metrics server error", "err", err.Error())
	}
}
