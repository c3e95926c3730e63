// What runs in the pods of the lab, and the pause program of every pod. MODE says how: "crash" ends
// at once with 3, "unready" never becomes ready, anything else serves until it is told to stop.
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
	if len(os.Args) > 1 && os.Args[1] == "ready" {
		if mode == "unready" {
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
