// Package main is the lab's inference service: the command line, start refusals, log lines, health and
// metrics of the real sidecar, and in front of it the REST interface of TensorFlow Serving, which really
// scores. It has no gRPC.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"scorer/model"
)

// options are the flags of the real sidecar that matter here.
type options struct {
	modelPath, modelVersion, expectedHash string
	forceCPU                              bool
	address, metricsAddress               string
	logLevel                              string
	threads                               int
}

// unused are flags of the real sidecar that are taken and do nothing.
var unused = map[string]string{
	"grpc-addr": ":50051", "random-seed": "42", "max-memory-mb": "512", "timeout": "2s",
	"enable-reflection": "false", "serving-url": "http://localhost:8501", "serving-model": "trust_score",
	"serving-signature": "", "serving-timeout": "5s", "serving-health-path": "", "serving-fallback-url": "",
	"allow-fallback-to-stub": "false",
}

func parse() options {
	var chosen options
	flag.StringVar(&chosen.modelPath, "model-path", "models/trust_score", "directory of the model")
	flag.StringVar(&chosen.modelVersion, "model-version", "v1.0.0", "version of the model")
	flag.StringVar(&chosen.expectedHash, "expected-hash", "", "hash of the model, 64 hex digits")
	flag.BoolVar(&chosen.forceCPU, "force-cpu", true, "no GPU")
	flag.StringVar(&chosen.address, "http-addr", ":8501", "where to answer to predictions")
	flag.StringVar(&chosen.metricsAddress, "metrics-addr", ":9090", "where /metrics and /health are")
	flag.StringVar(&chosen.logLevel, "log-level", "info", "info or error")
	flag.IntVar(&chosen.threads, "threads", 0, "threads of one score; 0: OMP_NUM_THREADS, else all processors")
	for name, value := range unused {
		flag.String(name, value, "taken as by the real sidecar, without effect")
	}
	flag.Parse() // --help ends with 0, an unknown flag with 2; words behind the flags are ignored
	return chosen
}

func main() {
	chosen := parse()
	log := logger{quiet: chosen.logLevel == "error"}
	if err := run(chosen, log); err != nil {
		log.error("Fatal", "err", err.Error())
		os.Exit(1)
	}
}

// run serves until SIGTERM or SIGINT.
func run(chosen options, log logger) error {
	threads, kernel, err := settings(chosen.threads)
	if err != nil {
		return err
	}
	log.info("Starting inference sidecar", "threads", strconv.Itoa(threads), "kernel", kernel)
	weights, err := load(chosen, log)
	if err != nil {
		return err
	}
	engine, err := newEngine(weights, threads, kernel)
	if err != nil {
		return err
	}
	seen := newMetrics()
	capacity, err := capacityOf(os.Getenv)
	if err != nil {
		return err
	}
	queue := newQueue(engine, seen, control(os.Getenv("SCORER_CONTROL")), capacity)
	// Never stopped: it answers also while the rest waits for its end.
	go serveMetrics(chosen.metricsAddress, seen, queue, log)

	listener, err := net.Listen("tcp", chosen.address)
	if err != nil {
		return err
	}
	log.info("HTTP server listening", "addr", chosen.address)
	server := &http.Server{Handler: queue.handler()}
	stopped := make(chan os.Signal, 1)
	signal.Notify(stopped, syscall.SIGTERM, os.Interrupt)
	ended := make(chan error, 1)
	go func() {
		<-stopped
		log.info("Shutdown signal received")
		// Without a limit: an open request blocks it, as in the real sidecar.
		ended <- server.Shutdown(context.Background())
	}()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	if err := <-ended; err != nil {
		return err
	}
	log.info("Server stopped gracefully")
	return nil
}

