// Load over HTTP/1.1 connections that stay open, with fortio's client.
//
//	load [-connections N] [-ca FILE -cert FILE -key FILE] URL
//
// Each line of stdin is a number of requests and a rate a second; the answer is a line with the microseconds that each
// request took, sorted, as a JSON array. Anything but a 200 ends the program.
//
// With the rate 0, each connection sends its next request when the last is answered. Else every request has a time at
// which it is due, spread evenly over the connections, and no answer moves it. fortio's own runner measures from when a
// request is sent, so one slow answer hides the wait of all that were due meanwhile; here a request that could not be
// sent in time is measured from when it was due. One that is late because this program woke late is measured from when
// it is sent.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"

	"fortio.org/fortio/fhttp"
	"fortio.org/log"
)

func main() {
	var options fhttp.HTTPOptions
	connections := flag.Int("connections", 8, "how many")
	flag.StringVar(&options.CACert, "ca", "", "who signs the server's certificate")
	flag.StringVar(&options.Cert, "cert", "", "the certificate to show")
	flag.StringVar(&options.Key, "key", "", "its key")
	flag.Parse()
	log.SetLogLevelQuiet(log.Error)
	options.URL = flag.Arg(0)
	options.HTTPReqTimeOut = 30 * time.Second
	if err := serve(options, *connections); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func serve(options fhttp.HTTPOptions, connections int) error {
	clients := make([]fhttp.Fetcher, connections)
	for at := range clients {
		client, err := fhttp.NewClient(&options)
		if err != nil {
			return err
		}
		// It opens the connection, and is not counted.
		if err := ask(client); err != nil {
			return err
		}
		clients[at] = client
	}
	for {
		var requests int
		var rate float64
		if _, err := fmt.Scanln(&requests, &rate); err == io.EOF {
			return nil
		} else if err != nil {
			return err
		}
		taken, err := run(clients, requests, rate)
		if err != nil {
			return err
		}
		if err := json.NewEncoder(os.Stdout).Encode(taken); err != nil {
			return err
		}
	}
}

// run returns the microseconds of every request, sorted.
func run(clients []fhttp.Fetcher, requests int, rate float64) ([]float64, error) {
	var all sync.WaitGroup
	taken := make([][]float64, len(clients))
	errors := make([]error, len(clients))
	start := time.Now()
	for first, client := range clients {
		due := func(number int) time.Time {
			seconds := float64(number*len(clients)+first) / rate
			return start.Add(time.Duration(seconds * float64(time.Second)))
		}
		if rate == 0 {
			due = nil
		}
		all.Go(func() { taken[first], errors[first] = send(client, requests/len(clients), due) })
	}
	all.Wait()
	for _, err := range errors {
		if err != nil {
			return nil, err
		}
	}
	sorted := slices.Concat(taken...)
	slices.Sort(sorted)
	return sorted, nil
}

// send sends the requests of one connection, each when it is due, or at once.
func send(client fhttp.Fetcher, count int, due func(int) time.Time) ([]float64, error) {
	taken := make([]float64, 0, count)
	var answered time.Time
	for number := range count {
		begun := time.Now()
		if due != nil {
			at := due(number)
			time.Sleep(time.Until(at))
			if begun = time.Now(); answered.After(at) {
				begun = at
			}
		}
		if err := ask(client); err != nil {
			return nil, err
		}
		answered = time.Now()
		taken = append(taken, float64(answered.Sub(begun).Nanoseconds())/1e3)
	}
	return taken, nil
}

func ask(client fhttp.Fetcher) error {
	if status, _, _ := client.StreamFetch(context.Background()); status != http.StatusOK {
		return fmt.Errorf("the answer is %d", status)
	}
	return nil
}
