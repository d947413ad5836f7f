#!/usr/bin/python3 -I
"""Stands in for glance-registry: reads its port from the file that --config-file names."""

import http.server
import sys


class Answers(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:  # noqa: N802
        known = "X-Auth-Token" in self.headers
        self.send_response(300 if self.path == "/" else 200 if known else 401)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


with open(sys.argv[1].partition("=")[2]) as file:
    port = int(file.read())
http.server.HTTPServer(("127.0.0.1", port), Answers).serve_forever()
