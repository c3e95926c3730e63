// What runs in the pods of the lab, and the pause program of every pod. MODE says how: "crash" ends
// at once with 3, "unready" never becomes ready, anything else serves until it is told to stop. `app
// ready` is the probe; after `app sick` it fails until the container is another one.
package main

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	mode := os.Getenv("MODE")
	if len(os.Args) > 1 {
		_, err := os.Stat("/sick")
		switch {
		case os.Args[1] == "sick":
			os.WriteFile("/sick", nil, 0o644)
		case mode == "unready" || err == nil:
			os.Exit(1)
		}
		return
	}
	fmt.Println("mode", mode)
	if mode == "crash" {
		time.Sleep(200 * time.Millisecond)
		os.Exit(3)
	}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGTERM, syscall.SIGINT)
	<-stop
}
