// A server that nobody has told what to do about SIGTERM: Go's runtime ends it at once.
package main

import (
	"net/http"
	"time"
)

func main() {
	http.HandleFunc("/", func(writer http.ResponseWriter, request *http.Request) {
		if request.URL.Path == "/slow" {
			time.Sleep(3 * time.Second)
		}
		time.Sleep(30 * time.Millisecond)
		writer.Write([]byte("done\n"))
	})
	http.ListenAndServe(":8000", nil)
}
