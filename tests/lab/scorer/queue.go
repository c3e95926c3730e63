package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

var errInjected = errors.New("Session was not created with a graph before Run()!")

// job is one request: all its instances, and where the answer goes.
type job struct {
	instances [][]float32
	arrived   time.Time
	done      chan answer
}

type answer struct {
	predictions []float32
	err         error
}

// capacity is what an operator may change without changing a bit of an answer: how many requests are
// computed at the same time, how many of other clients are taken each second, and how many may wait.
type capacity struct{ workers, rate, room int }

// queue holds the requests for one engine, each of whose workers takes one after the other.
type queue struct {
	engine   *engine
	seen     *metrics
	control  control
	capacity capacity
	waiting  chan job
	length   atomic.Int64
	taken    atomic.Int64
	holding  sync.Mutex
	held     [][]byte
}

func newQueue(engine *engine, seen *metrics, control control, capacity capacity) *queue {
	made := &queue{
		engine: engine, seen: seen, control: control, capacity: capacity,
		waiting: make(chan job, capacity.room),
	}
	for range capacity.workers {
		go made.work()
	}
	go made.load()
	return made
}

// work is a worker's own loop. The front answers to /health whatever happens here.
func (q *queue) work() {
	for next := range q.waiting {
		count := int(q.taken.Add(1))
		faults := q.control.read()
		if faults.hang {
			select {} // frozen: nothing brings it back but a restart
		}
		if faults.holdMB > 0 {
			q.hold(faults.holdMB)
		}
		time.Sleep(faults.slow)
		var said answer
		if faults.failsAt(count) {
			said.err = errInjected
		} else {
			said = q.answer(next.instances)
		}
		q.length.Add(-1)
		q.seen.finished(time.Since(next.arrived), said.err)
		next.done <- said
	}
}

func (q *queue) answer(instances [][]float32) answer {
	predictions := make([]float32, 0, len(instances))
	for _, features := range instances {
		score, err := q.engine.score(features)
		if err != nil {
			return answer{err: err}
		}
		predictions = append(predictions, score)
	}
	return answer{predictions: predictions}
}

// hold takes memory and touches it, once. Little by little: where there is no room for one large piece,
// Go ends with a segmentation violation.
func (q *queue) hold(megabytes int) {
	q.holding.Lock()
	defer q.holding.Unlock()
	for len(q.held) < megabytes {
		piece := make([]byte, 1<<20)
		for i := 0; i < len(piece); i += 4096 {
			piece[i] = 1
		}
		q.held = append(q.held, piece)
	}
}

// load asks for scores as other clients would, so many times a second. The rate is a limit on these: the
// requests of the host's own node are never turned away for it.
func (q *queue) load() {
	for range time.Tick(time.Second) {
		for i := range q.control.read().load {
			if i >= q.capacity.rate {
				q.seen.turnedAway()
				continue
			}
			q.put([][]float32{make([]float32, len(q.engine.weights))})
		}
	}
}

// put returns nil where there is no room.
func (q *queue) put(instances [][]float32) chan answer {
	next := job{instances, time.Now(), make(chan answer, 1)}
	q.length.Add(1) // before a worker can have it: the gauge never goes below zero
	select {
	case q.waiting <- next:
		return next.done
	default:
		q.length.Add(-1)
		return nil
	}
}

// handler is TensorFlow Serving's REST interface of one model.
func (q *queue) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/models/trust_score:predict", q.predict)
	mux.HandleFunc("GET /v1/models/trust_score", func(out http.ResponseWriter, _ *http.Request) {
		available := map[string]any{
			"version": "1", "state": "AVAILABLE", "status": map[string]string{"error_code": "OK", "error_message": ""},
		}
		write(out, http.StatusOK, map[string]any{"model_version_status": []any{available}})
	})
	return mux
}

func (q *queue) predict(out http.ResponseWriter, asked *http.Request) {
	var body struct {
		Instances [][]float32 `json:"instances"`
	}
	if err := json.NewDecoder(http.MaxBytesReader(out, asked.Body, 8<<20)).Decode(&body); err != nil {
		write(out, http.StatusBadRequest, map[string]string{"error": "JSON Parse error: " + err.Error()})
		return
	}
	if len(body.Instances) == 0 {
		write(out, http.StatusBadRequest, map[string]string{"error": "Missing 'inputs' or 'instances' key"})
		return
	}
	done := q.put(body.Instances)
	if done == nil {
		write(out, http.StatusServiceUnavailable, map[string]string{"error": "queue is full"})
		return
	}
	select {
	case said := <-done:
		if said.err != nil {
			write(out, http.StatusInternalServerError, map[string]string{"error": said.err.Error()})
			return
		}
		// Go writes the shortest decimal number that is this float32 again.
		write(out, http.StatusOK, map[string][]float32{"predictions": said.predictions})
	case <-asked.Context().Done(): // the client has gone; the engine does the work all the same
	}
}

func write(out http.ResponseWriter, status int, body any) {
	out.Header().Set("Content-Type", "application/json")
	out.WriteHeader(status)
	_ = json.NewEncoder(out).Encode(body)
}
