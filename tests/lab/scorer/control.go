package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// control is a directory whose files are faults, looked at before every request:
//
//	slow-ms N   every request takes N milliseconds more
//	errors N    N of 100 requests fail
//	hang 1      the engine freezes at the next request
//	hold-mb N   the engine takes N MiB of memory
//	load N      N further requests come every second
//
// A file NAME stays until it is removed. NAME.once is taken into the process and removed: a restart
// cures it. Empty: no faults.
type control string

type faults struct {
	slow   time.Duration
	errors int
	hang   bool
	holdMB int
	load   int
}

// failsAt spreads the failures evenly over the requests.
func (f faults) failsAt(count int) bool {
	return count*f.errors/100 > (count-1)*f.errors/100
}

func (c control) read() faults {
	return faults{
		slow:   time.Duration(c.number("slow-ms")) * time.Millisecond,
		errors: c.number("errors"),
		hang:   c.number("hang") > 0,
		holdMB: c.number("hold-mb"),
		load:   c.number("load"),
	}
}

var (
	once     sync.Mutex
	lastOnce = map[string]int{}
)

func (c control) number(name string) int {
	if c == "" {
		return 0
	}
	if number, found := readNumber(filepath.Join(string(c), name)); found {
		return number
	}
	once.Lock()
	defer once.Unlock()
	path := filepath.Join(string(c), name+".once")
	if number, found := readNumber(path); found {
		lastOnce[name] = number
		_ = os.Remove(path)
	}
	return lastOnce[name]
}

func readNumber(path string) (int, bool) {
	content, err := os.ReadFile(path)
	if err != nil {
		return 0, false
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(content)))
	return number, err == nil
}