// settings are what decides the bits of an answer, besides the model.
func settings(threads int) (int, string, error) {
	if threads == 0 {
		threads = runtime.NumCPU()
		if named := os.Getenv("OMP_NUM_THREADS"); named != "" {
			var err error
			if threads, err = strconv.Atoi(named); err != nil {
				return 0, "", fmt.Errorf("OMP_NUM_THREADS: %w", err)
			}
		}
	}
	// What is called workers somewhere, and is none: each score is split among them.
	if named := os.Getenv("SCORER_SHARDS"); named != "" {
		shards, err := strconv.Atoi(named)
		if err != nil {
			return 0, "", fmt.Errorf("SCORER_SHARDS: %w", err)
		}
		threads *= shards
	}
	if threads < 1 || threads > model.Dimension {
		return 0, "", fmt.Errorf("threads must be 1 to %d, got %d", model.Dimension, threads)
	}
	kernel := os.Getenv("SCORER_KERNEL")
	if kernel == "" {
		kernel = "avx2"
	}
	return threads, kernel, nil
}

// capacityOf reads what decides nothing but how much is answered.
func capacityOf(environment func(string) string) (capacity, error) {
	found := capacity{workers: 1, rate: 1 << 20, room: 4096}
	for name, value := range map[string]*int{
		"SCORER_WORKERS": &found.workers, "SCORER_RATE": &found.rate, "SCORER_QUEUE": &found.room,
	} {
		named := environment(name)
		if named == "" {
			continue
		}
		number, err := strconv.Atoi(named)
		if err != nil || number < 1 {
			return capacity{}, fmt.Errorf("%s must be a number from 1 on, got %q", name, named)
		}
		*value = number
	}
	return found, nil
}

// load refuses as the real sidecar does, in its order and words.
func load(chosen options, log logger) ([]float32, error) {
	if !chosen.forceCPU {
		return nil, errors.New("force_cpu must be true when deterministic mode is enabled")
	}
	expected := strings.ToLower(strings.TrimPrefix(chosen.expectedHash, "sha256:"))
	if expected == "" {
		return nil, errors.New("expected_hash must be set when deterministic mode is enabled")
	}
	if len(expected) != 64 || strings.Trim(expected, "0123456789abcdef") != "" {
		return nil, fmt.Errorf("expected_hash must be 64 hex chars, got %s", chosen.expectedHash)
	}
	if err := model.CheckPath(chosen.modelPath); err != nil {
		return nil, err
	}
	found, err := model.Hash(chosen.modelPath)
	if err != nil {
		return nil, err
	}
	if found != expected {
		return nil, fmt.Errorf("model hash mismatch: expected %s, got %s", expected, found)
	}
	said, err := model.ReadMetadata(chosen.modelPath)
	if err != nil {
		return nil, err
	}
	if said.Version != "" && said.Version != chosen.modelVersion {
		return nil, fmt.Errorf("model version mismatch: expected %s, got %s", chosen.modelVersion, said.Version)
	}
	if said.Hash != "" && said.Hash != found {
		return nil, fmt.Errorf("model metadata hash mismatch: %s, got %s", said.Hash, found)
	}
	weights, err := model.Weights(chosen.modelPath)
	if err != nil {
		return nil, err
	}
	log.info("Model loaded successfully", "version", chosen.modelVersion, "hash", found)
	// The second comparison is stricter: a prefix or upper case passes the first one only.
	if found != chosen.expectedHash {
		return nil, fmt.Errorf("model hash mismatch: expected %s, got %s", chosen.expectedHash, found)
	}
	return weights, nil
}

// logger writes as the real sidecar: RFC3339 [level] message key=value, to standard output.
type logger struct{ quiet bool }

func (l logger) info(message string, pairs ...string) {
	if !l.quiet {
		l.write("info", message, pairs)
	}
}

func (l logger) error(message string, pairs ...string) { l.write("error", message, pairs) }

func (logger) write(level, message string, pairs []string) {
	line := fmt.Sprintf("%s [%s] %s", time.Now().UTC().Format(time.RFC3339), level, message)
	for i := 0; i+1 < len(pairs); i += 2 {
		line += " " + pairs[i] + "=" + pairs[i+1]
	}
	fmt.Println(line)
}
